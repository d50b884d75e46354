#include "text/iso_time.hpp"

#include <array>
#include <chrono>
#include <cstdint>

namespace mas {
namespace {

/// Takes a text apart from its front; once something is not there it stays failed.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return text_.empty(); }

  /// Exactly `size` digits, their value at least `least` and at most `most`.
  int number(std::size_t size, int least, int most) {
    int value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (!at_digit()) return fail();
      value = value * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    return value < least || value > most ? fail() : value;
  }

  void expect(char c) {
    if (!take(c)) fail();
  }
  [[nodiscard]] bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  /// One to nine digits behind a point, as nanoseconds.
  nanoseconds fraction() {
    std::int64_t value = 0;
    int digits = 0;
    for (; digits < 9 && at_digit(); ++digits) {
      value = value * 10 + (text_.front() - '0');
      text_.remove_prefix(1);
    }
    if (digits == 0) fail();
    for (; digits < 9; ++digits) value *= 10;
    return nanoseconds{value};
  }

 private:
  [[nodiscard]] bool at_digit() const {
    return !text_.empty() && text_.front() >= '0' && text_.front() <= '9';
  }
  int fail() {
    ok_ = false;
    return 0;
  }

  std::string_view text_;
  bool ok_ = true;
};

/// `since_epoch` plus `fraction`, which is less than a second.
[[nodiscard]] WallTime saturated(seconds since_epoch, nanoseconds fraction) {
  constexpr std::int64_t second = 1'000'000'000;
  // Towards zero by a second where that is away from the edge: the first moment that fits lies
  // within a second that does not.
  const bool before = since_epoch.count() < 0;
  const std::int64_t whole = since_epoch.count() + (before ? 1 : 0);
  const std::int64_t rest = fraction.count() - (before ? second : 0);
  std::int64_t total = 0;
  if (__builtin_mul_overflow(whole, second, &total) || __builtin_add_overflow(total, rest, &total))
    return before ? WallTime::min() : WallTime::max();
  return wall_time(total);
}

/// Writes `value` with leading zeros into `digits` characters that end at `end`; where they start.
char* put_digits(char* end, std::uint64_t value, int digits) {
  for (; digits > 0; --digits, value /= 10) *--end = static_cast<char>('0' + value % 10);
  return end;
}

}  // namespace

std::optional<WallTime> parse_iso_time(std::string_view text, const TimeZone& local) {
  Scanner in(text);
  const int year = in.number(4, 1, 9999);
  in.expect('-');
  const int month = in.number(2, 1, 12);
  in.expect('-');
  const int day = in.number(2, 1, 31);
  if (!in.ok()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year},
                                         std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  seconds shown = std::chrono::sys_days{date}.time_since_epoch();
  if (in.at_end()) return saturated(local.utc_from_local(shown), nanoseconds{0});

  in.expect('T');
  shown += std::chrono::hours{in.number(2, 0, 23)};
  in.expect(':');
  shown += std::chrono::minutes{in.number(2, 0, 59)};
  in.expect(':');
  shown += seconds{in.number(2, 0, 59)};
  const nanoseconds fraction = in.take('.') ? in.fraction() : nanoseconds{0};
  if (!in.ok()) return std::nullopt;
  if (in.at_end()) return saturated(local.utc_from_local(shown), fraction);

  if (!in.take('Z')) {
    const bool west = in.take('-');
    if (!west) in.expect('+');
    seconds east_of_utc = std::chrono::hours{in.number(2, 0, 23)};
    in.expect(':');
    east_of_utc += std::chrono::minutes{in.number(2, 0, 59)};
    shown -= west ? -east_of_utc : east_of_utc;
  }
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return saturated(shown, fraction);
}

void append_iso_time(WallTime time, std::string& out) {
  const nanoseconds since_epoch = time.time_since_epoch();
  const auto days = std::chrono::floor<std::chrono::days>(since_epoch);
  const std::chrono::year_month_day date{std::chrono::sys_days{days}};
  // By seconds and fraction apart, as the first day begins before the first nanosecond that fits.
  const auto whole = std::chrono::floor<seconds>(since_epoch);
  const auto of_day = static_cast<std::uint64_t>((whole - days).count());
  const std::int64_t rest = since_epoch.count() % 1'000'000'000;
  const auto fraction = static_cast<std::uint64_t>(rest < 0 ? rest + 1'000'000'000 : rest);

  std::array<char, 30> text{};
  char* at = text.data() + text.size();
  *--at = 'Z';
  at = put_digits(at, fraction, 9);
  *--at = '.';
  at = put_digits(at, of_day % 60, 2);
  *--at = ':';
  at = put_digits(at, of_day / 60 % 60, 2);
  *--at = ':';
  at = put_digits(at, of_day / 3600, 2);
  *--at = 'T';
  at = put_digits(at, static_cast<unsigned>(date.day()), 2);
  *--at = '-';
  at = put_digits(at, static_cast<unsigned>(date.month()), 2);
  *--at = '-';
  put_digits(at, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  out.append(text.data(), text.size());
}

}  // namespace mas
