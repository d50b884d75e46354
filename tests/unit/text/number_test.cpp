#include "text/number.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <string>

#include "support/catch.hpp"

namespace mas {
namespace {

constexpr double double_max = std::numeric_limits<double>::max();
constexpr double denormal_min = std::numeric_limits<double>::denorm_min();

/// Parses a copy on the heap of exactly the text's size, so that AddressSanitizer sees an overread.
std::optional<double> number(const std::string& text) {
  const auto copy = std::make_unique<char[]>(text.size());
  text.copy(copy.get(), text.size());
  return parse_number({copy.get(), text.size()});
}
std::optional<std::int64_t> window_ns(const std::string& text) {
  const auto copy = std::make_unique<char[]>(text.size());
  text.copy(copy.get(), text.size());
  const auto window = parse_window({copy.get(), text.size()});
  if (!window) return std::nullopt;
  return window->count();
}
std::string shown(double value) {
  std::string out;
  append_number(value, out);
  return out;
}
bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}
double random_double(std::mt19937_64& random) {
  while (true) {
    const auto value = std::bit_cast<double>(random());
    if (std::isfinite(value)) return value;
  }
}

const char* const malformed_numbers[] = {
    "",          "+",   "-",        ".",        "e",      "e5",    ".e5",      "+.",
    "-.e1",      "1e",  "1e+",      "1e-",      "1e1.5",  "1.2.3", "--1",      "+-1",
    "-+1",       "1-",  "1+1",      "nan",      "NaN",    "-nan",  "inf",      "+inf",
    "-inf",      "INF", "Infinity", "infinity", "nan(1)", "0x10",  "0x1p3",    "0X1",
    "1_000",     "1,5", "1,000",    "1f",       "1d",     "1L",    " 1",       "1 ",
    "\t1",       "1\n", "1\r",      "1e5e5",    "1E 5",   "1 e5",  "\xd9\xa1", "\xef\xbc\x91",
    "1\xc2\xa0", "$1",  "1%",       "true",     "''",     "0b1",   "1'000",    "e+5",
    "1.e",       "..5"};

}  // namespace

TEST_CASE("every form of the number grammar is taken") {
  CHECK(number("1") == 1.0);
  CHECK(number("-0.5") == -0.5);
  CHECK(number("1e-3") == 0.001);
  CHECK(number("+2.") == 2.0);
  CHECK(number(".5") == 0.5);
  CHECK(number("+.5") == 0.5);
  CHECK(number("-.5E1") == -5.0);
  CHECK(number("-2.e+2") == -200.0);
  CHECK(number("007") == 7.0);
  CHECK(number("1E05") == 100000.0);
  CHECK(number("1e0000000000000000000000000001") == 10.0);
  CHECK(number("18446744073709551616") == 18446744073709551616.0);
}

TEST_CASE("whatever breaks the number grammar is refused") {
  for (const char* const text : malformed_numbers) {
    CAPTURE(text);
    CHECK_FALSE(number(text));
    CHECK_FALSE(window_ns(text));
  }
  CHECK_FALSE(number(std::string("1\0", 2)));
  CHECK_FALSE(number(std::string("1\0002", 3)));
}

TEST_CASE("a number that rounds beyond the largest double is malformed") {
  CHECK_FALSE(number("1e309"));
  CHECK_FALSE(number("-1e309"));
  CHECK_FALSE(number("+1e309"));
  CHECK_FALSE(number("1e99999999999999999999999999"));
  CHECK_FALSE(number("1" + std::string(400, '0')));
  CHECK_FALSE(number("." + std::string(100, '0') + "1e500"));
  // Half way between the largest double and what would follow it.
  const std::string half_way =
      "17976931348623158079372897140530341507993413271003782693617377898044496829276475"
      "09466490179775872070963302864166928879109465555478519404026306574886715058206819"
      "08902000708383676273854845817711531764475730270069855571366959622842914819860834"
      "936475292719074168444365510704342711559699508093042880177904174497792";
  CHECK_FALSE(number(half_way));
  CHECK_FALSE(number(half_way + ".0"));
  CHECK_FALSE(number("-" + half_way));
  CHECK(number(half_way.substr(0, half_way.size() - 1) + "1") == double_max);
  CHECK(number("1.7976931348623158e308") == double_max);
  CHECK(number("-1.7976931348623158e308") == -double_max);
  CHECK(number("1.79769313486231580793e308") == double_max);
}

