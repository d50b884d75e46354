// What went wrong in other lock services, one test each. docs/locks.md has the list, with what is
// tested elsewhere (through real processes, or on files) and what no lease can close.

#include <fmt/format.h>

#include <set>

#include "locks/lock_session.hpp"
#include "support/catch.hpp"
#include "support/lock_world.hpp"

namespace mas {
namespace {

const LockName cpu{LockSpace::metric, "cpu"};
const LockName disk{LockSpace::metric, "disk"};
const LockName mem{LockSpace::metric, "mem"};
constexpr milliseconds patience{60'000};

/// Clients 0, 1, … with a session each, and an eye on the promise: no two conflicting leases are
/// valid at once.
struct World : LockWorld {
  explicit World(std::size_t clients, LockTableOptions table = {}) : LockWorld(table) {
    for (std::size_t n = 0; n < clients; ++n) add_client();
    settle();
    after_step = [this] { look(); };
  }
  ~World() { CHECK_FALSE(conflict); }

  void look() {
    broker().table().verify();
    for (const auto& name : {cpu, disk, mem}) {
      for (std::size_t n = 0; n < size(); ++n) {
        for (std::size_t m = n + 1; m < size(); ++m) {
          const auto* one = valid(n, name);
          const auto* other = valid(m, name);
          conflict = conflict ||
                     (one != nullptr && other != nullptr && !compatible(one->mode, other->mode));
        }
      }
    }
  }
  const Grant* valid(std::size_t n, const LockName& name) {
    return session(n).lease_valid(now_of(n)) ? session(n).held(name) : nullptr;
  }
  void acquire(std::size_t n, const LockName& name, LockMode mode,
               milliseconds wait_max = patience) {
    session(n).acquire(name, mode, ++ticket, wait_max, now_of(n));
  }
  void release(std::size_t n, const LockName& name) { session(n).release(name, now_of(n)); }
  /// Whether a client has heard an event of this kind since it was last asked.
  template <typename Event>
  bool heard(std::size_t n) {
    bool found = false;
    for (const auto& event : take_events(n)) found = found || std::holds_alternative<Event>(event);
    return found;
  }

  LockTicket ticket = 0;
  bool conflict = false;
};

}  // namespace

// etcd granted after the wait without looking at the waiter's lease (etcd-io/etcd#11456).
TEST_CASE("scenario 1: a session that expires while it is queued is granted nothing") {
  World world(3);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.acquire(1, cpu, LockMode::exclusive);
  world.settle();
  world.client(1).up_cut = true;
  world.run(seconds{5});
  const auto grants = world.broker().table().figures().grants;
  world.release(0, cpu);
  world.run(seconds{1});
  CHECK(world.broker().table().figures().grants == grants);
  CHECK(world.session(1).held(cpu) == nullptr);
  world.acquire(2, cpu, LockMode::exclusive);
  world.run(seconds{1});
  CHECK(world.valid(2, cpu) != nullptr);
}

TEST_CASE("scenario 2: a grant that arrives after the client's deadline is discarded") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.acquire(1, cpu, LockMode::exclusive);
  world.settle();
  world.client(1).stopped = true;  // the grant waits in its socket for longer than the lease
  world.release(0, cpu);
  world.run(seconds{4});
  REQUIRE_FALSE(world.client(1).queue.empty());
  world.client(1).stopped = false;
  world.settle();
  CHECK(world.heard<LockSessionLost>(1));
  world.run(seconds{4});
  REQUIRE(world.valid(1, cpu) != nullptr);  // by its next session, as what it is: a take-over
  CHECK_FALSE(world.valid(1, cpu)->previous_end_clean);
}

TEST_CASE("scenario 3: one-way loss, either way, ends the lease before the next holder begins") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.acquire(1, cpu, LockMode::exclusive);
  SECTION("the client's frames are lost") { world.client(0).up_cut = true; }
  SECTION("the broker's frames are lost") { world.client(0).down_cut = true; }
  world.run(seconds{10});
  CHECK(world.valid(1, cpu) != nullptr);
}

