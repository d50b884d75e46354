#include "ingest/metric_owners.hpp"

#include <algorithm>
#include <map>

#include "base/byte_reader.hpp"
#include "store/metric_path.hpp"
#include "store/segment_list.hpp"
#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"
#include "support/log_columns.hpp"
#include "support/metric_samples.hpp"

using namespace mas;

namespace {

constexpr std::int64_t day_ns = 86'400'000'000'000;
constexpr std::int64_t t0 = 19'000 * day_ns;

struct Fixture {
  FaultyFileSystem files;
  SegmentStore store{files, "data", seconds{86'400}};
  MetricOwners owners{store, 4};
  std::vector<std::string> asked;
  std::vector<std::string> strengthened;
  std::uint64_t token = 0;
  std::uint64_t next_batch = 1;

  /// A batch of one sample for each id, stamped in order; the last answer's fates come by position.
  void batch(const std::vector<std::string>& ids, std::int64_t first_stamp = t0) {
    LogColumns columns;
    for (const auto& id : ids) columns.add(id, wall_time(first_stamp++), 1);
    owners.on_batch(7, columns.batch(next_batch++));
  }
  void turn() {
    std::vector<std::string_view> to_lock;
    std::vector<std::string_view> to_strengthen;
    owners.turn(to_lock, to_strengthen);
    asked.assign(to_lock.begin(), to_lock.end());
    strengthened.assign(to_strengthen.begin(), to_strengthen.end());
    std::sort(asked.begin(), asked.end());
  }
  void grant(const std::string& id, bool clean = true) { owners.on_granted(id, {++token, clean}); }
  /// For another writer.
  std::optional<LockEnd> recall(const std::string& id) {
    const auto back = owners.on_recalled(id, LockMode::append);
    if (!back) return std::nullopt;
    CHECK_FALSE(back->keep);
    CHECK(back->value.has_value() == (back->end == LockEnd::clean));
    return back->end;
  }
  /// Batch number and position to status.
  std::map<std::pair<std::uint64_t, std::uint32_t>, Status> answers(bool lease_valid = true) {
    std::map<std::pair<std::uint64_t, std::uint32_t>, Status> fates;
    std::vector<IngestBatches::Answer> taken;
    owners.take_answers(lease_valid, taken);
    for (const auto& answer : taken) {
      ByteReader in(answer.ranges);
      while (in.ok() && in.left() > 0) {
        const auto range = read_range(in);
        for (auto at = range.first; at < range.first + range.count; ++at) {
          CHECK(fates.emplace(std::pair{answer.batch, at}, range.status).second);
        }
      }
    }
    return fates;
  }
  std::size_t stored(const std::string& id) { return read_back(files, id).samples.size(); }
};

using Fates = std::map<std::pair<std::uint64_t, std::uint32_t>, Status>;

}  // namespace

TEST_CASE("locks are asked for once a metric, and what has its lock does not wait for the rest") {
  Fixture f;
  f.batch({"a", "b", "a", "c"});
  f.turn();
  CHECK(f.asked == std::vector<std::string>{"a", "b", "c"});
  CHECK(f.answers().empty());

  f.batch({"a", "b"});
  f.turn();
  CHECK(f.asked.empty());

  f.grant("a");
  f.turn();
  CHECK(f.answers() ==
        Fates{{{1, 0}, Status::done}, {{1, 2}, Status::done}, {{2, 0}, Status::done}});
  CHECK(f.stored("a") == 3);
  f.grant("b");
  f.grant("c");
  f.turn();
  CHECK(f.answers() ==
        Fates{{{1, 1}, Status::done}, {{1, 3}, Status::done}, {{2, 1}, Status::done}});
  CHECK(f.owners.idle());
}

TEST_CASE("however many metrics come at once, a turn writes some of them and the next the rest") {
  constexpr std::size_t most = MetricOwners::writes_per_turn_max;
  Fixture f;
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < 2 * most + 1; ++i) ids.push_back("m" + std::to_string(i));
  f.batch(ids);
  f.turn();
  REQUIRE(f.asked.size() == ids.size());
  CHECK_FALSE(f.owners.unfinished());
  for (const auto& id : ids) f.grant(id);

