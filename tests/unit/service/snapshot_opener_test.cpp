#include "service/snapshot_opener.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/segment_list.hpp"
#include "store/segment_writer.hpp"
#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"
#include "support/lock_world.hpp"
#include "support/metric_samples.hpp"

namespace mas {
namespace {

/// Plays the broker: says what was asked, lets the test answer.
class PlayedLocks final : public SnapshotLocks {
 public:
  const Grant* begin_use(const LockName& name) override {
    const auto found = cached.find(name.text);
    if (found == cached.end()) return nullptr;
    ++uses;
    return &found->second;
  }
  void acquire(const LockName& name, LockMode mode, LockTicket ticket,
               milliseconds wait_max) override {
    CHECK(name.space == LockSpace::metric);
    CHECK(wait_max == snapshot_lock_wait_max);
    CHECK(ticket >= snapshot_ticket_first);
    (mode == LockMode::shared ? asked : asked_exclusive).push_back(name.text);
  }
  void end_use(const LockName& name, LockToken token) override {
    --uses;
    ended.push_back(name.text + ':' + std::to_string(token));
  }
  void release(const LockName& name, LockEnd end) override {
    returned.push_back(name.text + (end == LockEnd::as_found ? " as found" : " otherwise"));
  }
  void convert_down(const LockName& name, LockMode mode, std::optional<LockValue> value) override {
    CHECK(mode == LockMode::shared);
    returned.push_back(name.text + " kept shared");
    left_value = std::move(value);
  }
  bool lease_valid() const override { return valid; }

  std::map<std::string, Grant> cached;
  std::vector<std::string> asked;
  std::vector<std::string> asked_exclusive;
  std::vector<std::string> ended;
  std::vector<std::string> returned;
  std::optional<LockValue> left_value;
  int uses = 0;
  bool valid = true;
};

struct World {
  World() {
    std::vector<CommittedPartition> committed;
    const std::vector<Sample> samples{{wall_time(1'000'000'000), 1}, {wall_time(2'000'000'000), 2}};
    REQUIRE(writer.append(samples, committed));
  }

  SnapshotOpener::Done keep() {
    return [this](Result<MetricSnapshot> result) {
      results.push_back(result ? std::optional<Error::Kind>() : result.error().kind);
      if (result) snapshots.push_back(*std::move(result));
      uses_when_told = locks.uses;
    };
  }
  LockEvent granted(const std::string& id, bool clean = true, LockValue value = {}) {
    ++locks.uses;  // a grant comes with one use begun
    return LockGranted{
        1, {LockSpace::metric, id}, Grant{LockMode::shared, 9, clean, std::move(value)}};
  }
  static LockEvent granted_exclusive(const std::string& id, bool clean = false) {
    return LockGranted{1, {LockSpace::metric, id}, Grant{LockMode::exclusive, 10, clean, {}}};
  }
  std::size_t samples_in(std::size_t at) {
    SampleStream stream(std::move(snapshots.at(at)));
    std::vector<Sample> batch;
    std::size_t count = 0;
    for (;;) {
      const auto more = stream.next(batch);
      REQUIRE(more);
      if (!*more) return count;
      count += batch.size();
    }
  }
  SnapshotOpener::Request open(const std::string& id) {
    return opener.open(id, WallTime::min(), WallTime::max(), keep());
  }