// Curator took its own previous session's node for its own (apache/curator#1121).
TEST_CASE(
    "scenario 4: a release or recall answer of an old session changes nothing after a re-grant") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  // The release is on its way for longer than its session lives.
  world.delay = [] { return seconds{6}; };
  SECTION("a release") { world.release(0, cpu); }
  SECTION("an answer to a recall") {
    world.session(0).convert_down(cpu, LockMode::append, world.now_of(0));
  }
  world.settle();
  world.delay = [] { return nanoseconds{0}; };
  world.client(0).up_cut = true;
  world.run(seconds{4});
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(seconds{1});
  REQUIRE(world.valid(1, cpu) != nullptr);
  const auto token = world.valid(1, cpu)->token;
  world.run(seconds{5});  // now it arrives
  REQUIRE(world.valid(1, cpu) != nullptr);
  CHECK(world.valid(1, cpu)->token == token);
  CHECK(world.valid(1, cpu)->mode == LockMode::exclusive);
  CHECK(world.broker().table().figures().holders == 1);
}

TEST_CASE("scenario 5: the same process with a new session waits for its old lock like anybody") {
  World world(1);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  const auto token = world.session(0).held(cpu)->token;
  world.replace_client(0);
  world.settle();
  REQUIRE(world.session(0).open());
  world.acquire(0, cpu, LockMode::exclusive);
  world.run(milliseconds{2900});
  CHECK(world.session(0).held(cpu) == nullptr);
  world.run(milliseconds{200});
  REQUIRE(world.valid(0, cpu) != nullptr);
  CHECK(world.valid(0, cpu)->token > token);
  CHECK_FALSE(world.valid(0, cpu)->previous_end_clean);
}

// A leader that hung in fdatasync revoked live leases (etcd-io/etcd#15247).
TEST_CASE(
    "scenario 6: a broker that was stopped reads queued heartbeats before it expires anyone") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  SECTION("for a part of the lease") {
    world.stop_broker();
    world.run(milliseconds{2500});
  }
  SECTION("for longer than the lease: its clients know by themselves that it is over") {
    world.stop_broker();
    world.run(seconds{10});
    CHECK(world.heard<LockSessionLost>(0));
    world.continue_broker();
    world.run(seconds{5});
    CHECK(world.session(0).open());
    return;
  }
  world.continue_broker();
  world.run(seconds{5});
  CHECK(world.broker().table().figures().expiries == 0);
  CHECK(world.valid(0, cpu) != nullptr);
}

// TTLs start anew at each change of leader (etcd-io/etcd#9395); here they do not, and a shorter one
// does not shorten leases that were given before.
TEST_CASE("scenario 7: after a restart with a smaller time to live the old leases are waited for") {
  LockTableOptions table;
  table.lease_ttl = seconds{10};
  World world(2, table);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.client(0).up_cut = world.client(0).down_cut = true;
  world.table_options().lease_ttl = seconds{1};
  world.restart_broker(seconds{10});  // as the epoch file tells it
  world.run(seconds{2});
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(seconds{7});
  CHECK(world.valid(0, cpu) != nullptr);
  CHECK(world.session(1).held(cpu) == nullptr);
  world.run(seconds{2});
  CHECK(world.valid(1, cpu) != nullptr);
}

