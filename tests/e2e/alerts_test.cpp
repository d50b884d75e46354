#include <csignal>

#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

/// Checked each second.
System::Options every_second() { return System::Options().option("--alert-period", "1"); }

/// Waits until everything logged so far has been judged: a marker that is logged after it, in a
/// period of its own or the same, is judged with it or later.
void wait_until_judged(System& system, const std::string& marker) {
  REQUIRE(system.ask("LOG " + marker + " 0") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT " + marker + " MAX 0 1") == reply_registered);
  REQUIRE(system.ask("LOG " + marker + " 2") == reply_inserted);
  system.up().wait_for_stderr("ALERT " + marker + ": MAX is over 1.0\n");
}

TEST_CASE("a rule fires once for a period whose samples exceed its limit") {
  System system(every_second());
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT m MAX 0 5") == reply_registered);
  for (std::size_t times = 1; times <= 3; ++times) {
    // One sample is in one period, so it fires the rule once; the next is logged after that.
    REQUIRE(system.ask("LOG m 7.5") == reply_inserted);
    system.up().wait_for_stderr("ALERT m: MAX is over 5.0\n", times);
  }
  wait_until_judged(system, "marker");
  CHECK(count_of(system.up().stderr_text(), "ALERT m: ") == 3);
}

TEST_CASE("the same rule twice is one rule") {
  System system(every_second());
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT m MAX 1 5") == reply_registered);
  REQUIRE(system.ask("NEW-ALERT m MAX 1.0 5.0") == reply_registered);
  REQUIRE(system.ask("LOG m 7") == reply_inserted);
  system.up().wait_for_stderr("ALERT m: MAX is over 5.0\n");
  wait_until_judged(system, "marker");
  CHECK(count_of(system.up().stderr_text(), "ALERT m: ") == 1);
}

TEST_CASE("each operation has its alert, with the limit as numbers are in replies") {
  System system(every_second());
  for (const char* id : {"a", "b", "c", "d"})
    REQUIRE(system.ask(std::string("LOG ") + id + " 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT a MAX 0 1e16") == reply_registered);
  REQUIRE(system.ask("NEW-ALERT b MIN 0 -2.50") == reply_registered);
  REQUIRE(system.ask("NEW-ALERT c AVG 0 0.1") == reply_registered);
  REQUIRE(system.ask("NEW-ALERT d COUNT 0 0") == reply_registered);
  REQUIRE(system.ask("LOG a 1e17") == reply_inserted);
  REQUIRE(system.ask("LOG b -2") == reply_inserted);
  REQUIRE(system.ask("LOG c 0.2") == reply_inserted);
  REQUIRE(system.ask("LOG d -5") == reply_inserted);
  system.up().wait_for_stderr("ALERT a: MAX is over 1e+16\n");
  system.up().wait_for_stderr("ALERT b: MIN is over -2.5\n");
  system.up().wait_for_stderr("ALERT c: AVG is over 0.1\n");
  system.up().wait_for_stderr("ALERT d: COUNT is over 0.0\n");
}

TEST_CASE("a value at its limit does not fire, nor do samples from before the rule") {
  System system(every_second());
  REQUIRE(system.ask("LOG early 9") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT early MAX 0 5") == reply_registered);
  REQUIRE(system.ask("LOG level 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT level MAX 0 5") == reply_registered);
  REQUIRE(system.ask("LOG level 5") == reply_inserted);
  wait_until_judged(system, "marker");
  wait_until_judged(system, "later");  // judged in a period after all of the above
  CHECK(count_of(system.up().stderr_text(), "ALERT early") == 0);
  CHECK(count_of(system.up().stderr_text(), "ALERT level") == 0);
}

TEST_CASE("what was logged while no alerter ran is judged when one comes back, once") {
  System system(every_second());
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT m MAX 0 5") == reply_registered);
  system.kill_all_of("mas-alerter");
  REQUIRE(system.ask("LOG m 7") == reply_inserted);
  system.up().wait_for_stderr("ALERT m: MAX is over 5.0\n");
  REQUIRE(system.ask_until_served("LOG marker 0") == reply_inserted);
  REQUIRE(system.ask_until_served("NEW-ALERT marker MAX 0 1") == reply_registered);
  wait_until_judged(system, "marker");
  CHECK(count_of(system.up().stderr_text(), "ALERT m: ") == 1);
}

TEST_CASE("two alerters share the rules, each of which fires once, also when one of them dies") {
  System system(System::Options().pools(1, 1, 2).option("--alert-period", "1"));
  constexpr std::size_t rules = 40;
  const auto id = [](std::size_t i) { return "m" + std::to_string(i); };
  for (std::size_t i = 0; i < rules; ++i) {
    REQUIRE(system.ask("LOG " + id(i) + " 1") == reply_inserted);
    REQUIRE(system.ask("NEW-ALERT " + id(i) + " MAX 0 5") == reply_registered);
  }
  const auto alerters = system.pids_of("mas-alerter");
  REQUIRE(alerters.size() == 2);
  for (std::size_t i = 0; i < rules; ++i)
    REQUIRE(system.ask("LOG " + id(i) + " 7") == reply_inserted);
  ::kill(alerters[0], SIGKILL);
  for (std::size_t i = 0; i < rules; ++i)
    system.up().wait_for_stderr("ALERT " + id(i) + ": MAX is over 5.0\n");
  REQUIRE(system.ask_until_served("NEW-ALERT m0 MAX 0 6") == reply_registered);
  REQUIRE(system.ask_until_served("LOG marker 0") == reply_inserted);
  REQUIRE(system.ask_until_served("NEW-ALERT marker MAX 0 1") == reply_registered);
  wait_until_judged(system, "marker");
  for (std::size_t i = 0; i < rules; ++i)
    CHECK(count_of(system.up().stderr_text(), "ALERT " + id(i) + ": MAX is over 5.0\n") == 1);
}

}  // namespace
}  // namespace mas
