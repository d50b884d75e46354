#include "locks/lock_client.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "support/catch.hpp"
#include "support/lock_broker.hpp"

namespace mas {
namespace {

LockClient connect(const LockBroker& broker, LockClientOptions options = {}) {
  spdlog::set_level(spdlog::level::off);
  options.connect_wait = patience;
  auto client = LockClient::connect(broker.address(), std::move(options));
  REQUIRE(client);
  return *std::move(client);
}

HeldLock lock(LockClient& client, const std::string& name, LockMode mode = LockMode::exclusive) {
  auto held = client.lock(name, mode, patience);
  if (!held) FAIL(held.error().text);
  return *std::move(held);
}

/// Names told by a callback, to be waited for.
class Told {
 public:
  void add(const std::string& name) {
    const std::lock_guard guard(mutex_);
    names_.push_back(name);
    changed_.notify_all();
  }
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock guard(mutex_);
    REQUIRE(changed_.wait_for(guard, patience, [&] { return names_.size() >= count; }));
    return names_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> names_;
};

const std::vector<std::string> a_and_b{"a", "b"};

}  // namespace

TEST_CASE("of two clients one holds a lock, and the next one has the higher token") {
  const LockBroker broker;
  auto first = connect(broker);
  auto second = connect(broker);
  auto held = lock(first, "job");
  CHECK(held.valid());
  CHECK(held.name() == "job");
  CHECK(held.mode() == LockMode::exclusive);
  CHECK(held.previous_end_clean());
  const auto refused = second.lock("job", LockMode::exclusive, milliseconds{0});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::busy);
  const auto token = held.token();
  CHECK(held.release());
  CHECK_FALSE(held.valid());
  CHECK_FALSE(held.release());
  CHECK(lock(second, "job").token() > token);
}

TEST_CASE("threads of one client that lock a name exclusively are apart, and readers together") {
  const LockBroker broker;
  auto client = connect(broker);
  std::atomic<int> inside{0};
  std::atomic<int> readers{0};
  std::atomic<bool> apart{true};
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const auto writer = client.lock("job", LockMode::exclusive, patience);
        if (!writer || inside.fetch_add(1) != 0) apart = false;
        inside.fetch_sub(1);
      }
      const auto reader = client.lock("book", LockMode::shared, patience);
      if (!reader) apart = false;
      // Nobody leaves before all are in.
      readers.fetch_add(1);
      while (apart && readers < 4) std::this_thread::yield();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(apart);
}

TEST_CASE("the end of a HeldLock, and of a client, lets go") {
  const LockBroker broker;
  auto second = connect(broker);
  {
    auto first = connect(broker);
    static_cast<void>(lock(first, "a"));
    CHECK(lock(second, "a").previous_end_clean());
    auto outlives = lock(first, "b");
    auto closed = std::move(first);
    { auto ends = std::move(closed); }
    CHECK_FALSE(outlives.valid());
    CHECK_FALSE(outlives.convert_down(LockMode::append));
    CHECK_FALSE(outlives.convert_up());
  }
  CHECK(lock(second, "b").previous_end_clean());
}

TEST_CASE("a lock is converted down and up, and its value comes with the next grant") {
  const LockBroker broker;
  auto writer = connect(broker);
  auto other = connect(broker);
  auto held = lock(writer, "log");
  CHECK_FALSE(held.convert_down(LockMode::exclusive));
  REQUIRE(held.convert_down(LockMode::append, "at 17"));
  CHECK(held.mode() == LockMode::append);
  {
    auto reader = lock(other, "log", LockMode::shared);
    CHECK(reader.value() == LockValue{true, "at 17"});
    CHECK_FALSE(reader.convert_up());
    const auto busy = held.convert_up(milliseconds{0});
    REQUIRE_FALSE(busy);
    CHECK(busy.error().kind == Error::busy);
  }
  REQUIRE(held.convert_up(patience));
  CHECK(held.mode() == LockMode::exclusive);
  REQUIRE(held.convert_down(LockMode::shared, "at 18"));
  CHECK(lock(other, "log", LockMode::shared).value() == LockValue{true, "at 18"});
  CHECK(lock(writer, "log", LockMode::shared).valid());
  REQUIRE(held.release());
  auto last = lock(other, "log");
  REQUIRE(last.release(std::nullopt, false));
  CHECK_FALSE(lock(writer, "log").previous_end_clean());
  CHECK_FALSE(lock(writer, "log").release(std::string(129, 'v')));
}