TEST_CASE("scenario 8: of two brokers alive a client refuses the one of a lower epoch") {
  LockWorld later({}, 9);
  later.add_client();
  later.settle();
  const auto seen = later.session(0).highest_epoch();
  REQUIRE(seen.epoch == 9);
  LockWorld earlier({}, 3);
  earlier.delay = [] { return milliseconds{1}; };
  earlier.add_client();
  earlier.session(0).learn(seen);
  // A welcome that the earlier broker sent before it heard of the later one.
  Bytes welcome;
  std::vector<Bytes> hello;
  earlier.run(milliseconds{0});
  LockSessionOptions options;
  options.cluster = "world";
  options.instance = 5;
  LockSession session(options, MonoTime{seconds{1}});
  session.learn(seen);
  session.on_time(MonoTime{seconds{1}});
  session.take_frames(hello);
  REQUIRE(hello.size() == 1);
  encode(welcome, Envelope{0, "world", 77, 5}, LockWelcome{1, (LockToken{3} << 32) + 1, 3000, 3});
  CHECK_FALSE(session.on_frame(welcome, MonoTime{seconds{1}}));
  CHECK_FALSE(session.open());
  // Told of it, the earlier one raises its epoch above both and waits.
  earlier.run(milliseconds{600});
  CHECK(earlier.broker().table().epoch() == 10);
  CHECK_FALSE(earlier.broker().table().granting());
}

// Found by the simulation, seed 108620.
TEST_CASE("a broker that lost its epoch file and gives shorter leases waits for the longer ones") {
  LockTableOptions table;
  table.lease_ttl = seconds{10};
  World world(2, table);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.client(0).up_cut = world.client(0).down_cut = true;
  world.table_options().lease_ttl = seconds{1};
  world.restart_broker_without_its_file();
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(seconds{9});
  CHECK(world.valid(0, cpu) != nullptr);
  CHECK(world.session(1).held(cpu) == nullptr);
  world.run(seconds{3});
  CHECK(world.valid(1, cpu) != nullptr);
}

TEST_CASE("scenario 9: a missing epoch file is made up for by what the clients have seen") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  REQUIRE(world.valid(0, cpu) != nullptr);
  const auto token = world.valid(0, cpu)->token;
  world.client(0).up_cut = world.client(0).down_cut = true;
  world.restart_broker_without_its_file();
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(seconds{2});
  CHECK(world.session(1).held(cpu) == nullptr);  // the lease of the other may be alive
  world.run(seconds{4});
  REQUIRE(world.valid(1, cpu) != nullptr);
  CHECK(world.valid(1, cpu)->token > token);
  CHECK_FALSE(world.valid(1, cpu)->previous_end_clean);
}

// Scenario 10, a holder stopped between write, sync, lease check and 201, is played on real files
// by real processes: "a stopped worker's samples are neither read nor acknowledged" in tests/e2e.
TEST_CASE("scenario 10: a holder stopped past its lease knows it before it acknowledges") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.client(0).stopped = true;
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(seconds{5});
  CHECK(world.valid(1, cpu) != nullptr);
  // Nothing has been read yet, not even the time; the check alone tells.
  CHECK_FALSE(world.session(0).lease_valid(world.now_of(0)));
  world.client(0).stopped = false;
  world.settle();
  CHECK(world.heard<LockSessionLost>(0));
}

TEST_CASE("scenario 11: a recall may cross the release, come twice, or get lost") {
  World world(2);
  SECTION("crossing") {
    world.delay = [] { return milliseconds{5}; };
    world.run(milliseconds{20});
  }
  SECTION("twice") {
    world.twice = [] { return true; };
  }
  SECTION("lost") {
    world.acquire(0, cpu, LockMode::exclusive);
    world.settle();
    world.client(0).down_cut = true;
    world.acquire(1, cpu, LockMode::shared);
    world.run(milliseconds{100});
    CHECK_FALSE(world.heard<LockRecalled>(0));
    world.client(0).down_cut = false;
    world.run(seconds{1});  // told again with the next heartbeat
    CHECK(world.heard<LockRecalled>(0));
    world.release(0, cpu);
    world.run(seconds{1});
    CHECK(world.valid(1, cpu) != nullptr);
    return;
  }
  world.acquire(0, cpu, LockMode::exclusive);
  world.run(milliseconds{50});
  REQUIRE(world.valid(0, cpu) != nullptr);
  world.acquire(1, cpu, LockMode::exclusive);
  world.release(0, cpu);
  world.acquire(0, cpu, LockMode::exclusive);
  world.run(seconds{1});
  for (int turn = 0; turn < 4; ++turn) {
    world.release(0, cpu);
    world.release(1, cpu);
    world.run(milliseconds{100});
  }
  CHECK(world.broker().table().figures().waiters == 0);
}

