#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace mas {

/// What a query or a rule makes of a window. The numbers stand in messages and files.
enum class Op : std::uint8_t { avg = 0, max = 1, min = 2, count = 3 };

/// `AVG`, `MAX`, `MIN` or `COUNT`, as clients write them. Thread-safe.
[[nodiscard]] std::string_view op_name(Op op);
/// The operation of that very name, upper case. Thread-safe.
[[nodiscard]] std::optional<Op> parse_op(std::string_view name);
/// The operation of that number, for decoders. Thread-safe.
[[nodiscard]] std::optional<Op> op_from_number(std::uint8_t number);

/// What an Aggregate is made of: what block headers and messages hold. The sum is
/// `sum_high + sum_low`, times 2^64 when `sum_scaled`.
struct AggregateParts {
  std::uint64_t count = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  double sum_high = 0;
  double sum_low = 0;
  bool sum_scaled = false;

  friend bool operator==(const AggregateParts&, const AggregateParts&) = default;
};

/// Count, minimum, maximum and sum of a set of finite values, from which each Op follows. Two of
/// them merge without the values that they were made from.
///
/// The sum is compensated: the rounding errors of `sum_high` are found exactly and collected in
/// `sum_low`, so that the mean is, up to 2^40 values, the double nearest to the exact one or its
/// neighbour, measured in the last place of the mean of the absolute values. Where a sum passes
/// 2^960 it is kept 2^64 times smaller, so that it cannot overflow and the mean stays finite.
/// Sources: Knuth, "The Art of Computer Programming" 2, 4.2.2, theorem B (TwoSum); Ogita, Rump and
/// Oishi, "Accurate Sum and Dot Product", SIAM J. Sci. Comput. 26(6), 2005 (Sum2).
/// Thread-safety: one owner.
class Aggregate {
 public:
  Aggregate() = default;
  explicit Aggregate(const AggregateParts& parts) : parts_(parts) {}

  /// `value` is finite.
  void add(double value) {
    ++parts_.count;
    // -0.0 is less than 0.0 here, as in IEEE 754-2019 minimum: the result does not depend on the
    // order of the values.
    if (value <= parts_.min && (value < parts_.min || std::signbit(value))) parts_.min = value;
    if (value >= parts_.max && (value > parts_.max || !std::signbit(value))) parts_.max = value;
    const double sum = parts_.sum_high + value;
    if (parts_.sum_scaled || std::fabs(sum) > unscaled_sum_max) {
      add_scaled(value);
      return;
    }
    parts_.sum_low += rounding_error(parts_.sum_high, value, sum);
    parts_.sum_high = sum;
  }

  /// Takes in the values of `other`.
  void merge(const Aggregate& other);

  [[nodiscard]] std::uint64_t count() const { return parts_.count; }
  [[nodiscard]] bool empty() const { return parts_.count == 0; }
  [[nodiscard]] const AggregateParts& parts() const { return parts_; }

  /// The value of `op`; not empty unless `op` is count. AVG is finite, between MIN and MAX, and
  /// -0.0 only of values that are all -0.0 or that it underflows from below. COUNT is exact up to
  /// 2^53; where it is printed, use count().
  [[nodiscard]] double result(Op op) const;

 private:
  /// Far enough below the largest double for nothing in rounding_error() to overflow, and far
  /// enough above the smallest: what scaling cuts off, below 2^-1010, cannot show in such a mean.
  static constexpr double unscaled_sum_max = 0x1p960;

  /// The exact `a + b - sum` where sum is a + b rounded, whichever of the two is larger.
  [[nodiscard]] static double rounding_error(double a, double b, double sum) {
    const double b_rounded = sum - a;
    return (a - (sum - b_rounded)) + (b - b_rounded);
  }

  void add_scaled(double value);
  void scale_sum();
  [[nodiscard]] double mean() const;

  AggregateParts parts_;
};

}  // namespace mas
