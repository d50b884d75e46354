#include <algorithm>
#include <csignal>
#include <fstream>
#include <set>

#include "answers.hpp"
#include "base/byte_reader.hpp"
#include "store/metric_path.hpp"
#include "store/posix_file.hpp"
#include "store/segment_list.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

/// Two ingest workers with short leases. The gateway leaves it to them to say what became of a LOG,
/// so that a 503 is no sign of impatience.
System::Options short_leases() {
  return System::Options()
      .pools(2, 2, 1)
      .environment("MAS_LEASE_TTL", "1s")
      .environment("MAS_LOG_TIMEOUT", "1m");
}

/// LOGs of one metric, each of a value of its own, and what became of them.
class Ledger {
 public:
  explicit Ledger(const System& system) : system_(system) {}

  /// True when it was acknowledged.
  bool log() {
    const auto value = next_value_++;
    const auto reply = system_.ask("LOG m " + std::to_string(value));
    if (reply == reply_inserted) {
      acknowledged_.insert(value);
      return true;
    }
    REQUIRE(reply == reply_busy);
    refused_.insert(value);
    return false;
  }
  void log_until_acknowledged(int times) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (times > 0) {
      if (log()) --times;
      REQUIRE(std::chrono::steady_clock::now() < deadline);
    }
  }

  /// Every acknowledged value is read once, a refused one once at most, and no other.
  void check_answer() const {
    const auto reply = system_.ask_until_served("QUERY m MAX 0");
    CAPTURE(reply);
    REQUIRE(reply.starts_with("200 ["));
    std::set<int> read;
    for (auto at = reply.find('[') + 1; at < reply.size() && reply[at] != ']';) {
      const auto end = reply.find_first_of(",]", at);
      const auto value = static_cast<int>(std::stod(reply.substr(at, end - at)));
      CHECK(read.insert(value).second);
      CHECK(acknowledged_.count(value) + refused_.count(value) == 1);
      at = reply.find_first_not_of(", ", end);
    }
    CHECK(std::includes(read.begin(), read.end(), acknowledged_.begin(), acknowledged_.end()));
  }

 private:
  const System& system_;
  int next_value_ = 1;
  std::set<int> acknowledged_;
  std::set<int> refused_;
};

std::filesystem::path directory_of(const System& system) {
  return system.data() / metric_directory("m");
}

/// The ingest workers that have a segment of the metric open: one that was paused still has.
std::vector<pid_t> owners_of(const System& system) {
  const auto directory = directory_of(system).string() + '/';
  std::vector<pid_t> owners;
  for (const auto pid : system.pids_of("mas-ingest")) {
    const auto descriptors = std::filesystem::path("/proc") / std::to_string(pid) / "fd";
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(descriptors, gone)) {
      if (std::filesystem::read_symlink(entry.path(), gone).string().starts_with(directory)) {
        owners.push_back(pid);
        break;
      }
    }
  }
  return owners;
}
pid_t owner_of(const System& system) {
  const auto owners = owners_of(system);
  REQUIRE(owners.size() == 1);
  return owners.front();
}

SegmentList segments_of(const System& system) {
  PosixFileSystem files;
  auto list = list_segments(files, system.data().string(), "m");
  REQUIRE(list);
  return *std::move(list);
}

/// What a writer does that wakes and has not noticed yet: it writes to its segment, and makes
/// another one in another partition. No LOG had this value.
void write_under(const System& system, std::uint64_t old_token) {
  constexpr double nobodys_value = 1e9;
  PosixFileSystem files;
  SegmentHeader header;
  header.id = "m";
  bool written = false;
  for (const auto& segment : segments_of(system).segments) {
    if (segment.name.token != old_token) continue;
    header.name = segment.name;
    auto file = files.open_append((directory_of(system) / to_file_name(segment.name)).string());
    REQUIRE(file);
    Bytes block;
    encode_block(std::vector<Sample>{{segment.name.partition_start, nobodys_value}}, block);
    REQUIRE((*file)->append(block));
    written = true;
  }
  REQUIRE(written);
  header.name.partition_start -= header.name.partition_length;
  header.name.sequence += 1000;
  Bytes bytes;
  encode_segment_header(header, bytes);
  encode_block(std::vector<Sample>{{header.name.partition_start, nobodys_value}}, bytes);
  auto file = files.create((directory_of(system) / to_file_name(header.name)).string());
  REQUIRE(file);
  REQUIRE((*file)->append(bytes));
}

}  // namespace