TEST_CASE("scenario 12: a reclaim goes before a new request, and of two for one name none counts") {
  World world(3);
  SECTION("a new request races the reclaim") {
    world.acquire(0, cpu, LockMode::exclusive);
    world.settle();
    world.client(0).up_cut = true;
    world.restart_broker(seconds{3});
    world.run(seconds{1});
    world.acquire(1, cpu, LockMode::exclusive);  // heard of first
    world.settle();
    world.client(0).up_cut = false;
    world.run(seconds{4});  // the grace period is over
    CHECK(world.heard<LockRecalled>(0));
    CHECK(world.valid(0, cpu) != nullptr);
    CHECK(world.session(1).held(cpu) == nullptr);
  }
  SECTION("two reclaim one exclusive lock") {
    // No broker that keeps its promises brings this about, so it is played to the table alone.
    LockTableOptions options;
    options.epoch = 5;
    options.grants_from = MonoTime{seconds{3}};
    options.after_unclean_stop = true;
    LockTable table(options);
    std::vector<LockTableAction> out;
    const MonoTime now{seconds{1}};
    const LockToken one = (LockToken{4} << 32) + 1;
    const LockToken two = (LockToken{4} << 32) + 2;
    for (const auto session : {one, two}) table.on(ResumeSession{1, session}, now, out);
    LockRequest reclaim;
    reclaim.op = LockRequest::Op::reclaim;
    reclaim.name = cpu;
    reclaim.mode = LockMode::exclusive;
    reclaim.token = (LockToken{4} << 32) + 7;
    table.on(LockEventRequest{one, &reclaim}, now, out);
    CHECK(table.figures().reclaims == 1);
    out.clear();
    reclaim.token = (LockToken{4} << 32) + 9;
    table.on(LockEventRequest{two, &reclaim}, now, out);
    table.verify();
    std::set<LockToken> condemned;
    for (const auto& action : out) condemned.insert(std::get<SessionCondemned>(action).session);
    CHECK(condemned == std::set<LockToken>{one, two});
    // Neither is renewed, so both expire, and only then is the name anybody's.
    out.clear();
    table.on(RenewSession{one, 1}, now, out);
    CHECK(out.empty());
  }
}

TEST_CASE("scenario 13: clocks that run differently, within the margin, do no harm") {
  World world(2);
  const auto [slow, fast] =
      GENERATE(std::pair(0.98, 1.0), std::pair(1.0, 1.02), std::pair(0.98, 1.02));
  world.client(0).clock_rate = slow;
  world.client(1).clock_rate = fast;
  world.run(seconds{8});  // their sessions begin anew on these clocks
  world.acquire(0, cpu, LockMode::exclusive);
  world.run(seconds{1});
  REQUIRE(world.valid(0, cpu) != nullptr);
  world.client(0).up_cut = true;
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(seconds{10});
  CHECK(world.valid(1, cpu) != nullptr);
}