TEST_CASE("a number too small for a double is a zero of its sign") {
  for (const char* const text :
       {"1e-400", "+1e-400", "1e-324", "2e-324", "0.1e-399", "1e-99999999999999999999999999", "0",
        "+0", "0e0", "0.0e999999999999", "0e-5", "0000"}) {
    CAPTURE(text);
    REQUIRE(number(text));
    CHECK(same_bits(*number(text), 0.0));
    const std::string negative = "-" + std::string(*text == '+' ? text + 1 : text);
    REQUIRE(number(negative));
    CHECK(same_bits(*number(negative), -0.0));
  }
  REQUIRE(number("0." + std::string(500, '0') + "1"));
  CHECK(same_bits(*number("0." + std::string(500, '0') + "1"), 0.0));
  CHECK(number("3e-324") == denormal_min);
  CHECK(number("4.9e-324") == denormal_min);
  CHECK(number("2.2250738585072011e-308") == 0x0.fffffffffffffp-1022);
  CHECK(number("2.2250738585072014e-308") == std::numeric_limits<double>::min());
}

TEST_CASE("a number is the nearest double, whatever its spelling") {
  CHECK(number("0." + std::string(500, '0') + "1e501") == 1.0);
  CHECK(number("1" + std::string(500, '0') + "e-500") == 1.0);
  CHECK(number("9007199254740993") == 9007199254740992.0);  // a tie, to even
  CHECK(number("9007199254740993.0000000000000000000000000000000001") == 9007199254740994.0);
  CHECK(number("123456789012345678901234567890e-10") == 12345678901234567890.1234567890);
  CHECK(number("8.5e22") == 8.5e22);
  CHECK(number("9007199254740991e22") == 9007199254740991e22);
  CHECK(number("9007199254740991e-22") == 9007199254740991e-22);
  CHECK(number("1e23") == 1e23);

  // strtod reads the same grammar (and more) correctly rounded in the C locale.
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    if (random() % 3 == 0) text += random() % 2 == 0 ? '-' : '+';
    const auto digits = [&](std::uint64_t count) {
      for (; count > 0; --count) text += static_cast<char>('0' + random() % 10);
    };
    digits(1 + random() % (random() % 8 == 0 ? 40 : 10));
    if (random() % 2 == 0) {
      text += '.';
      digits(random() % (random() % 8 == 0 ? 40 : 10));
    }
    if (random() % 2 == 0) {
      text += random() % 2 == 0 ? 'e' : 'E';
      if (random() % 3 == 0) text += random() % 2 == 0 ? '-' : '+';
      digits(1 + random() % 3);
    }
    const double expected = std::strtod(text.c_str(), nullptr);
    const auto got = parse_number(text);
    const bool right = std::isfinite(expected) ? got && same_bits(*got, expected) : !got;
    if (!right) {
      CAPTURE(text, expected);
      REQUIRE(right);
    }
  }
}

