#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <thread>

#include "support/catch.hpp"
#include "support/lock_broker.hpp"

namespace mas {
namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// `mas lock NAME OPTIONS -- sh -c SCRIPT` at that broker.
std::vector<std::string> locked(const LockBroker& broker, const std::string& name,
                                const std::string& script, std::vector<std::string> options = {}) {
  std::vector<std::string> argv{program_path("mas"), "lock", name, "--locks", broker.address()};
  argv.insert(argv.end(), options.begin(), options.end());
  argv.insert(argv.end(), {"--", "sh", "-c", script});
  return argv;
}

/// What `mas locks` says in JSON, without the braces and quotes around it.
std::string locks_of(const LockBroker& broker) {
  const auto told = run({program_path("mas"), "locks", "--locks", broker.address(), "--json"});
  REQUIRE(told.end == ProcessEnd{0, 0});
  return told.out;
}

/// How it ended, once all that it has written is here.
ProcessEnd end_of(Process& process) {
  const auto end = process.wait();
  process.wait_until_all_gone();
  return end;
}

/// Asks again until it is as wanted.
void wait_until(const std::function<bool()>& done) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) throw std::runtime_error("waited in vain");
    std::this_thread::yield();
  }
}

/// The largest number that follows `key` in a text.
std::uint64_t largest(const std::string& text, const std::string& key) {
  std::uint64_t found = 0;
  for (auto at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
    found = std::max<std::uint64_t>(found, std::stoull(text.substr(at + key.size())));
  }
  return found;
}

TEST_CASE("of processes that run a command under one lock one at a time does, with rising tokens") {
  const LockBroker broker;
  const TempDir directory;
  const auto counter = (directory.path() / "counter").string();
  const auto tokens = (directory.path() / "tokens").string();
  std::ofstream(counter) << "0\n";
  const auto script = "n=$(cat " + counter + "); sleep 0.01; echo $((n + 1)) > " + counter +
                      "; echo $MAS_FENCING_TOKEN $MAS_LOCK_NAME >> " + tokens;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Process>> processes;
    for (int n = 0; n < 8; ++n) {
      processes.push_back(std::make_unique<Process>(locked(broker, "count", script)));
    }
    for (const auto& process : processes) CHECK(process->wait() == ProcessEnd{0, 0});
  }
  CHECK(text_of(counter) == "24\n");
  std::ifstream lines(tokens);
  std::uint64_t before = 0;
  int count = 0;
  std::string name;
  for (std::uint64_t token = 0; lines >> token >> name; ++count) {
    CHECK(token > before);
    CHECK(name == "count");
    before = token;
  }
  CHECK(count == 24);
}

TEST_CASE("commands under a shared lock run together, and under an append lock with them") {
  const LockBroker broker;
  const TempDir directory;
  const auto go = directory.path() / "go";
  const auto script = "echo in; while ! test -e " + go.string() + "; do sleep 0.01; done";
  Process reader(locked(broker, "log", script, {"--mode", "shared"}));
  Process other(locked(broker, "log", script, {"--mode", "shared"}));
  Process writer(locked(broker, "log", script, {"--mode", "append"}));
  for (auto* process : {&reader, &other, &writer}) process->wait_for_stdout("in");
  CHECK(run(locked(broker, "log", "true", {"--wait", "0"})).end == ProcessEnd{1, 0});
  std::ofstream(go) << "";
  for (auto* process : {&reader, &other, &writer}) CHECK(process->wait() == ProcessEnd{0, 0});
  CHECK(run(locked(broker, "log", "true", {"--wait", "60s"})).end == ProcessEnd{0, 0});
}

TEST_CASE("a lock that is not to be had in time is told in one line and by the exit code") {
  const LockBroker broker;
  Process holder(locked(broker, "job", "echo in; exec sleep 1000"));
  holder.wait_for_stdout("in");
  const auto refused = run(locked(broker, "job", "echo ran", {"--wait", "100ms"}));
  CHECK(refused.end == ProcessEnd{1, 0});
  CHECK(refused.out == "");
  CHECK(refused.err == "mas lock: no exclusive lock on 'job' in 100ms\n");
  CHECK(run(locked(broker, "job", "true", {"--wait", "0", "--conflict-exit-code", "9"})).end ==
        ProcessEnd{9, 0});
  CHECK(run(locked(broker, "another", "true", {"--wait", "0"})).end == ProcessEnd{0, 0});
}

