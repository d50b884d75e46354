#include "aggregate/aggregate.hpp"

#include <algorithm>
#include <array>
#include <cfloat>

#include "base/check.hpp"

namespace mas {
namespace {

// Compensation lives on each operation being rounded once, to double, and on none being
// "optimized".
static_assert(FLT_EVAL_METHOD == 0 && std::numeric_limits<double>::is_iec559);
#ifdef __FAST_MATH__
#error "the compensated sum needs IEEE arithmetic: build without -ffast-math"
#endif

constexpr std::array<std::string_view, 4> op_names = {"AVG", "MAX", "MIN", "COUNT"};
constexpr double scale_down = 0x1p-64;
constexpr double scale_up = 0x1p64;

}  // namespace

std::string_view op_name(Op op) { return op_names.at(static_cast<std::size_t>(op)); }

std::optional<Op> parse_op(std::string_view name) {
  for (const Op op : {Op::avg, Op::max, Op::min, Op::count})
    if (op_name(op) == name) return op;
  return std::nullopt;
}

std::optional<Op> op_from_number(std::uint8_t number) {
  if (number >= op_names.size()) return std::nullopt;
  return static_cast<Op>(number);
}

void Aggregate::scale_sum() {
  if (parts_.sum_scaled) return;
  parts_.sum_high *= scale_down;
  parts_.sum_low *= scale_down;
  parts_.sum_scaled = true;
}

void Aggregate::add_scaled(double value) {
  scale_sum();
  const double scaled = value * scale_down;
  const double sum = parts_.sum_high + scaled;
  parts_.sum_low += rounding_error(parts_.sum_high, scaled, sum);
  parts_.sum_high = sum;
}

void Aggregate::merge(const Aggregate& other) {
  AggregateParts from = other.parts_;
  if (from.count == 0) return;
  if (parts_.count == 0) {
    parts_ = from;
    return;
  }
  parts_.count += from.count;
  if (from.min < parts_.min || (from.min == parts_.min && std::signbit(from.min)))
    parts_.min = from.min;
  if (from.max > parts_.max || (from.max == parts_.max && !std::signbit(from.max)))
    parts_.max = from.max;
  if (parts_.sum_scaled || from.sum_scaled ||
      std::fabs(parts_.sum_high + from.sum_high) > unscaled_sum_max) {
    scale_sum();
    if (!from.sum_scaled) {
      from.sum_high *= scale_down;
      from.sum_low *= scale_down;
    }
  }
  const double sum = parts_.sum_high + from.sum_high;
  parts_.sum_low += rounding_error(parts_.sum_high, from.sum_high, sum) + from.sum_low;
  parts_.sum_high = sum;
}

double Aggregate::mean() const {
  // One value, however often: itself, -0.0 with its sign.
  if (parts_.min == parts_.max) return parts_.max;
  const auto count = static_cast<double>(parts_.count);
  // Division in double-double (Dekker, "A Floating-Point Technique for Extending the Available
  // Precision", Numerische Mathematik 18, 1971): rounding the sum before dividing it would cost up
  // to half a unit more than the answer may be off.
  const double sum = parts_.sum_high + parts_.sum_low;
  const double rest = rounding_error(parts_.sum_high, parts_.sum_low, sum);
  const double quotient = sum / count;
  const double remainder = std::fma(-quotient, count, sum) + rest;
  double mean = quotient + remainder / count;
  if (parts_.sum_scaled) mean *= scale_up;
  // True of the exact mean, so it only ever takes an error away.
  return std::clamp(mean, parts_.min, parts_.max);
}

double Aggregate::result(Op op) const {
  if (op == Op::count) return static_cast<double>(parts_.count);
  MAS_CHECK(parts_.count > 0);
  if (op == Op::max) return parts_.max;
  if (op == Op::min) return parts_.min;
  return mean();
}

}  // namespace mas