  FaultyFileSystem files;
  SegmentStore store{files, "data", seconds{86'400}};
  SegmentWriter writer{store, "cpu", {1, true}};
  PlayedLocks locks;
  SnapshotOpener opener{locks, files, "data"};
  std::vector<std::optional<Error::Kind>> results;  ///< nothing: a snapshot
  std::vector<MetricSnapshot> snapshots;
  int uses_when_told = -1;
};

}  // namespace

TEST_CASE("a snapshot under a cached lock asks nobody and ends its use before it is told") {
  World world;
  world.locks.cached["cpu"] = Grant{LockMode::shared, 5, true, {}};
  CHECK(world.open("cpu") == 0);
  REQUIRE(world.results.size() == 1);
  CHECK_FALSE(world.results[0]);
  CHECK(world.locks.asked.empty());
  CHECK(world.locks.ended == std::vector<std::string>{"cpu:5"});
  CHECK(world.uses_when_told == 0);
}

TEST_CASE("several requests for one metric share one acquire and one use") {
  World world;
  world.open("cpu");
  world.open("cpu");
  world.open("mem");
  CHECK(world.locks.asked == std::vector<std::string>{"cpu", "mem"});
  CHECK(world.opener.waiting() == 3);
  world.opener.on_lock_event(world.granted("cpu"));
  CHECK(world.results.size() == 2);
  CHECK(world.locks.uses == 0);
  CHECK(world.opener.waiting() == 1);
  world.open("cpu");
  CHECK(world.locks.asked.back() == "cpu");
}

TEST_CASE("a metric that was never logged is not found") {
  World world;
  world.open("nothing");
  world.opener.on_lock_event(world.granted("nothing"));
  REQUIRE(world.results.size() == 1);
  CHECK(world.results[0] == Error::not_found);
}

TEST_CASE("a refused lock refuses all who wait for it as busy") {
  World world;
  world.open("cpu");
  world.open("cpu");
  world.opener.on_lock_event(
      LockRefused{1, {LockSpace::metric, "cpu"}, Error{Error::busy, "waited too long"}});
  REQUIRE(world.results.size() == 2);
  CHECK(world.results[0] == Error::busy);
  CHECK(world.results[1] == Error::busy);
  CHECK(world.locks.ended.empty());
}

TEST_CASE("a snapshot counts only when the lease still holds after the lengths were noted") {
  World world;
  world.locks.valid = false;
  world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu"));
  REQUIRE(world.results.size() == 1);
  CHECK(world.results[0] == Error::busy);
}

TEST_CASE("a lease that is over says busy, not that the metric does not exist") {
  World world;
  world.locks.valid = false;
  world.open("nothing");
  world.opener.on_lock_event(world.granted("nothing"));
  CHECK(world.results.at(0) == Error::busy);
}

TEST_CASE("a disk that fails is told as such") {
  World world;
  world.files.on_operation = [](const FileOperation&) {
    return std::optional<FileFault>(FileFault{"too many open files", 0});
  };
  world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu"));
  CHECK(world.results.at(0) == Error::io);
}

TEST_CASE("a cancelled request is not told, and its lock's use ends all the same") {
  World world;
  const auto request = world.open("cpu");
  REQUIRE(request != 0);
  world.opener.cancel(request);
  CHECK(world.opener.waiting() == 0);
  world.opener.on_lock_event(world.granted("cpu"));
  CHECK(world.results.empty());
  CHECK(world.locks.uses == 0);
}

TEST_CASE("locks of other kinds are none of the opener's business") {
  World world;
  world.open("07");
  world.opener.on_lock_event(
      LockGranted{7, {LockSpace::shard, "07"}, Grant{LockMode::exclusive, 3, true, {}}});
  CHECK(world.results.empty());
  CHECK(world.locks.ended.empty());
  CHECK(world.opener.waiting() == 1);
}

TEST_CASE("after an unclean end nothing is read before the metric is taken over") {
  World world;
  world.open("cpu");
  world.open("cpu");
  const auto given_up = world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu", false));
  CHECK(world.results.empty());
  CHECK(world.locks.uses == 0);
  CHECK(world.locks.asked_exclusive == std::vector<std::string>{"cpu"});
  world.opener.cancel(given_up);
  world.open("cpu");  // shares it
  CHECK(world.locks.asked.size() == 1);

  world.opener.on_lock_event(World::granted_exclusive("cpu"));
  CHECK(world.results.size() == 3);
  CHECK(world.locks.returned == std::vector<std::string>{"cpu kept shared"});
  REQUIRE(world.locks.left_value);
  CHECK(world.locks.left_value->valid);
  const auto list = decode_segment_list(world.locks.left_value->bytes);
  REQUIRE(list);
  CHECK(list->generation.token == 10);
  CHECK(*list->segments == list_segments(world.files, "data", "cpu")->segments);
  CHECK(list_segments(world.files, "data", "cpu")->governing_token == 10);

  // What the old writer writes when it wakes is in no snapshot, with the value or without.
  std::vector<CommittedPartition> committed;
  const std::vector<Sample> late{{wall_time(3'000'000'000), 3}};
  REQUIRE(world.writer.append(late, committed));
  world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu", true, *world.locks.left_value));
  world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu"));
  REQUIRE(world.snapshots.size() == 5);
  for (std::size_t at = 0; at < world.snapshots.size(); ++at) CHECK(world.samples_in(at) == 2);
}

TEST_CASE("a metric that somebody else has taken over meanwhile is only read") {
  World world;
  world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu", false));
  const auto files = world.files.paths();
  world.opener.on_lock_event(World::granted_exclusive("cpu", true));
  REQUIRE(world.results.size() == 1);
  CHECK_FALSE(world.results[0]);
  CHECK(world.files.paths() == files);
  CHECK(world.locks.returned == std::vector<std::string>{"cpu kept shared"});
  CHECK_FALSE(world.locks.left_value);
}

TEST_CASE("where there is nothing to take over the lock goes back as it was found") {
  World world;
  world.open("nothing");
  world.opener.on_lock_event(world.granted("nothing", false));
  world.opener.on_lock_event(World::granted_exclusive("nothing"));
  CHECK(world.results.at(0) == Error::not_found);
  CHECK(world.locks.returned == std::vector<std::string>{"nothing as found"});
  CHECK(world.files.paths().size() == 1);
}

TEST_CASE("a take-over that fails is told, and the lock goes back as it was found") {
  World world;
  for (std::uint64_t passing = 0;; ++passing) {
    CAPTURE(passing);
    world.locks.returned.clear();
    world.results.clear();
    world.open("cpu");
    world.opener.on_lock_event(world.granted("cpu", false));
    world.files.fail_after(passing, {"Input/output error", 30});
    world.opener.on_lock_event(World::granted_exclusive("cpu"));
    world.files.on_operation = nullptr;
    REQUIRE(world.results.size() == 1);
    if (world.locks.returned == std::vector<std::string>{"cpu kept shared"}) break;
    CHECK(world.results[0] == Error::io);
    CHECK(world.locks.returned == std::vector<std::string>{"cpu as found"});
  }
  CHECK(list_segments(world.files, "data", "cpu")->governing_token == 10);
}

TEST_CASE("a lock for a take-over that comes after the lease is not used") {
  World world;
  world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu", false));
  world.locks.valid = false;
  world.opener.on_lock_event(World::granted_exclusive("cpu"));
  CHECK(world.results.at(0) == Error::busy);
  CHECK(world.files.paths().size() == 1);
}

TEST_CASE(
    "a take-over whose lock is refused refuses all who wait for it, one nobody wants is none") {
  World world;
  world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu", false));
  world.opener.on_lock_event(
      LockRefused{1, {LockSpace::metric, "cpu"}, Error{Error::busy, "waited too long"}});
  CHECK(world.results.at(0) == Error::busy);
  CHECK(world.opener.waiting() == 0);

  world.opener.cancel(world.open("cpu"));
  world.opener.on_lock_event(world.granted("cpu", false));
  CHECK(world.locks.asked_exclusive.size() == 1);
  CHECK(world.locks.uses == 0);

  const auto request = world.open("cpu");
  world.opener.on_lock_event(world.granted("cpu", false));
  world.opener.cancel(request);
  world.opener.on_lock_event(World::granted_exclusive("cpu"));
  CHECK(world.results.size() == 1);
  CHECK(world.files.paths().size() == 2);  // the lock was there: who comes next need not wait
}

TEST_CASE("a cached lock of an unclean end is not read under") {
  World world;
  world.locks.cached["cpu"] = Grant{LockMode::shared, 5, false, {}};
  CHECK(world.open("cpu") != 0);
  CHECK(world.results.empty());
  CHECK(world.locks.uses == 0);
  CHECK(world.locks.asked == std::vector<std::string>{"cpu"});
}

TEST_CASE("a list that comes with the lock spares the directory") {
  World world;
  const LockValue value{true, world.writer.segment_list()};
  world.open("cpu");
  world.files.counts.clear();
  world.opener.on_lock_event(world.granted("cpu", true, value));
  CHECK_FALSE(world.results.at(0));
  CHECK(world.files.counts[FileCall::list] == 0);
  world.locks.cached["cpu"] = Grant{LockMode::shared, 9, true, value};
  CHECK(world.open("cpu") == 0);
  CHECK(world.files.counts[FileCall::list] == 0);
  world.locks.cached["cpu"].value.valid = false;
  CHECK(world.open("cpu") == 0);
  CHECK(world.files.counts[FileCall::list] == 1);
}

// ---- with the real sessions and the real lock table ----

namespace {

/// A reader's locks in a world of virtual time.
class WorldLocks final : public SnapshotLocks {
 public:
  WorldLocks(LockWorld& world, std::size_t index) : world_(world), index_(index) {}

  const Grant* begin_use(const LockName& name) override { return session().begin_use(name, now()); }
  void acquire(const LockName& name, LockMode mode, LockTicket ticket,
               milliseconds wait_max) override {
    session().acquire(name, mode, ticket, wait_max, now());
  }
  void end_use(const LockName& name, LockToken token) override {
    session().end_use(name, token, now());
  }
  void release(const LockName& name, LockEnd end) override { session().release(name, now(), end); }
  void convert_down(const LockName& name, LockMode mode, std::optional<LockValue> value) override {
    session().convert_down(name, mode, now(), std::move(value));
  }
  bool lease_valid() const override { return world_.session(index_).lease_valid(now()); }

 private:
  [[nodiscard]] LockSession& session() { return world_.session(index_); }
  [[nodiscard]] MonoTime now() const { return world_.now_of(index_); }

  LockWorld& world_;
  std::size_t index_;
};

/// Readers and a writer of one metric around a real lock table.
struct Cluster {
  struct Reader {
    Reader(LockWorld& world, std::size_t index, FileSystem& files)
        : locks(world, index), opener(locks, files, "data") {}
    WorldLocks locks;
    SnapshotOpener opener;
    std::vector<std::size_t> segments;  ///< of each snapshot
    std::vector<Error> errors;
  };

  explicit Cluster(std::size_t reader_count) : writer_client(world.add_client()) {
    for (std::size_t index = 0; index < reader_count; ++index) {
      readers.push_back(std::make_unique<Reader>(world, world.add_client(), files));
    }
    world.run(milliseconds{10});
    world.session(writer_client).acquire(name, LockMode::exclusive, 1, seconds{2}, world.now());
    world.run(milliseconds{10});
    const auto* grant = world.session(writer_client).held(name);
    REQUIRE(grant != nullptr);
    writer.emplace(store, "cpu", WriterGrant{grant->token, grant->previous_end_clean});
    REQUIRE(append(*writer));
  }

  bool append(SegmentWriter& to) {
    std::vector<CommittedPartition> committed;
    const std::vector<Sample> samples{{wall_time(1'000'000'000), 1}};
    return to.append(samples, committed).has_value();
  }
  void open(std::size_t reader) {
    auto& r = *readers[reader];
    r.opener.open("cpu", WallTime::min(), WallTime::max(), [&r](Result<MetricSnapshot> taken) {
      if (taken) {
        r.segments.push_back(taken->segments.size());
      } else {
        r.errors.push_back(taken.error());
      }
    });
  }
  /// Hands out what happened until nothing does any more.
  void run(nanoseconds span) {
    for (const auto end = world.now() + span; world.now() < end;) {
      world.run(milliseconds{5});
      for (std::size_t index = 0; index < readers.size(); ++index) {
        for (const auto& event : world.take_events(index + 1)) {
          readers[index]->opener.on_lock_event(event);
        }
      }
    }
  }
  std::size_t take_overs() {
    const auto list = list_segments(files, "data", "cpu");
    REQUIRE(list);
    std::size_t count = 0;
    for (const auto& segment : list->segments) {
      if (segment.name.is_take_over()) ++count;
    }
    return count;
  }

  const LockName name{LockSpace::metric, "cpu"};
  FaultyFileSystem files;
  SegmentStore store{files, "data", seconds{86'400}};
  LockWorld world;
  std::size_t writer_client;
  std::optional<SegmentWriter> writer;
  std::vector<std::unique_ptr<Reader>> readers;
};

}  // namespace

TEST_CASE("readers that come at once after a writer's death take over once, and all are served") {
  Cluster cluster(3);
  cluster.world.client(cluster.writer_client).stopped = true;
  cluster.run(seconds{4});  // its lease is over
  for (std::size_t reader = 0; reader < 3; ++reader) cluster.open(reader);
  cluster.run(seconds{1});
  CHECK(cluster.take_overs() == 1);
  for (const auto& reader : cluster.readers) {
    CHECK(reader->segments == std::vector<std::size_t>{2});
    CHECK(reader->errors.empty());
  }
  REQUIRE(cluster.append(*cluster.writer));  // it wakes
  for (std::size_t reader = 0; reader < 3; ++reader) cluster.open(reader);
  cluster.run(seconds{1});
  CHECK(cluster.take_overs() == 1);
  for (const auto& reader : cluster.readers) CHECK(reader->segments.size() == 2);
  CHECK(read_back(cluster.files, "cpu").samples.size() == 1);
}

TEST_CASE("a reader that waits for a dying writer's lock is served once its lease is over") {
  Cluster cluster(1);
  cluster.world.client(cluster.writer_client).stopped = true;
  cluster.run(milliseconds{1500});
  cluster.open(0);
  cluster.run(seconds{3});
  CHECK(cluster.readers[0]->segments == std::vector<std::size_t>{2});
  CHECK(cluster.take_overs() == 1);
}

TEST_CASE(
    "a reader and a writer that race for a dead writer's metric both get it, taken over once") {
  for (const bool reader_first : {true, false}) {
    CAPTURE(reader_first);
    Cluster cluster(1);
    cluster.world.client(cluster.writer_client).stopped = true;
    cluster.run(seconds{4});
    const auto next = cluster.world.add_client();
    cluster.world.run(milliseconds{10});
    if (reader_first) cluster.open(0);
    auto& session = cluster.world.session(next);
    session.acquire(cluster.name, LockMode::exclusive, 1, seconds{2}, cluster.world.now());
    if (!reader_first) cluster.open(0);
    std::optional<SegmentWriter> writer;
    for (int step = 0; step < 200; ++step) {
      cluster.run(milliseconds{5});
      for (const auto& event : cluster.world.take_events(next)) {
        if (const auto* granted = std::get_if<LockGranted>(&event)) {
          writer.emplace(cluster.store, "cpu",
                         WriterGrant{granted->grant.token, granted->grant.previous_end_clean});
          REQUIRE(cluster.append(*writer));
        } else if (const auto* recalled = std::get_if<LockRecalled>(&event)) {
          REQUIRE(writer);
          const LockValue value{true, writer->segment_list()};
          if (is_writer(recalled->wanted)) {
            session.release(cluster.name, cluster.world.now(), LockEnd::clean, value);
          } else {
            session.convert_down(cluster.name, LockMode::append, cluster.world.now(), value);
          }
        }
      }
    }
    REQUIRE(writer);
    CHECK(cluster.readers[0]->segments.size() == 1);
    CHECK(cluster.readers[0]->errors.empty());
    CHECK(cluster.take_overs() == 1);
    REQUIRE(cluster.append(*cluster.writer));
    cluster.open(0);
    cluster.run(seconds{1});
    CHECK(cluster.readers[0]->segments.size() == 2);
    CHECK(read_back(cluster.files, "cpu").samples.size() == 2);
  }
}

}  // namespace mas