TEST_CASE("mas lock ends as its command does") {
  const LockBroker broker;
  CHECK(run(locked(broker, "job", "exit 7")).end == ProcessEnd{7, 0});
  CHECK(run(locked(broker, "job", "kill -TERM $$")).end == ProcessEnd{128 + SIGTERM, 0});
  const auto with = [&](const std::vector<std::string>& words) {
    std::vector<std::string> argv{program_path("mas"), "lock", "--locks", broker.address()};
    argv.insert(argv.end(), words.begin(), words.end());
    return run(argv);
  };
  const auto missing = with({"job", "--", "/no/such/command"});
  CHECK(missing.end == ProcessEnd{127, 0});
  CHECK(missing.err == "mas lock: /no/such/command: No such file or directory\n");
  CHECK(with({"job", "--", "/etc"}).end == ProcessEnd{126, 0});
  // An option behind -- is the command's.
  CHECK(with({"job", "--", "echo", "--mode", "none"}).out == "--mode none\n");
}

TEST_CASE("mas lock refuses nonsense in one line") {
  const auto check_refused = [](std::vector<std::string> words, const std::string& named) {
    words.insert(words.begin(), {program_path("mas"), "lock"});
    const auto output = run(words);
    CAPTURE(output.err);
    CHECK(output.end == ProcessEnd{2, 0});
    CHECK(count_of(output.err, "\n") == 1);
    CHECK(count_of(output.err, named) >= 1);
  };
  check_refused({}, "NAME");
  check_refused({"--", "true"}, "NAME");
  check_refused({"job"}, "--");
  check_refused({"job", "--"}, "--");
  check_refused({"job", "true"}, "true");
  check_refused({"", "--", "true"}, "NAME");
  check_refused({std::string(256, 'n'), "--", "true"}, "NAME");
  check_refused({"job", "--mode", "rw", "--", "true"}, "--mode");
  check_refused({"job", "--wait", "long", "--", "true"}, "--wait");
  check_refused({"job", "--on-lost", "cry", "--", "true"}, "--on-lost");
  check_refused({"job", "--locks", "nowhere", "--", "true"}, "--locks");
}

TEST_CASE("without a lock broker the command does not run, and mas lock says why") {
  const FreePorts ports(1);
  const auto address = "127.0.0.1:" + std::to_string(ports[0]);
  const auto output =
      run({program_path("mas"), "lock", "job", "--locks", address, "--", "echo", "x"});
  CHECK(output.end == ProcessEnd{125, 0});
  CHECK(output.out == "");
  CHECK(output.err == "mas lock: no lock broker answers at " + address + "\n");
}

TEST_CASE("when mas lock is killed its command dies, and the lock goes on after a lease") {
  const LockBroker broker({"--lease-ttl", "1s"});
  Process holder(locked(broker, "job", "echo in; exec sleep 1000"));
  holder.wait_for_stdout("in");
  Process next(locked(broker, "job", "echo next"));
  wait_until([&] { return largest(locks_of(broker), "\"waiting\":") == 1; });
  holder.signal(SIGKILL);
  holder.wait_until_all_gone();
  CHECK(end_of(next) == ProcessEnd{0, 0});
  CHECK(next.stdout_text() == "next\n");
}

TEST_CASE("a command whose lock is lost is told to end, then killed") {
  LockBroker broker({"--lease-ttl", "1s"});
  const auto loop = "echo in; while :; do sleep 0.01; done";
  SECTION("it ends when told to") {
    Process holder(locked(broker, "job", std::string("trap 'echo told; exit 3' TERM; ") + loop));
    holder.wait_for_stdout("in");
    broker.process().signal(SIGKILL);
    CHECK(end_of(holder) == ProcessEnd{124, 0});
    CHECK(holder.stdout_text() == "in\ntold\n");
    CHECK(holder.stderr_text() ==
          "mas lock: lost the lock on 'job' while the command ran; stopping it\n");
  }
  SECTION("it does not") {
    Process holder(
        locked(broker, "job", std::string("trap '' TERM; ") + loop, {"--grace", "100ms"}));
    holder.wait_for_stdout("in");
    broker.process().signal(SIGKILL);
    CHECK(end_of(holder) == ProcessEnd{124, 0});
  }
}

TEST_CASE("a command whose lock is lost may go on where the user wants it so") {
  LockBroker broker({"--lease-ttl", "1s"});
  const TempDir directory;
  const auto go = (directory.path() / "go").string();
  Process holder(locked(broker, "job",
                        "echo in; while ! test -e " + go + "; do sleep 0.01; done; exit 5",
                        {"--on-lost", "warn"}));
  holder.wait_for_stdout("in");
  broker.process().signal(SIGKILL);
  holder.wait_for_stderr("lost the lock on 'job' while the command runs\n");
  std::ofstream(go) << "";
  CHECK(end_of(holder) == ProcessEnd{5, 0});
}

