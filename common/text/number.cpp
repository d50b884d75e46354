#include "text/number.hpp"

#include <algorithm>
#include <array>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace mas {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "the short path needs one rounding per operation");

/// Far beyond any exponent that matters, far below where adding the length of a text overflows.
constexpr std::int64_t exponent_most = 1'000'000'000'000;

/// A text that keeps to the grammar, taken apart.
struct Decimal {
  bool negative = false;
  std::string_view whole;     ///< digits before the point
  std::string_view fraction;  ///< digits after it
  std::int64_t exponent = 0;  ///< at most exponent_most either way
  std::uint64_t digits = 0;   ///< all digits as one integer; wraps when they are more than 19

  [[nodiscard]] std::int64_t whole_size() const { return static_cast<std::int64_t>(whole.size()); }
  [[nodiscard]] std::int64_t fraction_size() const {
    return static_cast<std::int64_t>(fraction.size());
  }
  [[nodiscard]] bool zero() const {
    return whole.find_first_not_of('0') == std::string_view::npos &&
           fraction.find_first_not_of('0') == std::string_view::npos;
  }
  /// The value, not zero, is at least 10^(magnitude - 1) and less than 10^magnitude.
  [[nodiscard]] std::int64_t magnitude() const {
    const auto in_whole = whole.find_first_not_of('0');
    if (in_whole != std::string_view::npos)
      return exponent + whole_size() - static_cast<std::int64_t>(in_whole);
    return exponent - static_cast<std::int64_t>(fraction.find_first_not_of('0'));
  }
};

[[nodiscard]] bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] unsigned digit_value(char c) { return static_cast<unsigned>(c - '0'); }

[[nodiscard]] std::optional<Decimal> scan(std::string_view text) {
  Decimal decimal;
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto take_sign = [&] {
    if (at == end || (*at != '+' && *at != '-')) return false;
    return *at++ == '-';
  };
  const auto take_digits = [&] {
    const char* const start = at;
    for (; at != end && is_digit(*at); ++at)
      decimal.digits = decimal.digits * 10 + digit_value(*at);
    return std::string_view(start, static_cast<std::size_t>(at - start));
  };

  decimal.negative = take_sign();
  decimal.whole = take_digits();
  if (at != end && *at == '.') {
    ++at;
    decimal.fraction = take_digits();
  }
  if (decimal.whole.empty() && decimal.fraction.empty()) return std::nullopt;
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    const bool negative = take_sign();
    const char* const start = at;
    std::int64_t exponent = 0;
    for (; at != end && is_digit(*at); ++at)
      exponent = std::min(exponent * 10 + digit_value(*at), exponent_most);
    if (at == start) return std::nullopt;
    decimal.exponent = negative ? -exponent : exponent;
  }
  if (at != end) return std::nullopt;
  return decimal;
}

