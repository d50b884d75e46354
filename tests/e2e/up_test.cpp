#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

/// Runs `mas` with these arguments to its end.
ProcessOutput mas_with(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program_path("mas"));
  return run(arguments);
}

/// A refusal: exit 2, one line on stderr that names what is wrong, nothing else.
void check_refused(const ProcessOutput& output, const std::string& named) {
  CAPTURE(output.err);
  CHECK(output.end == ProcessEnd{2, 0});
  CHECK(output.out == "");
  CHECK(count_of(output.err, "\n") == 1);
  CHECK(count_of(output.err, named) >= 1);
}

/// Listens on a port of 127.0.0.1.
UniqueFd listen_on(std::uint16_t port) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(socket.get(), 1) == 0);
  return socket;
}

TEST_CASE("mas up says once where it is ready, and stops with 0, leaving no process behind") {
  const int signal = GENERATE(SIGTERM, SIGINT, SIGHUP);
  System system(System::Options().pools(2, 2, 2));
  for (const char* program : {"mas-gateway", "mas-lockbroker"})
    CHECK(system.pids_of(program).size() == 1);
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  system.up().signal(signal);
  CHECK(system.up().wait() == ProcessEnd{0, 0});
  system.up().wait_until_all_gone();
  const auto out = system.up().stdout_text();
  CHECK(out.starts_with("mas is ready"));
  CHECK(count_of(out, "\n") == 1);
  CHECK(count_of(out, "127.0.0.1:" + std::to_string(system.text_port())) == 1);
  CHECK_THROWS(system.connect());
}

TEST_CASE("a stop in order blames nobody, however long the system ran") {
  System system(System::Options().option("--alert-period", "1s"));
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT m MAX 0 5") == reply_registered);
  // Lock sessions are some seconds old by then.
  for (std::size_t times = 1; times <= 2; ++times) {
    REQUIRE(system.ask("LOG m 6") == reply_inserted);
    system.up().wait_for_stderr("ALERT m: MAX is over 5.0\n", times);
  }
  CHECK(system.stop() == ProcessEnd{0, 0});
  CHECK(count_of(system.up().stderr_text(), "lock broker does not answer") == 0);
}

TEST_CASE("when mas up is killed its processes vanish with it, and it can start again at once") {
  System system;
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  system.up().signal(SIGKILL);
  CHECK(system.up().wait() == ProcessEnd{-1, SIGKILL});
  system.up().wait_until_all_gone();
  CHECK_THROWS(system.connect());
  system.start();
  CHECK(system.ask_until_served("QUERY m COUNT 3600") == "200 [1]");
}

TEST_CASE("a port that is in use is named, and nothing is started") {
  const std::string option = GENERATE("--text-port", "--native-port", "--workers-port",
                                      "--events-port", "--locks-port", "--http-port");
  CAPTURE(option);
  const FreePorts ports(6);
  const TempDir directory;
  const auto holder = listen_on(ports[0]);
  std::vector<std::string> arguments{"up", "--data", (directory.path() / "data").string()};
  std::size_t next = 1;
  for (const char* each : {"--text-port", "--native-port", "--workers-port", "--events-port",
                           "--locks-port", "--http-port"}) {
    arguments.emplace_back(each);
    arguments.push_back(std::to_string(each == option ? ports[0] : ports[next++]));
  }
  check_refused(mas_with(arguments), option + " " + std::to_string(ports[0]));
}

TEST_CASE("a data directory that cannot be made or written is named") {
  const TempDir directory;
  const auto file = directory.path() / "file";
  std::ofstream(file) << "not a directory";
  check_refused(mas_with({"up", "--data", (file / "data").string()}), (file / "data").string());
  check_refused(mas_with({"up", "--data", file.string()}), file.string());
  check_refused(mas_with({"up", "--data", "/proc/mas"}), "/proc/mas");
}

TEST_CASE("a second mas up on the same data directory is refused") {
  const System system;
  auto arguments = system.arguments();
  arguments.insert(arguments.begin(), "up");
  check_refused(mas_with(arguments), system.data().string());
  check_refused(mas_with({"up", "--data", system.data().string()}), system.data().string());
  CHECK(system.ask("LOG m 1") == reply_inserted);
}

TEST_CASE("mas up takes what its workers are told: each option goes to those that have it") {
  const TempDir directory;
  const auto file = directory.path() / "options";
  std::ofstream(file) << "query = 2\n";
  const System system(System::Options()
                          .option("--partition", "1h")
                          .option("--alert-period", "10s")
                          .option("--log-level", "warn")
                          .environment("MAS_CONFIG", file.string()));
  CHECK(system.ask("LOG m 1") == reply_inserted);
  CHECK(system.pids_of("mas-query").size() == 2);
}

