#include <poll.h>

#include <csignal>

#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

std::vector<std::string> agent_of(const System& system) {
  return {
      program_path("mas"), "agent", "--server", "127.0.0.1:" + std::to_string(system.text_port()),
      "--period",          "100ms", "--prefix", "host1."};
}

/// Asks until the reply begins so; gives it.
std::string ask_until(const System& system, const std::string& request, const std::string& start) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto reply = system.ask_until_served(request);
    if (reply.starts_with(start)) return reply;
    if (std::chrono::steady_clock::now() > give_up) return reply;
    ::poll(nullptr, 0, 20);
  }
}

TEST_CASE("the agent logs this host's metrics, and a query answers with them") {
  const System system;
  Process agent(agent_of(system));
  for (const char* metric : {"cpu_percent", "load_avg_1m", "memory_used_percent",
                             "disk_used_percent", "process_count"}) {
    CAPTURE(metric);
    const auto id = std::string("host1.") + metric;
    CHECK(ask_until(system, "QUERY " + id + " MAX 0", "200 [").size() > 6);
    const auto least = ask_until(system, "QUERY " + id + " MIN 3600", "200 [");
    CHECK(std::stod(least.substr(5)) >= 0);
  }
  agent.signal(SIGTERM);
  CHECK(agent.wait() == ProcessEnd{0, 0});
}

TEST_CASE("the agent waits for a server that is away, and finds it again after a restart") {
  System system;
  REQUIRE(system.stop() == ProcessEnd{0, 0});
  Process agent(agent_of(system));
  agent.wait_for_stderr("trying again");
  system.start();
  agent.wait_for_stderr("connected");
  ask_until(system, "QUERY host1.load_avg_1m COUNT 3600", "200 [");
  REQUIRE(system.stop() == ProcessEnd{0, 0});
  agent.wait_for_stderr("trying again", 2);
  system.start();
  agent.wait_for_stderr("connected", 2);
  agent.signal(SIGINT);
  CHECK(agent.wait() == ProcessEnd{0, 0});
}

TEST_CASE("the agent ends at once while it looks for a server that does not exist") {
  Process agent({program_path("mas"), "agent", "--server", "mas.invalid:12345", "--period", "1s"});
  agent.wait_for_stderr("trying again");
  agent.signal(SIGTERM);
  CHECK(agent.wait() == ProcessEnd{0, 0});
}

}  // namespace
}  // namespace mas