  f.turn();
  CHECK(f.owners.counts().writes == most);
  CHECK(f.owners.unfinished());
  CHECK(f.answers().size() == most);
  // One that was written is behind those that wait; one that waits takes the sample along.
  f.batch({ids.front(), ids.back()}, t0 + day_ns / 2);
  f.turn();
  CHECK(f.owners.unfinished());
  CHECK(f.answers().size() == most);
  CHECK(f.stored(ids.front()) == 1);
  f.turn();
  CHECK_FALSE(f.owners.unfinished());
  CHECK(f.answers().size() == 3);
  CHECK(f.owners.idle());
  CHECK(f.owners.counts().writes == ids.size() + 1);
  for (const auto& id : ids) {
    CAPTURE(id);
    CHECK(f.stored(id) == (id == ids.front() || id == ids.back() ? 2 : 1));
  }
}

TEST_CASE("a metric's samples of one turn are one write, whatever batch they came in") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  f.turn();
  f.files.counts.clear();
  f.batch({"a", "a", "a"});
  f.batch({"a", "a"});
  f.turn();
  CHECK(f.files.counts.size() == 1);
  CHECK(f.files.counts[FileCall::append] == 1);
  CHECK(f.stored("a") == 6);
}

TEST_CASE("a lock that is refused answers busy and is asked for again by the next sample") {
  Fixture f;
  f.batch({"a", "a"});
  f.turn();
  f.owners.on_refused("a");
  CHECK(f.answers() == Fates{{{1, 0}, Status::busy}, {{1, 1}, Status::busy}});
  f.turn();
  CHECK(f.asked.empty());
  f.batch({"a"});
  f.turn();
  CHECK(f.asked == std::vector<std::string>{"a"});
  f.grant("a");
  f.turn();
  CHECK(f.answers() == Fates{{{2, 0}, Status::done}});
  CHECK(f.stored("a") == 1);
}

TEST_CASE("a recalled lock goes after the write in hand, and is asked for again when needed") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  f.turn();
  static_cast<void>(f.answers());

  f.batch({"a"});
  CHECK(f.recall("a") == LockEnd::clean);
  CHECK(f.stored("a") == 2);
  CHECK(f.answers() == Fates{{{2, 0}, Status::done}});
  CHECK(f.owners.open_files() == 0);
  CHECK_FALSE(f.recall("a"));
  CHECK_FALSE(f.recall("unknown"));
  f.turn();
  CHECK(f.asked.empty());

  f.batch({"a"});
  f.turn();
  CHECK(f.asked == std::vector<std::string>{"a"});
  CHECK(f.stored("a") == 2);
}

TEST_CASE("a lock that is granted and recalled in one turn is used") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  CHECK(f.recall("a") == LockEnd::clean);
  CHECK(f.answers() == Fates{{{1, 0}, Status::done}});
}

TEST_CASE("a lock under which nothing could be written is given back as it was found") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.files.on_operation = [](const FileOperation&) { return FileFault{"Read-only file system"}; };
  f.grant("a", false);
  f.turn();
  CHECK(f.answers() == Fates{{{1, 0}, Status::busy}});
  CHECK(f.recall("a") == LockEnd::as_found);
}

TEST_CASE("a lost session ends all holding, and who waited goes on waiting") {
  Fixture f;
  f.batch({"a", "b"});
  f.turn();
  f.grant("a");
  f.turn();
  CHECK(f.answers(false) == Fates{{{1, 0}, Status::busy}});  // the lease was over before
  f.batch({"a"});
  f.owners.on_session_lost();
  CHECK(f.owners.open_files() == 0);
  f.turn();
  CHECK(f.asked == std::vector<std::string>{"a"});
  f.grant("a", false);
  f.grant("b", false);
  f.turn();
  CHECK(f.answers() == Fates{{{1, 1}, Status::done}, {{2, 0}, Status::done}});
  CHECK(f.files.paths().size() == 3);  // the new token's own segments
}

TEST_CASE("a failed write is busy for its samples alone, says why, and the next one succeeds") {
  Fixture f;
  f.batch({"a", "b"});
  f.turn();
  f.grant("a");
  f.grant("b");
  f.turn();
  static_cast<void>(f.answers());

  f.batch({"a", "b"});
  f.files.on_operation = [](const FileOperation& operation) -> std::optional<FileFault> {
    if (operation.path.find("/a/") == std::string::npos) return std::nullopt;
    return FileFault{"No space left on device", 10};
  };
  f.turn();
  f.files.on_operation = nullptr;
  CHECK(f.answers() == Fates{{{2, 0}, Status::busy}, {{2, 1}, Status::done}});
  std::vector<Error> errors;
  f.owners.take_errors(errors);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].text.find("No space left on device") != std::string::npos);
  CHECK(f.owners.counts().writes_failed == 1);

  f.batch({"a"});
  f.turn();
  CHECK(f.answers() == Fates{{{3, 0}, Status::done}});
  CHECK(f.stored("a") == 2);
}

