#include <csignal>
#include <string>

#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

TEST_CASE("a killed process comes back, and nothing that was acknowledged is lost") {
  const std::string program =
      GENERATE("mas-ingest", "mas-query", "mas-alerter", "mas-lockbroker", "mas-gateway");
  CAPTURE(program);
  System system;
  {
    TextClient client = system.connect();
    std::string logs;
    for (int i = 0; i < 1000; ++i) logs += "LOG m" + std::to_string(i % 10) + " 1\n";
    client.send(logs);
    for (int i = 0; i < 1000; ++i) REQUIRE(client.read_line() == reply_inserted);
    REQUIRE(client.ask("NEW-ALERT m0 MAX 1 5") == reply_registered);
  }
  system.kill_all_of(program);
  // Asked until served: a 503 is right for a while, a wrong answer never.
  CHECK(system.ask_until_served("LOG after 1") == reply_inserted);
  for (int i = 0; i < 10; ++i)
    CHECK(system.ask_until_served("QUERY m" + std::to_string(i) + " COUNT 3600") == "200 [100]");
  CHECK(system.ask_until_served("NEW-ALERT m1 MAX 1 5") == reply_registered);
  CHECK(system.ask_until_served("LOG m0 1") == reply_inserted);
  CHECK(system.pids_of(program).size() == 1);
  CHECK(system.stop() == ProcessEnd{0, 0});
}

TEST_CASE("a LOG whose worker dies is stored once if acknowledged, at most once if refused") {
  System system(System::Options().pools(2, 1, 1));
  constexpr int rounds = 5;
  constexpr int logs_per_round = 2000;
  constexpr int metrics = 20;
  std::array<int, metrics> acknowledged{};
  std::array<int, metrics> sent{};
  for (int round = 0; round < rounds; ++round) {
    TextClient client = system.connect();
    std::string logs;
    for (int i = 0; i < logs_per_round; ++i) logs += "LOG m" + std::to_string(i % metrics) + " 1\n";
    client.send(logs);
    system.kill_all_of("mas-ingest");
    for (int i = 0; i < logs_per_round; ++i) {
      const auto metric = static_cast<std::size_t>(i % metrics);
      const auto reply = client.read_line();
      ++sent[metric];
      if (reply == reply_inserted)
        ++acknowledged[metric];
      else
        REQUIRE(reply == reply_busy);
    }
    REQUIRE(system.ask_until_served("LOG back 1") == reply_inserted);
  }
  for (std::size_t metric = 0; metric < metrics; ++metric) {
    const auto reply = system.ask_until_served("QUERY m" + std::to_string(metric) + " COUNT 3600");
    if (reply == reply_not_found) {
      CHECK(acknowledged[metric] == 0);
      continue;
    }
    REQUIRE(reply.starts_with("200 ["));
    const int stored = std::stoi(reply.substr(5));
    CHECK(stored >= acknowledged[metric]);
    CHECK(stored <= sent[metric]);
  }
}

TEST_CASE("under mas up a dead worker's locks are free at once, whatever the leases") {
  // Nothing here could come back before the test's own patience ends.
  System system(System::Options().pools(2, 1, 1).environment("MAS_LEASE_TTL", "10m"));
  for (int i = 0; i < 20; ++i) {
    REQUIRE(system.ask_until_served("LOG m" + std::to_string(i) + " 1") == reply_inserted);
  }
  system.kill_all_of("mas-ingest");
  for (int i = 0; i < 20; ++i) {
    const auto metric = "m" + std::to_string(i);
    CHECK(system.ask_until_served("LOG " + metric + " 2") == reply_inserted);
    CHECK(system.ask_until_served("QUERY " + metric + " MAX 0") == "200 [1.0, 2.0]");
  }
}

TEST_CASE("a lock broker that restarts within a lease costs writers nothing") {
  // One worker a pool, as a second one that joins while there is no broker could take nothing over.
  System system(System::Options().environment("MAS_LEASE_TTL", "8s"));
  TextClient client = system.connect();
  int logged = 0;
  const auto log_all = [&] {
    std::string logs;
    for (int i = 0; i < 100; ++i) logs += "LOG m" + std::to_string(i % 10) + " 1\n";
    client.send(logs);
    for (int i = 0; i < 100; ++i) REQUIRE(client.read_line() == reply_inserted);
    logged += 10;
  };
  log_all();
  constexpr std::size_t workers = 3;
  for (std::size_t restart = 1; restart <= 2; ++restart) {
    system.kill_all_of("mas-lockbroker");
    log_all();  // there is no broker, and none is needed
    // The new one grants nothing yet; what was held is reclaimed and used on.
    system.up().wait_for_stderr("session resumed", workers * restart);
    log_all();
  }
  CHECK(system.ask_until_served("QUERY m0 COUNT 3600") == "200 [" + std::to_string(logged) + "]");
}

TEST_CASE("a system that was killed altogether comes back with its data and rules") {
  System system(System::Options().option("--alert-period", "1"));
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("LOG m 2") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT m MAX 0 5") == reply_registered);

  system.up().signal(SIGKILL);
  CHECK(system.up().wait() == ProcessEnd{-1, SIGKILL});
  system.up().wait_until_all_gone();
  system.start();

  CHECK(system.ask_until_served("QUERY m MAX 0") == "200 [1.0, 2.0]");
  CHECK(system.ask_until_served("LOG m 7") == reply_inserted);
  CHECK(system.ask("QUERY m MAX 0") == "200 [1.0, 2.0, 7.0]");
  system.up().wait_for_stderr("ALERT m: MAX is over 5.0");
}

TEST_CASE("what was read before a stop is answered as stored, not refused") {
  System system;
  constexpr int logs = 100'000;
  TextClient client = system.connect();
  std::string requests;
  for (int i = 0; i < logs; ++i) requests += "LOG m" + std::to_string(i % 100) + " 1\n";
  client.send(requests);  // most of it is on its way, or not yet read, when the signal comes
  system.up().signal(SIGTERM);
  int stored = 0;
  for (const auto& reply : lines_of(client.read_to_end())) {
    REQUIRE(reply == reply_inserted);
    ++stored;
  }
  CHECK(system.up().wait() == ProcessEnd{0, 0});
  system.up().wait_until_all_gone();
  system.start();
  int counted = 0;
  for (int metric = 0; metric < 100; ++metric) {
    const auto reply = system.ask("QUERY m" + std::to_string(metric) + " COUNT 3600");
    if (reply != reply_not_found) counted += std::stoi(reply.substr(5));
  }
  CHECK(counted == stored);
}

TEST_CASE("a system that was stopped comes back with its data and rules") {
  System system(System::Options().pools(2, 2, 2).option("--alert-period", "1"));
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT m COUNT 0 0") == reply_registered);
  REQUIRE(system.stop() == ProcessEnd{0, 0});
  system.start();
  CHECK(system.ask_until_served("LOG m 2") == reply_inserted);
  CHECK(system.ask_until_served("QUERY m MAX 0") == "200 [1.0, 2.0]");
  system.up().wait_for_stderr("ALERT m: COUNT is over 0.0");
}

}  // namespace
}  // namespace mas