TEST_CASE("a writer that sleeps past its lease adds nothing when it wakes, and nothing is lost") {
  System system(short_leases());
  Ledger ledger(system);
  ledger.log_until_acknowledged(20);
  ledger.check_answer();
  ledger.log_until_acknowledged(20);

  const auto paused = owner_of(system);
  const auto old_token = segments_of(system).newest_token;
  ::kill(paused, SIGSTOP);
  ledger.log_until_acknowledged(20);  // the first of them wait in the paused one, and are refused
  CHECK(owners_of(system).size() == 2);
  CHECK(segments_of(system).governing_token > old_token);
  ledger.check_answer();
  write_under(system, old_token);
  ledger.check_answer();

  ::kill(paused, SIGCONT);
  system.up().wait_for_stderr("mas-ingest[" + std::to_string(paused) +
                              "] warning: lock session lost");
  ledger.check_answer();
  ledger.log_until_acknowledged(20);  // by whoever owns it now
  ledger.check_answer();
  CHECK(system.stop() == ProcessEnd{0, 0});
  system.start();
  ledger.check_answer();
  ledger.log_until_acknowledged(1);
  ledger.check_answer();
}

TEST_CASE("a lock broker that stands still longer than the leases loses nothing acknowledged") {
  System system(short_leases());
  Ledger ledger(system);
  ledger.log_until_acknowledged(20);
  const auto brokers = system.pids_of("mas-lockbroker");
  REQUIRE(brokers.size() == 1);
  for (std::size_t times = 1; times <= 2; ++times) {
    ::kill(brokers.front(), SIGSTOP);
    // On locks that are held work goes on until their leases are over; then everything is refused.
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (ledger.log()) REQUIRE(std::chrono::steady_clock::now() < deadline);
    ::kill(brokers.front(), SIGCONT);
    ledger.log_until_acknowledged(20);
    ledger.check_answer();
  }
}

TEST_CASE("readers take over what a killed writer left, before anybody writes") {
  System system(short_leases());
  Ledger ledger(system);
  ledger.log_until_acknowledged(20);
  const auto old_token = segments_of(system).newest_token;
  ::kill(owner_of(system), SIGKILL);
  ledger.check_answer();
  CHECK(segments_of(system).governing_token > old_token);
  write_under(system, old_token);
  ledger.check_answer();
  ledger.log_until_acknowledged(20);
  ledger.check_answer();
}

TEST_CASE("writers that are killed one after the other lose nothing that was acknowledged") {
  System system(short_leases());
  Ledger ledger(system);
  for (int round = 0; round < 4; ++round) {
    ledger.log_until_acknowledged(10);
    const auto old_token = segments_of(system).newest_token;
    ::kill(owner_of(system), SIGKILL);
    ledger.log_until_acknowledged(1);
    write_under(system, old_token);
    if (round % 2 == 1) ledger.check_answer();
  }
  ledger.check_answer();
}

TEST_CASE("a metric that is being read gets a new segment when it needs one") {
  System system(System::Options().pools(1, 2, 1).environment("MAS_OPEN_FILES", "1"));
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("QUERY m MAX 0") == "200 [1.0]");     // from here on its lock is shared
  REQUIRE(system.ask("LOG another 1") == reply_inserted);  // and its file closed
  const auto segment = segments_of(system).segments.at(0).name;
  {
    PosixFileSystem files;
    auto file = files.open_append((directory_of(system) / to_file_name(segment)).string());
    REQUIRE(file);
    REQUIRE((*file)->append(Bytes(7)));  // so the worker leaves it alone
  }
  REQUIRE(system.ask("LOG m 2") == reply_inserted);
  CHECK(segments_of(system).segments.size() == 2);
  CHECK(system.ask("QUERY m MAX 0") == "200 [1.0, 2.0]");
  REQUIRE(system.ask("LOG m 3") == reply_inserted);
  CHECK(segments_of(system).segments.size() == 2);
  CHECK(system.ask("QUERY m MAX 0") == "200 [1.0, 2.0, 3.0]");
  CHECK(system.stop() == ProcessEnd{0, 0});
}

}  // namespace mas
