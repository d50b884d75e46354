#include "client/supervisor.hpp"

#include <fmt/format.h>

#include <string>

#include "support/catch.hpp"

namespace mas {
namespace {

using Role = Supervisor::Role;

std::string text_of(const Supervisor::Action& action) {
  struct {
    std::string operator()(const Supervisor::Start& it) {
      return fmt::format("start {}", it.child);
    }
    std::string operator()(const Supervisor::RestartLater& it) {
      return fmt::format("restart {} in {} ms", it.child, it.delay / milliseconds(1));
    }
    std::string operator()(const Supervisor::Drain& it) {
      return fmt::format("drain {}", it.child);
    }
    std::string operator()(const Supervisor::Kill& it) { return fmt::format("kill {}", it.child); }
    std::string operator()(const Supervisor::AskReady&) { return "ask"; }
    std::string operator()(const Supervisor::AnnounceReady&) { return "ready"; }
    std::string operator()(const Supervisor::Finish& it) {
      return fmt::format("finish {}", it.exit_code);
    }
  } visitor;
  return std::visit(visitor, action);
}

/// A supervisor of lock broker 0, gateway 1 and workers 2 and 3, with a clock of its own.
class Machine {
 public:
  /// Hands the event over and gives its actions, separated by "; ".
  std::string on(const Supervisor::Event& event) {
    std::vector<Supervisor::Action> actions;
    supervisor_.on(event, now_, actions);
    std::string text;
    for (const auto& action : actions) text += (text.empty() ? "" : "; ") + text_of(action);
    return text;
  }
  /// Lets the time pass to the next deadline.
  std::string at_deadline() {
    const auto deadline = supervisor_.next_deadline();
    REQUIRE(deadline);
    REQUIRE(*deadline >= now_);
    now_ = *deadline;
    return on(Supervisor::TimePassed{});
  }
  std::string exits(std::size_t child, std::optional<int> code) {
    return on(Supervisor::Exited{child, code});
  }
  void pass(nanoseconds time) { now_ += time; }
  void bring_up() {
    on(Supervisor::Begin{});
    REQUIRE(at_deadline() == "ask");
    REQUIRE(on(Supervisor::ReadyAnswered{true}) == "ready");
  }
  bool idle() const { return !supervisor_.next_deadline(); }

 private:
  Supervisor supervisor_{{Role::lockbroker, Role::gateway, Role::worker, Role::worker}};
  MonoTime now_{seconds(1000)};
};

TEST_CASE("everything is started at once, and ready is said once, when the system answers") {
  Machine machine;
  CHECK(machine.on(Supervisor::Begin{}) == "start 0; start 1; start 2; start 3");
  CHECK(machine.at_deadline() == "ask");
  CHECK(machine.idle());  // one question at a time
  CHECK(machine.on(Supervisor::ReadyAnswered{false}) == "");
  CHECK(machine.at_deadline() == "ask");
  CHECK(machine.on(Supervisor::ReadyAnswered{true}) == "ready");
  CHECK(machine.on(Supervisor::ReadyAnswered{true}) == "");
  CHECK(machine.idle());
}

TEST_CASE("a child that dies is started again, with a delay that doubles up to 5 s") {
  Machine machine;
  machine.bring_up();
  for (const int delay_ms : {100, 200, 400, 800, 1600, 3200, 5000, 5000}) {
    CHECK(machine.exits(2, std::nullopt) == fmt::format("restart 2 in {} ms", delay_ms));
    CHECK(machine.at_deadline() == "start 2");
  }
  CHECK(machine.exits(3, 0) == "restart 3 in 100 ms");  // each child has its own delay
}

TEST_CASE("after 10 s of life a child's delay starts anew") {
  Machine machine;
  machine.bring_up();
  machine.exits(2, std::nullopt);
  machine.at_deadline();
  machine.exits(2, std::nullopt);
  machine.at_deadline();
  machine.pass(healthy_life);
  CHECK(machine.exits(2, 1) == "restart 2 in 100 ms");
}

TEST_CASE("two children that died at once are both started again") {
  Machine machine;
  machine.bring_up();
  CHECK(machine.exits(2, std::nullopt) == "restart 2 in 100 ms");
  CHECK(machine.exits(3, std::nullopt) == "restart 3 in 100 ms");
  CHECK(machine.at_deadline() == "start 2; start 3");
}

TEST_CASE("a stop drains the gateway, then the workers, then the lock broker") {
  Machine machine;
  machine.bring_up();
  CHECK(machine.on(Supervisor::StopAsked{}) == "drain 1");
  CHECK(machine.exits(1, 0) == "drain 2; drain 3");
  CHECK(machine.exits(3, 0) == "");
  CHECK(machine.exits(2, 0) == "drain 0");
  CHECK(machine.exits(0, 0) == "finish 0");
  CHECK(machine.idle());
  CHECK(machine.on(Supervisor::StopAsked{}) == "");
}

TEST_CASE("nothing is started again once a stop was asked for") {
  Machine machine;
  machine.bring_up();
  machine.exits(2, std::nullopt);
  CHECK(machine.on(Supervisor::StopAsked{}) == "drain 1");
  CHECK(machine.exits(0, std::nullopt) == "");
  CHECK(machine.exits(1, 0) == "drain 3");
  CHECK(machine.exits(3, 0) == "finish 0");
}

TEST_CASE("what does not end within 10 s of a stop is killed, whatever its role") {
  Machine machine;
  machine.bring_up();
  machine.on(Supervisor::StopAsked{});
  machine.exits(1, 0);
  machine.exits(2, 0);
  machine.pass(seconds(4));
  CHECK(machine.at_deadline() == "kill 0; kill 3");
  CHECK(machine.exits(0, std::nullopt) == "");
  CHECK(machine.exits(3, std::nullopt) == "finish 0");
}

TEST_CASE("a second stop kills at once") {
  Machine machine;
  machine.bring_up();
  machine.on(Supervisor::StopAsked{});
  CHECK(machine.on(Supervisor::StopAsked{}) == "kill 0; kill 1; kill 2; kill 3");
}

TEST_CASE("a stop while the system comes up drains what was started") {
  Machine machine;
  machine.on(Supervisor::Begin{});
  CHECK(machine.on(Supervisor::StopAsked{}) == "drain 1");
  CHECK(machine.on(Supervisor::ReadyAnswered{true}) == "");
  machine.exits(1, std::nullopt);
  machine.exits(2, std::nullopt);
  machine.exits(3, std::nullopt);
  CHECK(machine.exits(0, std::nullopt) == "finish 0");
}

TEST_CASE("a child that refuses its configuration before the system was ready ends all with 2") {
  Machine machine;
  machine.on(Supervisor::Begin{});
  CHECK(machine.exits(1, 2) == "drain 2; drain 3");
  machine.exits(2, 0);
  CHECK(machine.exits(3, 0) == "drain 0");
  CHECK(machine.exits(0, 0) == "finish 2");
}

TEST_CASE("the same exit is an accident like any other once the system was ready") {
  Machine machine;
  machine.bring_up();
  CHECK(machine.exits(1, 2) == "restart 1 in 100 ms");
}

TEST_CASE("a role without processes is passed over by a stop") {
  Supervisor supervisor({Role::lockbroker, Role::worker});
  std::vector<Supervisor::Action> actions;
  supervisor.on(Supervisor::Begin{}, MonoTime{}, actions);
  actions.clear();
  supervisor.on(Supervisor::StopAsked{}, MonoTime{}, actions);
  REQUIRE(actions.size() == 1);
  CHECK(text_of(actions[0]) == "drain 1");
}

}  // namespace
}  // namespace mas
