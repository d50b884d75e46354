#include "service/snapshot_opener.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store/segment_writer.hpp"
#include "support/catch.hpp"
#include "support/faulty_file_system.hpp"

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
  void acquire(const LockName& name, LockTicket ticket, milliseconds wait_max) override {
    CHECK(name.space == LockSpace::metric);
    CHECK(wait_max == snapshot_lock_wait_max);
    CHECK(ticket >= snapshot_ticket_first);
    asked.push_back(name.text);
  }
  void end_use(const LockName& name, LockToken token) override {
    --uses;
    ended.push_back(name.text + ':' + std::to_string(token));
  }
  bool lease_valid() const override { return valid; }

  std::map<std::string, Grant> cached;
  std::vector<std::string> asked;
  std::vector<std::string> ended;
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
      uses_when_told = locks.uses;
    };
  }
  LockEvent granted(const std::string& id) {
    ++locks.uses;  // a grant comes with one use begun
    return LockGranted{1, {LockSpace::metric, id}, Grant{LockMode::shared, 9, true, {}}};
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

}  // namespace mas