TEST_CASE("signals reach the command") {
  const auto signal = GENERATE(SIGTERM, SIGINT, SIGHUP, SIGUSR1);
  const LockBroker broker;
  Process holder(locked(broker, "job",
                        "trap 'echo got it; exit 3' TERM INT HUP USR1; echo in; "
                        "while :; do sleep 0.01; done"));
  holder.wait_for_stdout("in");
  holder.signal(signal);
  CHECK(end_of(holder) == ProcessEnd{3, 0});
  CHECK(holder.stdout_text() == "in\ngot it\n");
}

TEST_CASE("a signal ends the wait for a lock, and nobody is left in line") {
  const auto signal = GENERATE(SIGTERM, SIGINT);
  const LockBroker broker;
  Process holder(locked(broker, "job", "echo in; exec sleep 1000"));
  holder.wait_for_stdout("in");
  Process waiter(locked(broker, "job", "echo ran"));
  wait_until([&] { return largest(locks_of(broker), "\"waiting\":") == 1; });
  waiter.signal(signal);
  CHECK(end_of(waiter) == ProcessEnd{128 + signal, 0});
  CHECK(waiter.stdout_text() == "");
  CHECK(largest(locks_of(broker), "\"waiting\":") == 0);
}

TEST_CASE("a lock that others wait for is kept as long as the command runs, leases on end") {
  const LockBroker broker({"--lease-ttl", "500ms"});
  const TempDir directory;
  const auto go = (directory.path() / "go").string();
  const auto mode = GENERATE("shared", "exclusive");
  Process holder(locked(broker, "job", "echo in; while ! test -e " + go + "; do sleep 0.01; done",
                        {"--mode", mode}));
  holder.wait_for_stdout("in");
  Process next(locked(broker, "job", "echo next"));
  // Three leases after the recall an ignored one would have cost the session.
  wait_until([&] { return largest(locks_of(broker), "\"waited_ms\":") > 1500; });
  CHECK(next.stdout_text() == "");
  std::ofstream(go) << "";
  CHECK(end_of(holder) == ProcessEnd{0, 0});
  CHECK(end_of(next) == ProcessEnd{0, 0});
  CHECK(holder.stderr_text() == "");
}

TEST_CASE("mas locks shows who holds what and who waits for it") {
  const LockBroker broker;
  Process holder(locked(broker, "job", "echo in; exec sleep 1000"));
  holder.wait_for_stdout("in");
  Process reader(locked(broker, "other", "echo in; exec sleep 1000", {"--mode", "shared"}));
  reader.wait_for_stdout("in");
  Process waiter(locked(broker, "job", "true"));
  wait_until([&] {
    const auto told = locks_of(broker);
    return largest(told, "\"waiting\":") == 1 && count_of(told, "\"kept\":true") > 0;
  });
  const auto shown = [&](const std::vector<std::string>& options) {
    std::vector<std::string> argv{program_path("mas"), "locks", "--locks", broker.address()};
    argv.insert(argv.end(), options.begin(), options.end());
    const auto output = run(argv);
    CHECK(output.end == ProcessEnd{0, 0});
    return output.out;
  };
  const auto all = shown({});
  CAPTURE(all);
  CHECK(all.starts_with("lock broker " + broker.address() +
                        ": epoch 1, 3 sessions, 2 names, 2 locks held, 1 request waiting\n"));
  const auto line_of = [&](const std::string& start) {
    const auto at = all.find("\n" + start);
    REQUIRE(at != std::string::npos);
    return all.substr(at + 1, all.find('\n', at + 1) - at - 1);
  };
  const auto pid = [](const Process& process) {
    return ":" + std::to_string(process.pid()) + " sh";
  };
  CHECK(count_of(line_of("user:job "), "exclusive") == 1);
  CHECK(count_of(line_of("user:job "), "works on") == 1);
  CHECK(count_of(line_of("user:job "), pid(holder)) == 1);
  CHECK(count_of(line_of("user:other "), "shared") == 1);
  CHECK(count_of(line_of("user:other "), pid(reader)) == 1);
  const auto waits = all.substr(all.find("\nLONGEST WAITS"));
  CHECK(count_of(waits, pid(holder)) == 1);
  CHECK(count_of(waits, pid(waiter)) == 1);

  const auto some = shown({"--prefix", "user:o"});
  CHECK(count_of(some, "user:other") == 1);
  CHECK(count_of(some, "user:job") == 0);
  CHECK(count_of(shown({"--limit", "1"}), "... and more names") == 1);
}