TEST_CASE("of samples of two partitions those of the one that was written are acknowledged") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  f.turn();
  static_cast<void>(f.answers());
  LogColumns columns;
  columns.add("a", wall_time(t0 + day_ns), 1);
  columns.add("a", wall_time(t0 + 5), 1);
  f.owners.on_batch(7, columns.batch(9));
  f.files.on_operation = [](const FileOperation& operation) -> std::optional<FileFault> {
    if (operation.call != FileCall::create) return std::nullopt;
    return FileFault{"Too many open files"};
  };
  f.turn();
  f.files.on_operation = nullptr;
  CHECK(f.answers() == Fates{{{9, 0}, Status::busy}, {{9, 1}, Status::done}});
  CHECK(f.stored("a") == 2);
}

TEST_CASE("files open at a time stay within their bound and are opened again when written") {
  Fixture f;
  std::vector<std::string> ids;
  for (int index = 0; index < 20; ++index) ids.push_back("m" + std::to_string(index));
  f.batch(ids);
  f.turn();
  for (const auto& id : ids) f.grant(id);
  for (int round = 0; round < 5; ++round) {
    f.turn();
    CHECK(f.answers().size() == ids.size());
    CHECK(f.owners.open_files() == 4);
    CHECK(f.files.open_files == 4);
    f.batch(ids, t0 + round);
  }
  f.turn();
  CHECK(f.files.paths().size() == ids.size());
  for (const auto& id : ids) CHECK(f.stored(id) == 6);
}

TEST_CASE("samples whose gateway has gone while they waited are not stored") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.owners.on_gateway_lost(7);
  f.grant("a");
  f.turn();
  CHECK(f.answers().empty());
  CHECK(f.files.paths().empty());
  CHECK(f.recall("a") == LockEnd::as_found);
}

TEST_CASE("at the end every lock held is released as it was left") {
  Fixture f;
  f.batch({"a", "b", "c"});
  f.turn();
  f.grant("a");
  f.grant("b");
  f.turn();
  std::vector<std::pair<std::string_view, LockReturn>> released;
  f.owners.let_all_go(released);
  CHECK(released.size() == 2);
  CHECK(f.owners.open_files() == 0);
}

TEST_CASE("recalled for a reader the lock becomes append after the write in hand, with the list") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  f.turn();
  static_cast<void>(f.answers());

  f.batch({"a"});
  const auto back = f.owners.on_recalled("a", LockMode::shared);
  REQUIRE(back);
  CHECK(back->keep == LockMode::append);
  CHECK(f.answers() == Fates{{{2, 0}, Status::done}});
  REQUIRE(back->value);
  CHECK(back->value->valid);
  const auto list = decode_segment_list(back->value->bytes);
  REQUIRE(list);
  CHECK(list->segments == list_segments(f.files, "data", "a")->segments);

  // And goes on being written, without asking anybody.
  f.files.counts.clear();
  f.batch({"a"});
  f.turn();
  CHECK(f.asked.empty());
  CHECK(f.strengthened.empty());
  CHECK(f.files.counts.size() == 1);
  CHECK(f.answers() == Fates{{{3, 0}, Status::done}});
  CHECK(f.stored("a") == 3);
  CHECK(f.recall("a") == LockEnd::clean);
}

TEST_CASE("a lock under which nothing was written goes to a reader as it was found") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.files.on_operation = [](const FileOperation&) { return FileFault{"Read-only file system"}; };
  f.grant("a", false);
  f.turn();
  CHECK(f.answers() == Fates{{{1, 0}, Status::busy}});
  const auto back = f.owners.on_recalled("a", LockMode::shared);
  REQUIRE(back);
  CHECK_FALSE(back->keep);
  CHECK(back->end == LockEnd::as_found);
  CHECK_FALSE(back->value);
  f.files.on_operation = nullptr;
  f.batch({"a"});
  f.turn();
  CHECK(f.asked == std::vector<std::string>{"a"});
}