TEST_CASE("many names are locked together or not at all") {
  const LockBroker broker;
  auto first = connect(broker);
  auto second = connect(broker);
  {
    auto both = first.lock_all(a_and_b, LockMode::exclusive, patience);
    REQUIRE(both);
    CHECK((*both)[0].name() == "a");
    CHECK((*both)[1].name() == "b");
    CHECK_FALSE(second.lock("b", LockMode::shared, milliseconds{0}));
  }
  {
    const auto one = lock(first, "b");
    CHECK_FALSE(second.lock_all(a_and_b, LockMode::exclusive, milliseconds{0}));
    CHECK(lock(first, "a").valid());  // what it had got of the two is free again
  }
  const std::vector<std::string> twice{"a", "a"};
  CHECK(second.lock_all(twice).error().kind == Error::invalid);
  CHECK(second.lock_all({}).error().kind == Error::invalid);
  const std::vector<std::string> many(4097, "n");
  CHECK(second.lock_all(many).error().kind == Error::invalid);
  CHECK(second.lock("").error().kind == Error::invalid);
}

TEST_CASE("clients that want the same two names never wait for each other for ever") {
  const LockBroker broker;
  std::vector<std::thread> threads;
  std::atomic<int> done{0};
  for (int n = 0; n < 4; ++n) {
    threads.emplace_back([&, n] {
      auto client = LockClient::connect(broker.address());
      for (int round = 0; client && round < 50; ++round) {
        const std::vector<std::string> names =
            n % 2 == 0 ? a_and_b : std::vector<std::string>{"b", "a"};
        if (client->lock_all(names, LockMode::exclusive, patience)) ++done;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(done == 200);
}

TEST_CASE("a wait for a lock can be stopped from another thread") {
  const LockBroker broker;
  auto first = connect(broker);
  auto second = connect(broker);
  Told recalled;
  const auto held = lock(first, "job");
  std::stop_source stop;
  std::thread stopper([&] {
    while (!held.recalled()) std::this_thread::yield();
    stop.request_stop();
  });
  const auto refused = second.lock("job", LockMode::append, wait_for_ever, stop.get_token());
  stopper.join();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::busy);
  CHECK(held.recalled() == LockMode::append);
  CHECK(held.valid());
}

TEST_CASE("who holds a lock is told that somebody waits, and keeps it past its lease's length") {
  const LockBroker broker({"--lease-ttl", "500ms"});
  Told recalled;
  LockClientOptions options;
  options.on_recalled = [&](const std::string& name, LockMode) { recalled.add(name); };
  auto first = connect(broker, std::move(options));
  auto second = connect(broker);
  auto held = lock(first, "job");
  const auto refused = second.lock("job", LockMode::exclusive, milliseconds{2000});
  REQUIRE_FALSE(refused);
  CHECK(recalled.wait_for(1) == std::vector<std::string>{"job"});
  CHECK(held.valid());
  CHECK(held.release());
  CHECK(lock(second, "job").valid());
}

TEST_CASE("a lock whose lease ends while the broker stands still is lost, and can be had again") {
  LockBroker broker({"--lease-ttl", "500ms"});
  Told lost;
  LockClientOptions options;
  options.on_lost = [&](const std::string& name) { lost.add(name); };
  auto client = connect(broker, std::move(options));
  auto held = lock(client, "job");
  auto other = lock(client, "shared", LockMode::shared);
  broker.process().signal(SIGSTOP);
  CHECK(lost.wait_for(2).size() == 2);
  CHECK_FALSE(held.valid());
  CHECK_FALSE(other.valid());
  CHECK_FALSE(held.release());
  const auto refused = client.lock("job", LockMode::exclusive, milliseconds{600});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == Error::lost);
  broker.process().signal(SIGCONT);
  auto again = lock(client, "job");
  CHECK(again.valid());
  CHECK(again.token() > held.token());
  CHECK_FALSE(held.valid());
}

TEST_CASE("an address without a broker, or that is none, is an error") {
  const FreePorts ports(1);
  LockClientOptions options;
  options.connect_wait = milliseconds{50};
  const auto absent = LockClient::connect("127.0.0.1:" + std::to_string(ports[0]), options);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().kind == Error::lost);
  const auto nonsense = LockClient::connect("nowhere", options);
  REQUIRE_FALSE(nonsense);
  CHECK(nonsense.error().kind == Error::invalid);
}

TEST_CASE("the example in docs/locks.md is a program that counts, however many run at once") {
  const auto text_of = [](const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  const auto source = text_of(MAS_EXAMPLES_DIR "/count_up.cpp");
  REQUIRE(source.size() > 100);
  CHECK(count_of(text_of(MAS_DOCS_DIR "/locks.md"), source) == 1);

  const LockBroker broker;
  const TempDir directory;
  const auto file = (directory.path() / "n").string();
  std::vector<std::unique_ptr<Process>> processes;
  for (int n = 0; n < 8; ++n) {
    processes.push_back(std::make_unique<Process>(
        std::vector<std::string>{program_path("count_up"), broker.address(), file}));
  }
  for (const auto& process : processes) CHECK(process->wait() == ProcessEnd{0, 0});
  CHECK(text_of(file) == "8\n");
}

}  // namespace mas
