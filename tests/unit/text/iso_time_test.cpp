#include "text/iso_time.hpp"

#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "support/catch.hpp"
#include "text/system_time_zone.hpp"

namespace mas {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t hour = 3600 * second;
/// 2022-04-26T00:00:00Z
constexpr std::int64_t april_26 = 1'650'931'200 * second;

std::optional<std::int64_t> parsed(const std::string& text, const TimeZone& local = FixedZone{}) {
  const auto copy = std::make_unique<char[]>(text.size());
  text.copy(copy.get(), text.size());
  const auto time = parse_iso_time({copy.get(), text.size()}, local);
  if (!time) return std::nullopt;
  return to_int(*time);
}
std::string shown(WallTime time) {
  std::string out;
  append_iso_time(time, out);
  return out;
}

/// Sets TZ for the life of a test.
class ZoneVariable {
 public:
  explicit ZoneVariable(const char* value) {
    if (const char* const old = std::getenv("TZ")) old_ = old;
    set(value);
  }
  ~ZoneVariable() { set(old_ ? old_->c_str() : nullptr); }
  ZoneVariable(const ZoneVariable&) = delete;
  ZoneVariable& operator=(const ZoneVariable&) = delete;

 private:
  static void set(const char* value) {
    if (value != nullptr)
      ::setenv("TZ", value, 1);
    else
      ::unsetenv("TZ");
  }
  std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("a date alone is its midnight") {
  CHECK(parsed("2022-04-26") == april_26);
  CHECK(parsed("1970-01-01") == 0);
  CHECK(parsed("2000-02-29") == 951'782'400 * second);
  CHECK(parsed("1969-12-31") == -86'400 * second);
}

TEST_CASE("a date and a time, with a fraction of one to nine digits and a zone or none") {
  CHECK(parsed("2022-04-26T00:00:05") == april_26 + 5 * second);
  CHECK(parsed("2022-04-26T23:59:59") == april_26 + 24 * hour - second);
  CHECK(parsed("2022-04-26T00:00:05Z") == april_26 + 5 * second);
  CHECK(parsed("2022-04-26T00:00:05.5") == april_26 + 5 * second + 500'000'000);
  CHECK(parsed("2022-04-26T00:00:05.123456789Z") == april_26 + 5 * second + 123'456'789);
  CHECK(parsed("2022-04-26T00:00:05.000000001") == april_26 + 5 * second + 1);
  CHECK(parsed("2022-04-26T00:00:05+02:00") == april_26 + 5 * second - 2 * hour);
  CHECK(parsed("2022-04-26T00:00:05-05:30") == april_26 + 5 * second + 5 * hour + hour / 2);
  CHECK(parsed("2022-04-26T00:00:05.25+00:00") == april_26 + 5 * second + 250'000'000);
  CHECK(parsed("2022-04-26T00:00:05-23:59") == april_26 + 5 * second + 24 * hour - 60 * second);
  std::string fraction;
  std::int64_t nanoseconds_expected = 0;
  for (std::int64_t unit = 100'000'000, digit = 1; unit > 0; unit /= 10, ++digit) {
    fraction += static_cast<char>('0' + digit);
    nanoseconds_expected += digit * unit;
    CHECK(parsed("1970-01-01T00:00:00." + fraction) == nanoseconds_expected);
  }
}

TEST_CASE("any other form of a time is malformed") {
  for (const char* const text : {"",
                                 "2022",
                                 "2022-04",
                                 "2022-4-26",
                                 "2022-04-6",
                                 "20220426",
                                 "2022-04-26 00:00:05",
                                 "2022-04-26T",
                                 "2022-04-26T00",
                                 "2022-04-26T00:00",
                                 "2022-04-26T000005",
                                 "20220426T000005",
                                 "2022-04-26T24:00:00",
                                 "2022-04-26T00:60:00",
                                 "2022-04-26T23:59:60",
                                 "2022-04-26t00:00:05",
                                 "2022-04-26T00:00:05z",
                                 "2022-04-26T00:00:05.",
                                 "2022-04-26T00:00:05.Z",
                                 "2022-04-26T00:00:05.1234567890",
                                 "2022-04-26T00:00:05,5",
                                 "2022-04-26T00:00:05+2:00",
                                 "2022-04-26T00:00:05+0200",
                                 "2022-04-26T00:00:05+02",
                                 "2022-04-26T00:00:05+24:00",
                                 "2022-04-26T00:00:05+02:60",
                                 "2022-04-26T00:00:05+02:00Z",
                                 "2022-04-26T00:00:05ZZ",
                                 "2022-04-26T00:00:05 Z",
                                 "2022-04-26Z",
                                 "2022-04-26+02:00",
                                 "+2022-04-26",
                                 "-2022-04-26",
                                 "02022-04-26",
                                 "12022-04-26",
                                 "22-04-26",
                                 "2022/04/26",
                                 "2022-W17-2",
                                 "2022-116",
                                 "now",
                                 "1650931200",
                                 "2022-04-26T00:00:05UTC",
                                 "2022-04-26x",
                                 "2022-04-26T00:00:05\r",
                                 " 2022-04-26",
                                 "2022-04-26T-1:00:00",
                                 "2022-04-26T00:00:+5"}) {
    CAPTURE(text);
    CHECK_FALSE(parsed(text));
  }
  CHECK_FALSE(parsed(std::string("2022-04-26\0", 11)));
}

TEST_CASE("every time cut short or grown by a character is malformed, or another legal form") {
  const std::string whole = "2022-04-26T00:00:05.123456789+02:00";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    // The date, the seconds, and each length of the fraction.
    const bool legal = size == 10 || size == 19 || (size >= 21 && size <= 29);
    CHECK(parsed(whole.substr(0, size)).has_value() == legal);
  }
  CHECK(parsed(whole));
  CHECK_FALSE(parsed(whole + "0"));
}

TEST_CASE("impossible dates are malformed") {
  for (const char* const text :
       {"2022-02-29", "2022-02-30", "2022-04-31", "2022-13-01", "2022-00-01", "2022-01-00",
        "2022-01-32", "1900-02-29", "2100-02-29", "0000-01-01", "2023-02-29T00:00:00Z"}) {
    CAPTURE(text);
    CHECK_FALSE(parsed(text));
  }
  CHECK(parsed("2024-02-29"));
  CHECK(parsed("2400-02-29"));
}

TEST_CASE("years 0001 to 9999 are legal, and what stamps cannot hold is their first or last") {
  CHECK(parsed("0001-01-01") == to_int(WallTime::min()));
  CHECK(parsed("0001-01-01T00:00:00+23:59") == to_int(WallTime::min()));
  CHECK(parsed("1677-09-21T00:12:43.145224191Z") == to_int(WallTime::min()));
  CHECK(parsed("1677-09-21T00:12:43.145224192Z") == to_int(WallTime::min()));
  CHECK(parsed("1677-09-21T00:12:43.145224193Z") == to_int(WallTime::min()) + 1);
  CHECK(parsed("2262-04-11T23:47:16.854775806Z") == to_int(WallTime::max()) - 1);
  CHECK(parsed("2262-04-11T23:47:16.854775807Z") == to_int(WallTime::max()));
  CHECK(parsed("2262-04-11T23:47:16.854775808Z") == to_int(WallTime::max()));
  CHECK(parsed("9999-12-31T23:59:59.999999999-23:59") == to_int(WallTime::max()));
}

TEST_CASE("a time without a zone is local, one with a zone is not") {
  const FixedZone east(std::chrono::hours{2});
  CHECK(parsed("2022-04-26", east) == april_26 - 2 * hour);
  CHECK(parsed("2022-04-26T00:00:05", east) == april_26 + 5 * second - 2 * hour);
  CHECK(parsed("2022-04-26T00:00:05.5", east) == april_26 + 5 * second + second / 2 - 2 * hour);
  CHECK(parsed("2022-04-26T00:00:05Z", east) == april_26 + 5 * second);
  CHECK(parsed("2022-04-26T00:00:05+01:00", east) == april_26 + 5 * second - hour);
}

TEST_CASE("the server's zone is UTC when TZ is unset or empty") {
  const char* const value = GENERATE(static_cast<const char*>(nullptr), "");
  const ZoneVariable zone(value);
  CHECK(parsed("2022-04-26", SystemTimeZone{}) == april_26);
}

TEST_CASE("the server's zone is the one that TZ names, summer time included") {
  const ZoneVariable zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const SystemTimeZone local;
  CHECK(parsed("2022-04-26", local) == april_26 - 2 * hour);
  CHECK(parsed("2022-01-26", local) == parsed("2022-01-25T23:00:00Z"));
  CHECK(parsed("9999-12-31", local) == to_int(WallTime::max()));
  CHECK(parsed("0001-01-01", local) == to_int(WallTime::min()));
  // The last second before the change and the first after it, both ways.
  CHECK(parsed("2022-03-27T01:59:59", local) == parsed("2022-03-27T00:59:59Z"));
  CHECK(parsed("2022-03-27T03:00:00", local) == parsed("2022-03-27T01:00:00Z"));
  CHECK(parsed("2022-10-30T01:59:59", local) == parsed("2022-10-29T23:59:59Z"));
  CHECK(parsed("2022-10-30T03:00:00", local) == parsed("2022-10-30T02:00:00Z"));
}

TEST_CASE("a local time that is shown twice is the first, one never shown is read as before") {
  const ZoneVariable zone("CET-1CEST,M3.5.0,M10.5.0/3");
  const SystemTimeZone local;
  for (int repeat = 0; repeat < 2; ++repeat) {
    CHECK(parsed("2022-10-30T02:30:00", local) == parsed("2022-10-30T00:30:00Z"));
    CHECK(parsed("2022-03-27T02:30:00", local) == parsed("2022-03-27T01:30:00Z"));
    // What was asked in between has no influence.
    CHECK(parsed("2022-12-24", local) == parsed("2022-12-23T23:00:00Z"));
  }
}

TEST_CASE("moments are printed in UTC with nanoseconds") {
  CHECK(shown(wall_time(0)) == "1970-01-01T00:00:00.000000000Z");
  CHECK(shown(wall_time(april_26 + 5 * second + 1)) == "2022-04-26T00:00:05.000000001Z");
  CHECK(shown(wall_time(1'767'225'600 * second)) == "2026-01-01T00:00:00.000000000Z");
  CHECK(shown(wall_time(-1)) == "1969-12-31T23:59:59.999999999Z");
  CHECK(shown(WallTime::min()) == "1677-09-21T00:12:43.145224192Z");
  CHECK(shown(WallTime::max()) == "2262-04-11T23:47:16.854775807Z");
}

TEST_CASE("a printed moment reads back as itself") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100'000; ++i) {
    const WallTime time = wall_time(static_cast<std::int64_t>(random()));
    const auto back = parse_iso_time(shown(time), FixedZone{});
    if (back != time) {
      CAPTURE(to_int(time));
      REQUIRE(back == time);
    }
  }
}

}  // namespace mas
