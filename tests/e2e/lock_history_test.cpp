// What many concurrent clients of a real lock broker hold, and when, is written down while clients
// stand still and vanish and the broker is killed and stopped, and then has to be the history of a
// readers-writer lock. A longer run: MAS_TEST_GRANTS=1000000.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/free_ports.hpp"
#include "support/linearizability.hpp"
#include "support/lock_player.hpp"
#include "support/process.hpp"
#include "support/system.hpp"
#include "support/temp_dir.hpp"

namespace mas {
namespace {

using What = LockOperation::What;

constexpr std::size_t players_count = 6;
constexpr std::size_t names_count = 3;
constexpr std::uint64_t default_grants = 1500;
constexpr milliseconds lease_ttl{500};

std::uint64_t grants_wanted() {
  const char* given = std::getenv("MAS_TEST_GRANTS");
  return given == nullptr ? default_grants : std::strtoull(given, nullptr, 10);
}

/// A broker that can be killed and started again.
class Broker {
 public:
  Broker() { start(); }
  void start() {
    process_.reset();
    process_ = std::make_unique<Process>(std::vector<std::string>{
        program_path("mas-lockbroker"), "--locks-port", std::to_string(port()), "--state",
        directory_.path() / "state", "--lease-ttl", "500ms", "--minimum-hold", "2ms"});
    process_->wait_for_stderr("listening");
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait();
  }
  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] std::uint16_t port() const { return ports_[0]; }

 private:
  TempDir directory_;
  FreePorts ports_{1};
  std::unique_ptr<Process> process_;
};

/// Many players at one broker, each in a thread of its own.
class Game {
 public:
  Game(std::uint16_t port, double stands_still, bool looks_at_lease) {
    std::vector<LockName> names;
    for (std::size_t n = 0; n < names_count; ++n) {
      names.push_back({LockSpace::metric, "m" + std::to_string(n)});
    }
    for (std::size_t n = 0; n < players_count; ++n) {
      LockPlayerOptions options;
      options.port = port;
      options.names = names;
      options.seed = n + 1;
      options.client = n + 1;
      options.stands_still = stands_still;
      options.looks_at_lease = looks_at_lease;
      options.standstill = 2 * lease_ttl;
      options.granted = [this] { ++grants_; };
      options.stop = [this] { return stop_.load(); };
      players_.push_back(std::make_unique<LockPlayer>(options));
    }
    for (auto& player : players_) {
      threads_.emplace_back([&player = *player] { player.run(); });
    }
  }
  ~Game() { stop(); }

  [[nodiscard]] std::uint64_t grants() const { return grants_; }
  void wait_for(std::uint64_t grants) {
    auto before = grants_.load();
    auto until = std::chrono::steady_clock::now() + patience;
    while (grants_ < grants) {
      if (grants_ != before) {
        before = grants_;
        until = std::chrono::steady_clock::now() + patience;
      }
      if (std::chrono::steady_clock::now() > until) FAIL("no lock is granted any more");
      std::this_thread::sleep_for(milliseconds{1});
    }
  }
  void stop() {
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }
  /// What all did to one name; after stop().
  [[nodiscard]] std::vector<LockOperation> history(std::size_t name) const {
    std::vector<LockOperation> all;
    for (const auto& player : players_) {
      const auto& one = player->history(name);
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }

 private:
  std::vector<std::unique_ptr<LockPlayer>> players_;
  std::vector<std::thread> threads_;
  std::atomic<std::uint64_t> grants_{0};
  std::atomic<bool> stop_{false};
};

void must_be_linearizable(const Game& game) {
  for (std::size_t name = 0; name < names_count; ++name) {
    const auto wrong = not_linearizable(game.history(name));
    INFO("name " << name << ": " << wrong.value_or(""));
    CHECK_FALSE(wrong);
  }
}

TEST_CASE(
    "what clients hold is the history of a readers-writer lock, whoever dies or stands still") {
  Broker broker;
  Game game(broker.port(), 0.0002, true);
  const auto grants = grants_wanted();
  bool resumed = false;

  for (std::uint64_t done = grants / 6; done < grants; done += grants / 2) {
    // Killed, and back before any lease is over. Where the machine is too slow for that, again.
    for (int attempt = 0; !resumed && attempt < 20; ++attempt) {
      game.wait_for(std::max(done, game.grants() + 1));
      broker.kill();
      broker.start();
      game.wait_for(game.grants() + 1);
      resumed = broker.process().stderr_text().find("session resumed") != std::string::npos;
    }
    CHECK(std::exchange(resumed, false));
    // Killed, and back after all leases are over.
    game.wait_for(done + grants / 12);
    broker.kill();
    std::this_thread::sleep_for(lease_ttl);
    broker.start();
    // Stopped for longer than a lease, and continued.
    game.wait_for(done + grants / 6);
    broker.process().signal(SIGSTOP);
    std::this_thread::sleep_for(2 * lease_ttl);
    broker.process().signal(SIGCONT);
  }
  game.wait_for(grants);
  game.stop();
  must_be_linearizable(game);

  // The same history with one writer's release a little later than the next writer's grant.
  std::size_t doctored = 0;
  for (std::size_t name = 0; name < names_count; ++name) {
    auto history = game.history(name);
    for (auto& operation : history) {
      if (operation.what != What::release || operation.mode != LockMode::exclusive) continue;
      const auto before = operation.invoked;
      auto next = MonoTime::max();
      for (const auto& other : history) {
        if (other.what == What::acquire && other.client != operation.client &&
            other.invoked > before) {
          next = std::min(next, other.returned);
        }
      }
      if (next == MonoTime::max()) continue;
      operation.invoked = next + nanoseconds{1};
      CHECK(not_linearizable(history));
      operation.invoked = before;
      ++doctored;
      if (doctored % 10 == 0) break;
    }
  }
  CHECK(doctored > 0);
}

TEST_CASE("clients that do not look at their lease are found out by their history") {
  Broker broker;
  bool found = false;
  for (int games = 0; !found && games < 50; ++games) {
    Game game(broker.port(), 0.002, false);
    game.wait_for(300);
    game.stop();
    for (std::size_t name = 0; name < names_count; ++name) {
      found = found || not_linearizable(game.history(name)).has_value();
    }
  }
  CHECK(found);
}

}  // namespace
}  // namespace mas