TEST_CASE("a window is taken exactly as written, rounded up to whole nanoseconds") {
  CHECK(window_ns("0") == 0);
  CHECK(window_ns("0.000e5") == 0);
  CHECK(window_ns("1") == 1'000'000'000);
  CHECK(window_ns("+2.") == 2'000'000'000);
  CHECK(window_ns(".5") == 500'000'000);
  CHECK(window_ns("0.1") == 100'000'000);
  CHECK(window_ns("1e-3") == 1'000'000);
  CHECK(window_ns("3600") == 3'600'000'000'000);
  CHECK(window_ns("12.5e1") == 125'000'000'000);
  CHECK(window_ns("1.000000001") == 1'000'000'001);
  CHECK(window_ns("1.0000000001") == 1'000'000'001);
  CHECK(window_ns("1.0000000010") == 1'000'000'001);
  CHECK(window_ns("1.00000000100000000000000000000001") == 1'000'000'002);
  CHECK(window_ns("0.999999999999") == 1'000'000'000);
  // As doubles these would be off by more than a nanosecond.
  CHECK(window_ns("9007199.254740993") == 9'007'199'254'740'993);
  CHECK(window_ns("123456789.000000001") == 123'456'789'000'000'001);
  CHECK(window_ns("0." + std::string(500, '0') + "1e501") == 1'000'000'000);
  CHECK(window_ns("1" + std::string(500, '0') + "e-500") == 1'000'000'000);
}

TEST_CASE("a window longer than zero is never zero") {
  CHECK(window_ns("1e-9") == 1);
  CHECK(window_ns("1e-10") == 1);
  CHECK(window_ns("1e-400") == 1);
  CHECK(window_ns("1e-99999999999999999999999999") == 1);
  CHECK(window_ns("0." + std::string(900, '0') + "1") == 1);
}

TEST_CASE("a window beyond what stamps can span has no end") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK(window_ns("9223372036.854775806") == most - 1);
  CHECK(window_ns("9223372036.854775807") == most);
  CHECK(window_ns("9223372036.8547758065") == most);
  CHECK(window_ns("9223372036.8547758075") == most);
  CHECK(window_ns("9223372036.854775808") == most);
  CHECK(window_ns("1e10") == most);
  CHECK(window_ns("1e308") == most);
  CHECK(window_ns("1.7976931348623158e308") == most);
  CHECK_FALSE(window_ns("1e309"));
  CHECK_FALSE(window_ns("1e99999999999999999999999999"));
}

TEST_CASE("a negative window is malformed, minus zero is zero") {
  CHECK(window_ns("-0") == 0);
  CHECK(window_ns("-0.0e7") == 0);
  CHECK_FALSE(window_ns("-1"));
  CHECK_FALSE(window_ns("-0.5"));
  CHECK_FALSE(window_ns("-1e-400"));
}

TEST_CASE("a number in a reply always has a fraction or an exponent") {
  CHECK(shown(0.0) == "0.0");
  CHECK(shown(-0.0) == "-0.0");
  CHECK(shown(1.0) == "1.0");
  CHECK(shown(-1.0) == "-1.0");
  CHECK(shown(0.1) == "0.1");
  CHECK(shown(-2.5) == "-2.5");
  CHECK(shown(123.456) == "123.456");
  CHECK(shown(1234567.0) == "1234567.0");
  CHECK(shown(0.30000000000000004) == "0.30000000000000004");
}

TEST_CASE("exponent form is used below 1e-4 and from 1e16 on") {
  CHECK(shown(1e16) == "1e+16");
  CHECK(shown(-1e16) == "-1e+16");
  CHECK(shown(1e15) == "1000000000000000.0");
  CHECK(shown(1.5e15) == "1500000000000000.0");
  CHECK(shown(9999999999999998.0) == "9999999999999998.0");
  CHECK(shown(999999999999999.9) == "999999999999999.9");
  CHECK(shown(12345678901234.56) == "12345678901234.56");
  CHECK(shown(0.0001) == "0.0001");
  CHECK(shown(0.00012345) == "0.00012345");
  CHECK(shown(-0.00099) == "-0.00099");
  CHECK(shown(0.00001) == "1e-05");
  CHECK(shown(0.000099) == "9.9e-05");
  CHECK(shown(1.5e300) == "1.5e+300");
  CHECK(shown(12345678901234567890.0) == "1.2345678901234567e+19");
  CHECK(shown(double_max) == "1.7976931348623157e+308");
  CHECK(shown(denormal_min) == "5e-324");
  CHECK(shown(-std::numeric_limits<double>::min()) == "-2.2250738585072014e-308");
  CHECK(shown(5e22) == "5e+22");
  CHECK(shown(9007199254740993.0) == "9007199254740992.0");
}

TEST_CASE("a printed number reads back as the same double, and no shorter one does") {
  std::mt19937_64 random(2);
  const auto check = [](double value) {
    const std::string text = shown(value);
    const auto back = parse_number(text);
    bool right = back && same_bits(*back, value);
    right = right && text.find_first_of(".e") != std::string::npos;
    // One significant digit less is another number.
    char scientific[64];
    const std::string_view shortest(
        scientific,
        static_cast<std::size_t>(
            std::to_chars(scientific, scientific + 64, value, std::chars_format::scientific).ptr -
            scientific));
    const auto digits = shortest.find('e') - (value < 0 ? 1 : 0);
    if (digits > 2) {
      char fewer[64];
      const auto end = std::to_chars(fewer, fewer + 64, value, std::chars_format::scientific,
                                     static_cast<int>(digits) - 3);
      double other = 0;
      std::from_chars(fewer, end.ptr, other);
      right = right && !same_bits(other, value);
    }
    if (!right) {
      CAPTURE(text, value);
      REQUIRE(right);
    }
  };
  for (int i = 0; i < 100'000; ++i) check(random_double(random));
  for (int i = 0; i < 100'000; ++i)
    check(static_cast<double>(static_cast<std::int64_t>(random() % 2'000'000'000) - 1'000'000'000) /
          std::pow(10.0, static_cast<double>(random() % 9)));
}

TEST_CASE("numbers are appended to what is there already") {
  std::string out = "200 [";
  append_number(1.0, out);
  out += ", ";
  append_number(2.5, out);
  out += "]";
  CHECK(out == "200 [1.0, 2.5]");
}

TEST_CASE("counts are integers without a fraction") {
  std::string out;
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{100'000},
                                    std::numeric_limits<std::uint64_t>::max()}) {
    append_count(count, out);
    out += ' ';
  }
  CHECK(out == "0 4 100000 18446744073709551615 ");
}

}  // namespace mas