TEST_CASE("scenario 14: a batch with one blocked name holds and delays no other") {
  World world(2);
  world.acquire(0, disk, LockMode::exclusive);
  world.settle();
  const std::vector<LockName> names{cpu, disk, mem};
  world.session(1).acquire(names, LockMode::exclusive, 77, patience, world.now_of(1));
  world.settle();
  CHECK(world.valid(1, cpu) != nullptr);
  CHECK(world.valid(1, mem) != nullptr);
  // What it was granted goes at once, whatever it still waits for: no hold-and-wait.
  world.acquire(0, cpu, LockMode::exclusive);
  world.release(1, cpu);
  world.run(seconds{1});
  CHECK(world.valid(0, cpu) != nullptr);
  // And from the middle of a line it can go.
  world.acquire(0, mem, LockMode::shared);
  world.session(1).cancel(77);
  world.settle();
  world.release(0, disk);
  world.run(seconds{1});
  CHECK(world.session(1).held(disk) == nullptr);
}

// 25 million token keys were never freed (redisson#6510).
TEST_CASE("scenario 15: names used once cost nothing afterwards") {
  World world(1);
  for (int round = 0; round < 10; ++round) {
    std::vector<LockName> names;
    for (int n = 0; n < 10'000; ++n) {
      names.push_back({LockSpace::user, fmt::format("once-{}-{}", round, n)});
    }
    world.session(0).acquire(names, LockMode::exclusive, 1, patience, world.now_of(0));
    world.settle();
    CHECK(world.broker().table().figures().names == names.size());
    for (const auto& name : names) world.session(0).release(name, world.now_of(0));
    static_cast<void>(world.take_events(0));
    world.settle();
  }
  CHECK(world.broker().table().figures().names == 0);
  CHECK(world.session(0).held_count() == 0);
}

TEST_CASE("scenario 16: two writers of one name take turns of the minimum hold and do not thrash") {
  LockTableOptions table;
  table.minimum_hold = milliseconds{20};
  World world(2, table);
  const auto keep_asking = [&](std::size_t n) {
    for (const auto& event : world.take_events(n)) {
      if (std::holds_alternative<LockRecalled>(event)) {
        world.release(n, cpu);
        world.acquire(n, cpu, LockMode::exclusive);
      }
    }
  };
  world.acquire(0, cpu, LockMode::exclusive);
  world.acquire(1, cpu, LockMode::exclusive);
  for (int ms = 0; ms < 1000; ++ms) {
    world.run(milliseconds{1});
    keep_asking(0);
    keep_asking(1);
  }
  const auto turns = world.broker().table().figures().writer_turns;
  CHECK(turns <= 50);
  CHECK(turns >= 40);
}

TEST_CASE("scenario 17: frames that a reconnection brings late are taken once or not at all") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  // Everything comes once more, seconds later.
  std::size_t frames = 0;
  world.twice = [] { return true; };
  world.delay = [&frames] { return ++frames % 2 == 0 ? milliseconds{0} : milliseconds{3000}; };
  world.release(0, cpu);
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(seconds{2});
  REQUIRE(world.valid(1, cpu) != nullptr);
  const auto token = world.valid(1, cpu)->token;
  world.run(seconds{3});
  world.twice = [] { return false; };
  world.delay = [] { return nanoseconds{0}; };
  world.run(seconds{5});
  REQUIRE(world.valid(1, cpu) != nullptr);
  CHECK(world.valid(1, cpu)->token == token);
}

// A virtual machine that is resumed from a snapshot may find its clock where it was.
TEST_CASE("scenario 18: what no lease can close: a clock that stood still keeps a lease alive") {
  LockWorld world;
  world.add_client();
  world.settle();
  world.session(0).acquire(cpu, LockMode::exclusive, 1, patience, world.now_of(0));
  world.settle();
  const auto before = world.now_of(0);
  world.client(0).stopped = true;
  world.run(seconds{60});
  // The broker has let it expire, and who takes over has sealed what it finds. On the clock that
  // stood still the lease is valid all the same, so a 201 for what is written now would be wrong:
  // the take-over makes sure that it is never read, no more. docs/locks.md says so.
  CHECK(world.broker().table().figures().sessions == 0);
  CHECK(world.session(0).lease_valid(before));
  CHECK_FALSE(world.session(0).lease_valid(world.now_of(0)));
}

}  // namespace mas
