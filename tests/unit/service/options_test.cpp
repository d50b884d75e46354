#include "service/options.hpp"

#include <array>
#include <cstdlib>
#include <fstream>

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

using namespace mas;

TEST_CASE("durations are read as people write them") {
  CHECK(parse_duration("500ms").value() == milliseconds{500});
  CHECK(parse_duration("3s").value() == seconds{3});
  CHECK(parse_duration("60").value() == seconds{60});
  CHECK(parse_duration("0.5s").value() == milliseconds{500});
  CHECK(parse_duration("1m").value() == seconds{60});
  CHECK(parse_duration("2h").value() == seconds{7200});
  CHECK(parse_duration("30d").value() == seconds{30 * 86400});
  for (const auto* wrong :
       {"", "s", "-1s", "1x", "1 s", "nan", "inf", "1e400", "99999999d", "1ss"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_duration(wrong).has_value());
  }
}

TEST_CASE("durations are printed in the shortest unit that says them exactly") {
  CHECK(duration_text(seconds{86400}) == "1d");
  CHECK(duration_text(seconds{90}) == "90s");
  CHECK(duration_text(milliseconds{1500}) == "1500ms");
  CHECK(duration_text(nanoseconds{0}) == "0s");
  CHECK(duration_text(nanoseconds{7}) == "7ns");
}

TEST_CASE("hosts and ports are read as people write them") {
  CHECK(parse_host_port("gateway:5556").value().host == "gateway");
  CHECK(parse_host_port("[::1]:5556").value().host == "::1");
  CHECK(parse_host_port("1.2.3.4:65535").value().port == 65535);
  for (const auto* wrong :
       {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "::1:5556"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_host_port(wrong).has_value());
  }
}

TEST_CASE("a file of options is read, and a key in it that is no option is refused") {
  const TempDir directory;
  const auto path = (directory.path() / "options").string();
  const bool by_variable = GENERATE(false, true);
  CAPTURE(by_variable);
  const auto parse = [&](const char* text) {
    std::ofstream(path) << text;
    std::uint32_t count = 1;
    Options options("mas-test", "A test.");
    options.count(count, "test-count", 0, 10, "how many");
    const std::array argv{"mas-test", "--config", path.c_str()};
    const auto size = by_variable ? 1 : static_cast<int>(argv.size());
    const auto status = options.parse(size, argv.data());
    return status ? -*status : static_cast<int>(count);
  };
  if (by_variable) REQUIRE(::setenv("MAS_CONFIG", path.c_str(), 1) == 0);
  CHECK(parse("test-count = 5\n") == 5);
  CHECK(parse("# nothing\n") == 1);
  CHECK(parse("test-count = 11\n") == -2);
  CHECK(parse("test-counts = 5\n") == -2);
  CHECK(parse("[section]\nno-such = 5\n") == -2);
  REQUIRE(::unsetenv("MAS_CONFIG") == 0);
}

TEST_CASE("a file of options that is named and not there is refused") {
  REQUIRE(::setenv("MAS_CONFIG", "/no/such/file", 1) == 0);
  Options by_variable("mas-test", "A test.");
  REQUIRE(::unsetenv("MAS_CONFIG") == 0);
  const std::array argv{"mas-test", "--config", "/no/such/file"};
  CHECK(by_variable.parse(1, argv.data()) == 2);
  Options by_flag("mas-test", "A test.");
  CHECK(by_flag.parse(3, argv.data()) == 2);
}

TEST_CASE("a flag wins over the variable, the variable over the default") {
  std::uint32_t count = 1;
  const auto parse = [&](std::initializer_list<const char*> arguments) {
    count = 1;
    Options options("mas-test", "A test.");
    options.count(count, "test-count", 0, 10, "how many");
    const std::vector<const char*> argv(arguments);
    return options.parse(static_cast<int>(argv.size()), argv.data());
  };
  CHECK_FALSE(parse({"mas-test"}));
  CHECK(count == 1);
  REQUIRE(::setenv("MAS_TEST_COUNT", "7", 1) == 0);
  CHECK_FALSE(parse({"mas-test"}));
  CHECK(count == 7);
  CHECK_FALSE(parse({"mas-test", "--test-count", "3"}));
  CHECK(count == 3);
  REQUIRE(::unsetenv("MAS_TEST_COUNT") == 0);
  CHECK(parse({"mas-test", "--test-count", "11"}) == 2);
  CHECK(parse({"mas-test", "--no-such"}) == 2);
  CHECK(parse({"mas-test", "stray"}) == 2);
}