TEST_CASE("what needs a new segment waits until the lock is strengthened, the rest does not") {
  Fixture f;
  f.batch({"a", "b"});
  f.turn();
  f.grant("a");
  f.grant("b");
  f.turn();
  static_cast<void>(f.answers());
  REQUIRE(f.owners.on_recalled("a", LockMode::shared));
  const auto token = f.token - 1;

  LogColumns columns;
  columns.add("a", wall_time(t0 + day_ns), 1);
  columns.add("a", wall_time(t0 + 5), 1);
  columns.add("b", wall_time(t0 + day_ns), 1);
  f.owners.on_batch(7, columns.batch(9));
  const auto paths = f.files.paths().size();
  f.turn();
  CHECK(f.asked.empty());
  CHECK(f.strengthened == std::vector<std::string>{"a"});
  CHECK(f.answers() == Fates{{{9, 1}, Status::done}, {{9, 2}, Status::done}});
  CHECK(f.files.paths().size() == paths + 1);  // b's

  // Meanwhile nothing is asked twice, and all of it waits.
  f.batch({"a"});
  f.turn();
  CHECK(f.strengthened.empty());
  CHECK(f.answers().empty());
  f.owners.on_granted("a", {token, true});
  f.turn();
  CHECK(f.answers() == Fates{{{2, 0}, Status::done}, {{9, 0}, Status::done}});
  CHECK(f.stored("a") == 4);
  // The writer is the same, so its files are.
  CHECK(list_segments(f.files, "data", "a")->segments.size() == 2);

  const auto back = f.owners.on_recalled("a", LockMode::shared);
  REQUIRE(back);
  CHECK(back->keep == LockMode::append);
  CHECK(decode_segment_list(back->value->bytes)->segments->size() == 2);
}

TEST_CASE(
    "a lock that cannot be strengthened answers busy, stays, and the next sample asks again") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  f.turn();
  static_cast<void>(f.answers());
  REQUIRE(f.owners.on_recalled("a", LockMode::shared));
  f.batch({"a"}, t0 + day_ns);
  f.turn();
  CHECK(f.strengthened == std::vector<std::string>{"a"});
  f.owners.on_not_strengthened("a");
  CHECK(f.answers() == Fates{{{2, 0}, Status::busy}});
  f.owners.on_not_strengthened("a");  // told late
  f.batch({"a"});
  f.turn();
  CHECK(f.answers() == Fates{{{3, 0}, Status::done}});
  f.batch({"a"}, t0 + day_ns);
  f.turn();
  CHECK(f.strengthened == std::vector<std::string>{"a"});
  // The consent crossed a refusal: readers recall what is exclusive as far as the broker knows.
  f.owners.on_not_strengthened("a");
  static_cast<void>(f.answers());
  const auto back = f.owners.on_recalled("a", LockMode::shared);
  REQUIRE(back);
  CHECK(back->keep == LockMode::append);
}

TEST_CASE(
    "recalled for another writer while it is strengthened, the lock goes and is asked for anew") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  f.turn();
  static_cast<void>(f.answers());
  REQUIRE(f.owners.on_recalled("a", LockMode::shared));
  f.batch({"a"}, t0 + day_ns);
  f.turn();
  f.batch({"a"}, t0 + 7);
  CHECK(f.recall("a") == LockEnd::clean);
  CHECK(f.answers() == Fates{{{3, 0}, Status::done}});  // its segment is there
  f.owners.on_not_strengthened("a");                    // of the lock that is gone
  CHECK(f.answers().empty());
  f.turn();
  CHECK(f.asked == std::vector<std::string>{"a"});
  f.grant("a");
  f.turn();
  CHECK(f.answers() == Fates{{{2, 0}, Status::done}});
  CHECK(f.stored("a") == 3);
}

TEST_CASE("a session lost while a lock is strengthened asks for the lock anew") {
  Fixture f;
  f.batch({"a"});
  f.turn();
  f.grant("a");
  f.turn();
  static_cast<void>(f.answers());
  REQUIRE(f.owners.on_recalled("a", LockMode::shared));
  f.batch({"a"}, t0 + day_ns);
  f.turn();
  f.owners.on_session_lost();
  f.owners.on_not_strengthened("a");
  CHECK(f.answers().empty());
  f.turn();
  CHECK(f.asked == std::vector<std::string>{"a"});
  f.grant("a", false);
  f.turn();
  CHECK(f.answers() == Fates{{{2, 0}, Status::done}});
  CHECK(f.stored("a") == 2);
  CHECK(list_segments(f.files, "data", "a")->governing_token == f.token);
}