/// `text` is what `decimal` was scanned from.
[[nodiscard]] std::optional<double> to_double(const Decimal& decimal, std::string_view text) {
  // Digits and power of ten are both exact doubles, so that their one product or quotient is the
  // nearest double. Most values that people and programs log are of this kind.
  static constexpr std::array<double, 23> powers_of_ten = {
      1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr std::uint64_t exact_most = std::uint64_t{1} << 53;
  const std::int64_t power = decimal.exponent - decimal.fraction_size();
  if (decimal.whole.size() + decimal.fraction.size() <= 19 && decimal.digits <= exact_most &&
      power >= -22 && power <= 22) {
    auto value = static_cast<double>(decimal.digits);
    if (power < 0)
      value /= powers_of_ten[static_cast<std::size_t>(-power)];
    else
      value *= powers_of_ten[static_cast<std::size_t>(power)];
    return decimal.negative ? -value : value;
  }

  const double zero = decimal.negative ? -0.0 : 0.0;
  if (decimal.zero()) return zero;
  // std::from_chars reports too large and too small alike, and what it does with an exponent of
  // many digits is its own affair; the magnitude tells both before and after.
  const std::int64_t magnitude = decimal.magnitude();
  if (magnitude > 400) return std::nullopt;
  if (magnitude < -400) return zero;
  if (text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec == std::errc::result_out_of_range)
    return magnitude > 0 ? std::nullopt : std::optional(zero);
  if (result.ec != std::errc{} || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  const auto decimal = scan(text);
  return decimal ? to_double(*decimal, text) : std::nullopt;
}

std::optional<nanoseconds> parse_window(std::string_view text) {
  const auto decimal = scan(text);
  if (!decimal || !to_double(*decimal, text)) return std::nullopt;
  if (decimal->zero()) return nanoseconds::zero();
  if (decimal->negative) return std::nullopt;

  // Digits before `point` are whole nanoseconds, what follows is rounded up.
  const std::int64_t point = decimal->whole_size() + decimal->exponent + 9;
  const std::int64_t size = decimal->whole_size() + decimal->fraction_size();
  const auto digit_at = [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    const auto& whole = decimal->whole;
    return digit_value(at < whole.size() ? whole[at] : decimal->fraction[at - whole.size()]);
  };
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < point && (i < size || total != 0); ++i) {
    const auto digit = static_cast<std::int64_t>(i < size ? digit_at(i) : 0);
    if (__builtin_mul_overflow(total, 10, &total) || __builtin_add_overflow(total, digit, &total))
      return nanoseconds::max();
  }
  for (std::int64_t i = std::max<std::int64_t>(point, 0); i < size; ++i) {
    if (digit_at(i) == 0) continue;
    if (total < std::numeric_limits<std::int64_t>::max()) ++total;
    break;
  }
  return nanoseconds{total};
}

void append_number(double value, std::string& out) {
  std::array<char, 32> buffer{};
  char* const begin = buffer.data();
  char* const end = begin + buffer.size();
  // Integers below 1e15 are their own shortest digits.
  if (std::fabs(value) < 1e15 && value == std::trunc(value)) {
    if (std::signbit(value)) out.push_back('-');
    const auto whole = static_cast<std::uint64_t>(std::fabs(value));
    out.append(begin, std::to_chars(begin, end, whole).ptr);
    out.append(".0");
    return;
  }

  const std::string_view text(
      begin, static_cast<std::size_t>(
                 std::to_chars(begin, end, value, std::chars_format::scientific).ptr - begin));
  const auto mark = text.find('e');
  int exponent = 0;
  if (mark != std::string_view::npos) {
    const auto from = mark + (text[mark + 1] == '+' ? 2 : 1);
    std::from_chars(text.data() + from, text.data() + text.size(), exponent);
  }
  if (mark == std::string_view::npos || exponent < -4 || exponent >= 16) {
    out.append(text);
    return;
  }

  // d.ddd times 10^exponent without the exponent.
  std::string_view mantissa = text.substr(0, mark);
  if (mantissa.front() == '-') {
    out.push_back('-');
    mantissa.remove_prefix(1);
  }
  const char first = mantissa.front();
  const std::string_view others = mantissa.size() > 2 ? mantissa.substr(2) : std::string_view{};
  if (exponent < 0) {
    out.append("0.");
    out.append(static_cast<std::size_t>(-exponent - 1), '0');
    out.push_back(first);
    out.append(others);
    return;
  }
  const auto whole_size = std::min(static_cast<std::size_t>(exponent), others.size());
  out.push_back(first);
  out.append(others.substr(0, whole_size));
  out.append(static_cast<std::size_t>(exponent) - whole_size, '0');
  out.push_back('.');
  if (whole_size == others.size())
    out.push_back('0');
  else
    out.append(others.substr(whole_size));
}

void append_count(std::uint64_t count, std::string& out) {
  std::array<char, 20> buffer{};
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), count).ptr);
}

}  // namespace mas