TEST_CASE("an option that makes no sense is named") {
  check_refused(mas_with({"up", "--text-port", "0"}), "--text-port");
  check_refused(mas_with({"up", "--text-port", "65536"}), "--text-port");
  check_refused(mas_with({"up", "--text-port", "http"}), "--text-port");
  check_refused(mas_with({"up", "--text-port", "9000", "--http-port", "9000"}), "--http-port");
  check_refused(mas_with({"up", "--ingest", "-1"}), "--ingest");
  check_refused(mas_with({"up", "--query", "two"}), "--query");
  check_refused(mas_with({"up", "--alerter", "1.5"}), "--alerter");
  check_refused(mas_with({"up", "--alert-period", "0"}), "--alert-period");
  check_refused(mas_with({"up", "--alert-period", "soon"}), "--alert-period");
  check_refused(mas_with({"up", "--bind", "everywhere"}), "--bind");
  check_refused(mas_with({"up", "--partition", "soon"}), "--partition");
  check_refused(mas_with({"up", "--partition", "1s"}), "--partition");
  check_refused(mas_with({"up", "--partition", "90.5s"}), "--partition");
  check_refused(mas_with({"up", "--data"}), "--data");
  check_refused(mas_with({"up", "--log-level", "loud"}), "--log-level");
  check_refused(mas_with({"up", "--frobnicate"}), "--frobnicate");
  check_refused(mas_with({"up", "now"}), "now");
  check_refused(mas_with({"down"}), "down");
  check_refused(mas_with({"agent", "--server", "nowhere"}), "--server");
  check_refused(mas_with({"agent", "--period", "0"}), "--period");
  check_refused(mas_with({"agent", "--prefix", "two words"}), "--prefix");
  check_refused(mas_with({"agent", "--prefix", "two\u00a0words"}), "--prefix");
  check_refused(mas_with({"ping", "--timeout", "never"}), "--timeout");
}

TEST_CASE("every program explains itself and refuses nonsense in one line") {
  for (const char* program :
       {"mas-gateway", "mas-lockbroker", "mas-ingest", "mas-query", "mas-alerter"}) {
    CAPTURE(program);
    const auto help = run({program_path(program), "--help"});
    CHECK(help.end == ProcessEnd{0, 0});
    CHECK(count_of(help.out, "--log-level") >= 1);
    const auto version = run({program_path(program), "--version"});
    CHECK(version.end == ProcessEnd{0, 0});
    CHECK(version.out.starts_with(program));
    check_refused(run({program_path(program), "--frobnicate"}), "--frobnicate");
  }
  const auto help = mas_with({"--help"});
  CHECK(help.end == ProcessEnd{0, 0});
  CHECK(count_of(help.out, "mas up") == 1);
  CHECK(mas_with({"--version"}).out.starts_with("mas "));
}

TEST_CASE("mas ping tells a system that serves from one that does not") {
  System system;
  const auto server = "127.0.0.1:" + std::to_string(system.http_port());
  CHECK(mas_with({"ping", "--server", server}).end == ProcessEnd{0, 0});
  CHECK(mas_with({"ping", "--server", server, "--path", "/healthz"}).end == ProcessEnd{0, 0});
  CHECK(mas_with({"ping", "--server", server, "--path", "/nowhere"}).end == ProcessEnd{1, 0});
  REQUIRE(system.stop() == ProcessEnd{0, 0});
  CHECK(mas_with({"ping", "--server", server}).end == ProcessEnd{1, 0});
}

TEST_CASE("clients of the HTTP port that say nothing do not hold up a probe") {
  const System system;
  std::vector<TextClient> silent;
  for (int count = 0; count < 5; ++count) silent.emplace_back(system.http_port());
  const auto server = "127.0.0.1:" + std::to_string(system.http_port());
  CHECK(mas_with({"ping", "--server", server, "--timeout", "4s"}).end == ProcessEnd{0, 0});
}

TEST_CASE("a gateway without workers is alive but not ready") {
  const System system(System::Options().pools(1, 0, 1));
  const auto server = "127.0.0.1:" + std::to_string(system.http_port());
  CHECK(mas_with({"ping", "--server", server}).end == ProcessEnd{1, 0});
  CHECK(mas_with({"ping", "--server", server, "--path", "/healthz"}).end == ProcessEnd{0, 0});
}

TEST_CASE("a process that hangs is killed when the drain has taken too long") {
  System system;
  const auto stuck = system.pids_of("mas-query");
  REQUIRE(stuck.size() == 1);
  ::kill(stuck[0], SIGSTOP);
  CHECK(system.stop() == ProcessEnd{0, 0});
}

TEST_CASE("a second signal does not wait for the drain") {
  System system;
  const auto stuck = system.pids_of("mas-query");
  REQUIRE(stuck.size() == 1);
  ::kill(stuck[0], SIGSTOP);
  system.up().signal(SIGINT);
  system.up().wait_for_stderr("mas-ingest ended");
  system.up().signal(SIGINT);
  CHECK(system.up().wait() == ProcessEnd{0, 0});
  system.up().wait_until_all_gone();
}

}  // namespace
}  // namespace mas