TEST_CASE("mas locks says where no broker answers") {
  const FreePorts ports(1);
  const auto address = "127.0.0.1:" + std::to_string(ports[0]);
  const auto output = run({program_path("mas"), "locks", "--locks", address, "--timeout", "100ms"});
  CHECK(output.end == ProcessEnd{1, 0});
  CHECK(output.out == "");
  CHECK(output.err == "mas locks: no lock broker answers at " + address + "\n");
}

TEST_CASE("a client written from the protocol's page alone takes its turn among the others") {
  const LockBroker broker({"--lease-ttl", "500ms"});
  const std::string client = MAS_EXAMPLES_DIR "/lock_client.py";
  const TempDir directory;
  const auto go = (directory.path() / "go").string();
  Process first(
      locked(broker, "job",
             "echo token $MAS_FENCING_TOKEN; while ! test -e " + go + "; do sleep 0.01; done"));
  const auto token_of = [](const std::string& line) {
    return std::stoull(line.substr(line.find(' ') + 1));
  };
  const auto first_token = token_of(first.wait_for_stdout("token "));
  // It holds the lock for several leases, while somebody waits: heartbeats, and the word that it
  // works on, are what keeps it.
  Process python({"/usr/bin/python3", client, broker.address(), "job", "--hold", "2"});
  wait_until([&] { return largest(locks_of(broker), "\"waiting\":") == 1; });
  Process last(locked(broker, "job", "echo token $MAS_FENCING_TOKEN"));
  wait_until([&] { return largest(locks_of(broker), "\"waiters\":") == 2; });
  std::ofstream(go) << "";
  const auto python_token = token_of(python.wait_for_stdout("granted "));
  CHECK(end_of(python) == ProcessEnd{0, 0});
  CHECK(python.stdout_text() == "granted " + std::to_string(python_token) + "\nreleased\n");
  CHECK(python.stderr_text() == "");
  const auto last_token = token_of(last.wait_for_stdout("token "));
  CHECK(end_of(last) == ProcessEnd{0, 0});
  CHECK(first_token < python_token);
  CHECK(python_token < last_token);

  Process holder(locked(broker, "job", "echo in; exec sleep 1000"));
  holder.wait_for_stdout("in");
  const auto refused = run({"/usr/bin/python3", client, broker.address(), "job", "--wait", "0.1"});
  CHECK(refused.end == ProcessEnd{1, 0});
  CHECK(refused.out == "not granted: cancelled\n");
}

TEST_CASE("mas bench locks measures each scenario, on a broker of its own or a given one") {
  const LockBroker broker;
  const auto bench = [](std::vector<std::string> options) {
    std::vector<std::string> argv{
        program_path("mas"), "bench", "locks",     "--seconds", "100ms", "--names", "1000",
        "--batch",           "10",    "--clients", "3"};
    argv.insert(argv.end(), options.begin(), options.end());
    const auto output = run(argv);
    CAPTURE(output.err);
    CHECK(output.end == ProcessEnd{0, 0});
    CHECK(output.err == "");
    return output.out;
  };
  const auto all = bench({"--json"});
  for (const char* scenario :
       {"bare round trip", "uncontended", "batched, 1 client", "batched, 3 clients",
        "hot name, 3 clients", "90/10 readers, 3 clients", "cached", "1000 names held"}) {
    CAPTURE(scenario, all);
    CHECK(count_of(all, std::string("{\"scenario\":\"") + scenario + "\",\"operations\":") == 1);
    CHECK(count_of(all, std::string("{\"scenario\":\"") + scenario + "\",\"operations\":0,") == 0);
  }
  CHECK(count_of(all, "\n") == 1);
  for (const char* mode : {"shared", "append"}) {
    const auto table = bench(
        {"--locks", broker.address(), "--scenario", "batched", "--mode", mode, "--hold", "1ms"});
    CHECK(count_of(table, "\nbatched, ") == 2);
  }
  const FreePorts ports(1);
  const auto absent = run({program_path("mas"), "bench", "locks", "--locks",
                           "127.0.0.1:" + std::to_string(ports[0]), "--scenario", "held"});
  CHECK(absent.end == ProcessEnd{1, 0});
  CHECK(absent.err == "mas bench locks: held: no lock broker answers\n");
  CHECK(run({program_path("mas"), "bench", "socks"}).end == ProcessEnd{2, 0});
}

}  // namespace
}  // namespace mas
