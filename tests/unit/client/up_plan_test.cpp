#include "client/up_plan.hpp"

#include <algorithm>

#include "support/catch.hpp"

namespace mas {
namespace {

std::string joined(const ChildCommand& command) {
  std::string line = command.program;
  for (const auto& word : command.arguments) line += " " + word;
  return line;
}

TEST_CASE("by default one process of each program runs, on the documented ports") {
  const auto children = plan_children(UpOptions{});
  REQUIRE(children.size() == 5);
  CHECK(joined(children[0]) ==
        "mas-lockbroker --bind 127.0.0.1 --locks-port 5558 --state ./data/lockbroker "
        "--cluster mas --log-level info");
  CHECK(joined(children[1]) ==
        "mas-gateway --bind 127.0.0.1 --text-port 12345 --native-port 5555 --workers-port 5556 "
        "--events-port 5557 --http-port 8080 --cluster mas --log-level info");
  CHECK(joined(children[2]) ==
        "mas-ingest --gateway 127.0.0.1:5556 --locks 127.0.0.1:5558 --data ./data --http-port 0 "
        "--cluster mas --log-level info --partition 86400000000000ns");
  CHECK(joined(children[3]) ==
        "mas-query --gateway 127.0.0.1:5556 --locks 127.0.0.1:5558 --data ./data --http-port 0 "
        "--cluster mas --log-level info");
  CHECK(joined(children[4]) ==
        "mas-alerter --gateway 127.0.0.1:5556 --locks 127.0.0.1:5558 --data ./data --http-port 0 "
        "--cluster mas --log-level info --alert-period 60000000000ns");
}

TEST_CASE("each pool has as many processes as were asked for, none included") {
  UpOptions options;
  options.ingest = 3;
  options.query = 0;
  options.alerter = 2;
  const auto children = plan_children(options);
  const auto count = [&](const std::string& program) {
    return std::count_if(children.begin(), children.end(),
                         [&](const ChildCommand& child) { return child.program == program; });
  };
  CHECK(count("mas-ingest") == 3);
  CHECK(count("mas-query") == 0);
  CHECK(count("mas-alerter") == 2);
  CHECK(!every_pool_has_workers(options));
  CHECK(every_pool_has_workers(UpOptions{}));
}

TEST_CASE("workers dial loopback where the system listens everywhere") {
  UpOptions options;
  SECTION("IPv4") {
    options.bind = "0.0.0.0";
    CHECK(joined(plan_children(options)[2]).starts_with("mas-ingest --gateway 127.0.0.1:5556 "));
  }
  SECTION("IPv6") {
    options.bind = "::";
    CHECK(joined(plan_children(options)[2]).starts_with("mas-ingest --gateway [::1]:5556 "));
  }
  SECTION("one address") {
    options.bind = "10.1.2.3";
    CHECK(joined(plan_children(options)[2]).starts_with("mas-ingest --gateway 10.1.2.3:5556 "));
  }
}

TEST_CASE("a port given twice and an address that is none are refused by name") {
  UpOptions options;
  CHECK(validate(options));
  SECTION("port") {
    options.http_port = options.text_port;
    const auto valid = validate(options);
    REQUIRE(!valid);
    CHECK(valid.error().text ==
          "--text-port and --http-port are both 12345: each needs a port of its own");
  }
  SECTION("address") {
    options.bind = GENERATE("localhost", "", "1.2.3", "::g", "127.0.0.1:80");
    const auto valid = validate(options);
    REQUIRE(!valid);
    CHECK(valid.error().text.starts_with("--bind: "));
  }
  SECTION("partition") {
    options.partition = milliseconds(90'500);
    const auto valid = validate(options);
    REQUIRE(!valid);
    CHECK(valid.error().text.starts_with("--partition: "));
  }
}

TEST_CASE("the ready line names every address") {
  UpOptions options;
  CHECK(ready_line(options) ==
        "mas is ready: commands 127.0.0.1:12345, native 127.0.0.1:5555, workers 127.0.0.1:5556, "
        "events 127.0.0.1:5557, locks 127.0.0.1:5558, http http://127.0.0.1:8080");
  options.bind = "::1";
  CHECK(ready_line(options).starts_with("mas is ready: commands [::1]:12345, "));
}

}  // namespace
}  // namespace mas
