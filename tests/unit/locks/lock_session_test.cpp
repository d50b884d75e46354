#include "locks/lock_session.hpp"

#include <fmt/format.h>

#include "support/catch.hpp"
#include "support/lock_world.hpp"

namespace mas {
namespace {

const LockName cpu{LockSpace::metric, "cpu"};
const LockName disk{LockSpace::metric, "disk"};
constexpr milliseconds patience{10'000};

/// Clients 0, 1, … of one broker, all with a session.
struct World : LockWorld {
  explicit World(std::size_t clients, LockTableOptions table = {}) : LockWorld(table) {
    for (std::size_t n = 0; n < clients; ++n) add_client();
    settle();
    for (std::size_t n = 0; n < clients; ++n) {
      REQUIRE(session(n).open());
      static_cast<void>(take_events(n));
    }
  }

  /// Runs and returns what a client was told meanwhile, as words.
  std::string told(std::size_t index, nanoseconds span = nanoseconds{0}) {
    run(span);
    std::string out;
    for (const auto& event : take_events(index)) {
      if (!out.empty()) out += ", ";
      out += text(event);
    }
    return out;
  }

  static std::string text(const LockEvent& event) {
    if (const auto* granted = std::get_if<LockGranted>(&event)) {
      return fmt::format("granted {} {} {}", granted->ticket, granted->name.text,
                         to_text(granted->grant.mode));
    }
    if (const auto* refused = std::get_if<LockRefused>(&event)) {
      return fmt::format("refused {} {}", refused->ticket, refused->name.text);
    }
    if (const auto* recalled = std::get_if<LockRecalled>(&event)) {
      return fmt::format("recalled {} for {}", recalled->name.text, to_text(recalled->wanted));
    }
    if (std::holds_alternative<LockSessionOpened>(event)) return "opened";
    if (std::holds_alternative<LockSessionLost>(event)) return "lost";
    return "closed";
  }

  void acquire(std::size_t index, const LockName& name, LockMode mode, LockTicket ticket = 1,
               milliseconds wait_max = patience) {
    session(index).acquire(name, mode, ticket, wait_max, now_of(index));
  }
};

}  // namespace

TEST_CASE("a lock asked for is granted, held, and gone once released") {
  World world(1);
  world.acquire(0, cpu, LockMode::exclusive, 7);
  CHECK(world.told(0) == "granted 7 cpu exclusive");
  REQUIRE(world.session(0).held(cpu) != nullptr);
  CHECK(world.session(0).held(cpu)->previous_end_clean);
  CHECK(world.session(0).lease_valid(world.now_of(0)));
  world.session(0).release(cpu, world.now_of(0));
  CHECK(world.session(0).held(cpu) == nullptr);
  world.settle();
  CHECK(world.broker().table().figures().names == 0);
}

TEST_CASE("many names go out in one message and come back as they become free") {
  World world(2);
  world.acquire(0, disk, LockMode::exclusive);
  CHECK(world.told(0) == "granted 1 disk exclusive");
  const std::vector<LockName> names{cpu, disk, {LockSpace::metric, "mem"}};
  world.session(1).acquire(names, LockMode::append, 5, patience, world.now_of(1));
  CHECK(world.told(1) == "granted 5 cpu append, granted 5 mem append");
  CHECK(world.told(0, milliseconds{20}) == "recalled disk for append");
  world.session(0).release(disk, world.now_of(0));
  CHECK(world.told(1) == "granted 5 disk append");
}

TEST_CASE("a cached lock is used again without a word to the broker") {
  World world(1);
  world.acquire(0, cpu, LockMode::shared);
  CHECK(world.told(0) == "granted 1 cpu shared");
  const auto token = world.session(0).held(cpu)->token;
  world.session(0).end_use(cpu, token, world.now_of(0));
  world.run(milliseconds{100});
  const auto grants = world.broker().table().figures().grants;

  REQUIRE(world.session(0).begin_use(cpu, world.now_of(0)) != nullptr);
  world.session(0).end_use(cpu, token, world.now_of(0));
  world.acquire(0, cpu, LockMode::shared, 2);
  CHECK(world.told(0) == "granted 2 cpu shared");
  CHECK(world.broker().table().figures().grants == grants);
}

TEST_CASE("a shared lock unused for two seconds is given back, and not while it is used") {
  World world(1);
  world.acquire(0, cpu, LockMode::shared);
  CHECK(world.told(0) == "granted 1 cpu shared");
  world.run(seconds{5});
  REQUIRE(world.session(0).held(cpu) != nullptr);
  world.session(0).end_use(cpu, world.session(0).held(cpu)->token, world.now_of(0));
  world.run(milliseconds{1990});
  CHECK(world.session(0).held(cpu) != nullptr);
  world.run(milliseconds{20});
  CHECK(world.session(0).held(cpu) == nullptr);
  CHECK(world.broker().table().figures().holders == 0);
}

TEST_CASE("a shared lock that is recalled goes back as soon as no use is under way") {
  World world(2);
  world.acquire(0, cpu, LockMode::shared);
  CHECK(world.told(0) == "granted 1 cpu shared");
  const auto token = world.session(0).held(cpu)->token;
  world.acquire(1, cpu, LockMode::exclusive);
  CHECK(world.told(1).empty());
  CHECK(world.told(0).empty());                                        // the user is not bothered
  CHECK(world.session(0).begin_use(cpu, world.now_of(0)) == nullptr);  // no new use overtakes
  world.session(0).end_use(cpu, token, world.now_of(0));
  CHECK(world.told(1) == "granted 1 cpu exclusive");
}

TEST_CASE("a use that outlived its lock does not end another's") {
  World world(1);
  world.acquire(0, cpu, LockMode::shared);
  world.settle();
  const auto old_token = world.session(0).held(cpu)->token;
  world.restart_broker(nanoseconds{0});
  CHECK(world.told(0, seconds{1}) == "granted 1 cpu shared, lost, opened");
  world.acquire(0, cpu, LockMode::shared, 2);
  CHECK(world.told(0) == "granted 2 cpu shared");
  world.session(0).end_use(cpu, old_token, world.now_of(0));
  world.run(seconds{10});
  CHECK(world.session(0).held(cpu) != nullptr);  // the second use goes on
}

TEST_CASE("a writer is told of a recall and the mode wanted, and goes on with append") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  static_cast<void>(world.take_events(0));
  world.acquire(1, cpu, LockMode::shared);
  CHECK(world.told(0) == "recalled cpu for shared");
  world.session(0).convert_down(cpu, LockMode::append, world.now_of(0), LockValue{true, "seg"});
  CHECK(world.told(1) == "granted 1 cpu shared");
  CHECK(world.session(1).held(cpu)->value == LockValue{true, "seg"});
  CHECK(world.session(0).held(cpu)->mode == LockMode::append);
}

TEST_CASE("an appender converts up when it is alone again") {
  World world(2);
  world.acquire(0, cpu, LockMode::append);
  world.acquire(1, cpu, LockMode::shared);
  CHECK(world.told(0) == "granted 1 cpu append");
  CHECK(world.told(1) == "granted 1 cpu shared");
  world.session(0).convert_up(cpu, 2, milliseconds{0}, world.now_of(0));
  CHECK(world.told(0) == "refused 2 cpu");
  CHECK(world.session(0).held(cpu)->mode == LockMode::append);
  world.session(1).end_use(cpu, world.session(1).held(cpu)->token, world.now_of(1));
  world.run(seconds{3});
  world.session(0).convert_up(cpu, 3, milliseconds{0}, world.now_of(0));
  CHECK(world.told(0) == "granted 3 cpu exclusive");
}

TEST_CASE("an appender that must have exclusive waits while readers are recalled") {
  World world(2);
  world.acquire(0, cpu, LockMode::append);
  world.acquire(1, cpu, LockMode::shared);
  world.settle();
  static_cast<void>(world.take_events(0));
  world.session(0).convert_up(cpu, 2, patience, world.now_of(0));
  CHECK(world.told(0).empty());
  world.session(1).end_use(cpu, world.session(1).held(cpu)->token, world.now_of(1));
  CHECK(world.told(0) == "granted 2 cpu exclusive");
}

TEST_CASE("a request that waits too long is refused, and what is granted after that is returned") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.acquire(1, cpu, LockMode::exclusive, 4, milliseconds{200});
  CHECK(world.told(1, milliseconds{199}).empty());
  CHECK(world.told(1, milliseconds{2}) == "refused 4 cpu");
  CHECK(world.broker().table().figures().waiters == 0);

  // Now the grant crosses the withdrawal on its way.
  world.acquire(1, cpu, LockMode::exclusive, 5, milliseconds{200});
  world.settle();
  world.client(1).stopped = true;
  world.session(0).release(cpu, world.now_of(0));
  world.run(milliseconds{300});
  CHECK(world.broker().table().figures().holders == 1);
  world.session(1).on_time(world.now_of(1));
  world.client(1).stopped = false;
  CHECK(world.told(1) == "refused 5 cpu");
  CHECK(world.session(1).held(cpu) == nullptr);
  CHECK(world.broker().table().figures().holders == 0);
}

TEST_CASE("a lock returned unused leaves what the next holder is told as it was") {
  World world(3);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.replace_client(0);  // its process died
  world.acquire(1, cpu, LockMode::exclusive, 1, milliseconds{2900});
  world.run(milliseconds{2899});
  world.client(1).stopped = true;
  world.run(milliseconds{300});  // granted at the broker, given up by the client
  world.session(1).on_time(world.now_of(1));
  world.client(1).stopped = false;
  world.settle();
  CHECK(world.session(1).held(cpu) == nullptr);
  world.acquire(2, cpu, LockMode::append);
  CHECK(world.told(2) == "granted 1 cpu append");
  CHECK_FALSE(world.session(2).held(cpu)->previous_end_clean);
}

TEST_CASE("requests wait for an absent broker up to their maximum, then are refused") {
  LockWorld world;
  world.stop_broker();
  world.add_client();
  world.session(0).acquire(cpu, LockMode::append, 1, milliseconds{500}, world.now_of(0));
  world.session(0).acquire(disk, LockMode::append, 2, milliseconds{5000}, world.now_of(0));
  world.run(milliseconds{600});
  auto events = world.take_events(0);
  REQUIRE(events.size() == 1);
  const auto* refused = std::get_if<LockRefused>(&events.front());
  REQUIRE(refused != nullptr);
  CHECK(refused->ticket == 1);
  CHECK(refused->error.kind == Error::busy);
  world.continue_broker();
  world.run(milliseconds{600});
  CHECK(world.session(0).held(disk) != nullptr);
}

TEST_CASE("the lease is counted from when the acknowledged heartbeat was sent, less a margin") {
  LockWorld world;
  world.delay = [] { return milliseconds{400}; };
  world.add_client();
  const auto started = world.now();
  world.run(milliseconds{1400});
  REQUIRE(world.session(0).open());
  // The hello that was answered may be the second one, but never when it was answered.
  CHECK(world.session(0).lease_until() <= started + milliseconds{501} + milliseconds{2850});
  CHECK(world.session(0).lease_until() > started);
  CHECK_FALSE(world.session(0).lease_valid(world.session(0).lease_until()));
}

TEST_CASE("without acknowledgements the lease ends before it ends at the broker") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.acquire(1, cpu, LockMode::exclusive);
  SECTION("when heartbeats do not arrive") { world.client(0).up_cut = true; }
  SECTION("when acknowledgements do not arrive") { world.client(0).down_cut = true; }
  bool both = false;
  world.after_step = [&] {
    const bool first =
        world.session(0).lease_valid(world.now_of(0)) && world.session(0).held(cpu) != nullptr;
    const bool second = world.session(1).held(cpu) != nullptr;
    both = both || (first && second);
  };
  world.run(seconds{10});
  CHECK_FALSE(both);
  CHECK(world.session(1).held(cpu) != nullptr);
  CHECK_FALSE(world.session(1).held(cpu)->previous_end_clean);
}

TEST_CASE("a grant that arrives after the client's deadline is discarded") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.acquire(1, cpu, LockMode::exclusive);
  world.settle();
  static_cast<void>(world.take_events(1));
  world.client(1).stopped = true;
  world.session(0).release(cpu, world.now_of(0));
  world.run(seconds{4});
  REQUIRE_FALSE(world.client(1).queue.empty());  // the grant is there, unread
  world.client(1).stopped = false;
  CHECK(world.told(1) == "lost, opened, granted 1 cpu exclusive");  // by the new session
  CHECK_FALSE(world.session(1).held(cpu)->previous_end_clean);
}

TEST_CASE("answers of an older session are discarded, whenever they come") {
  World world(1);
  world.acquire(0, cpu, LockMode::append);
  // The answer is on its way for long, and meanwhile there is a new session.
  world.delay = [] { return seconds{8}; };
  world.settle();
  world.delay = [] { return nanoseconds{0}; };
  world.client(0).up_cut = true;
  CHECK(world.told(0, seconds{4}) == "lost");
  world.client(0).up_cut = false;
  CHECK(world.told(0, seconds{1}) == "opened, granted 1 cpu append");
  const auto token = world.session(0).held(cpu)->token;
  CHECK(world.told(0, seconds{8}).empty());
  CHECK(world.session(0).held(cpu)->token == token);
}

TEST_CASE("a lost session takes every lock with it, and what waits is asked for again") {
  World world(2);
  world.acquire(0, cpu, LockMode::append);
  world.acquire(1, disk, LockMode::exclusive);
  world.settle();
  world.acquire(0, disk, LockMode::append, 9, milliseconds{60'000});
  world.settle();
  static_cast<void>(world.take_events(0));
  static_cast<void>(world.take_events(1));
  world.client(0).up_cut = true;
  CHECK(world.told(0, seconds{4}) == "lost");
  CHECK(world.session(0).held(cpu) == nullptr);
  CHECK(world.session(0).waiting_count() == 1);
  world.client(0).up_cut = false;
  world.session(1).release(disk, world.now_of(1));
  CHECK(world.told(0, seconds{1}) == "opened, granted 9 disk append");
}

TEST_CASE("a broker that was stopped longer than the time to live expires no living client") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  static_cast<void>(world.take_events(0));
  world.stop_broker();
  world.run(seconds{2});
  world.continue_broker();
  world.run(seconds{10});
  CHECK(world.take_events(0).empty());
  CHECK(world.session(0).held(cpu) != nullptr);
  CHECK(world.broker().table().figures().expiries == 0);
}

TEST_CASE("a broker that restarts within the lease takes the session over, unnoticed by its user") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.acquire(1, disk, LockMode::shared, 2);
  world.settle();
  world.session(0).convert_down(cpu, LockMode::append, world.now_of(0), LockValue{true, "list"});
  world.settle();
  static_cast<void>(world.take_events(0));
  static_cast<void>(world.take_events(1));
  const auto session = world.session(0).session();
  const auto token = world.session(0).held(cpu)->token;

  bool valid = true;
  world.after_step = [&] { valid = valid && world.session(0).lease_valid(world.now_of(0)); };
  world.restart_broker(seconds{3});
  CHECK(world.told(0, seconds{10}).empty());
  CHECK(world.told(1).empty());
  CHECK(valid);
  CHECK(world.session(0).session() == session);
  REQUIRE(world.session(0).held(cpu) != nullptr);
  CHECK(world.session(0).held(cpu)->token == token);
  CHECK(world.broker().table().figures().reclaims == 2);
  world.broker().table().verify();

  // The new broker knows the lock, and what its writer has left for others.
  world.acquire(1, cpu, LockMode::shared, 3);
  CHECK(world.told(1) == "granted 3 cpu shared");
  CHECK(world.session(1).held(cpu)->previous_end_clean);
  CHECK(world.session(1).held(cpu)->value == LockValue{true, "list"});
  CHECK(world.session(1).held(cpu)->token > token);
  world.session(1).end_use(cpu, world.session(1).held(cpu)->token, world.now_of(1));
  world.acquire(1, cpu, LockMode::exclusive, 4);
  CHECK(world.told(0, seconds{1}) == "recalled cpu for exclusive");
}

TEST_CASE("what waited at the broker before is asked for again, behind what is reclaimed") {
  World world(2);
  world.acquire(0, cpu, LockMode::append);
  world.settle();
  world.acquire(1, cpu, LockMode::exclusive, 5);
  CHECK(world.told(0, milliseconds{50}) == "granted 1 cpu append, recalled cpu for exclusive");
  world.restart_broker(seconds{3});
  CHECK(world.told(1, seconds{4}).empty());
  world.session(0).release(cpu, world.now_of(0));
  CHECK(world.told(1, seconds{1}) == "granted 5 cpu exclusive");
  CHECK(world.session(1).held(cpu)->previous_end_clean);
}

TEST_CASE("what a reclaiming writer was told of an unclean end is not forgotten by its broker") {
  World world(2);
  world.acquire(1, cpu, LockMode::append);
  world.settle();
  world.replace_client(1);  // died
  world.acquire(0, cpu, LockMode::append);
  world.run(seconds{4});
  REQUIRE_FALSE(world.session(0).held(cpu)->previous_end_clean);
  world.restart_broker(seconds{3});
  world.run(seconds{4});
  REQUIRE(world.broker().table().figures().reclaims == 1);
  world.session(0).release(cpu, world.now_of(0), LockEnd::as_found);
  world.acquire(1, cpu, LockMode::append);
  world.run(seconds{1});
  REQUIRE(world.session(1).held(cpu) != nullptr);
  CHECK_FALSE(world.session(1).held(cpu)->previous_end_clean);
}

TEST_CASE("a broker that is back only after the lease takes nothing over") {
  World world(1);
  world.acquire(0, cpu, LockMode::append);
  CHECK(world.told(0) == "granted 1 cpu append");
  const auto before = world.session(0).held(cpu)->token;
  world.stop_broker();
  CHECK(world.told(0, seconds{4}) == "lost");
  world.restart_broker(seconds{3});
  CHECK(world.told(0, seconds{1}) == "opened");
  world.acquire(0, cpu, LockMode::append, 2);
  CHECK(world.told(0, milliseconds{1900}).empty());  // other leases may be alive
  CHECK(world.told(0, milliseconds{200}) == "granted 2 cpu append");
  CHECK(world.session(0).held(cpu)->token > before);
  CHECK_FALSE(world.session(0).held(cpu)->previous_end_clean);
}

TEST_CASE("a broker that has begun to grant takes no session over") {
  World world(1);
  world.acquire(0, cpu, LockMode::append);
  CHECK(world.told(0) == "granted 1 cpu append");
  world.restart_broker(nanoseconds{0});  // one that does not wait, as after an orderly stop
  CHECK(world.told(0, seconds{1}) == "lost, opened");
  CHECK(world.broker().table().figures().reclaims == 0);
}

TEST_CASE("a restarted broker whose welcome comes late takes the session over all the same") {
  LockTableOptions table;
  table.lease_ttl = seconds{10};
  World world(1, table);
  world.acquire(0, cpu, LockMode::append);
  CHECK(world.told(0) == "granted 1 cpu append");
  const auto session = world.session(0).session();
  world.restart_broker(seconds{10});
  // There and back takes longer than until the next hello, which finds the session resumed.
  world.delay = [] { return milliseconds{300}; };
  CHECK(world.told(0, seconds{20}).empty());
  CHECK(world.session(0).session() == session);
  CHECK(world.broker().table().figures().reclaims == 1);
}

TEST_CASE("a session whose lease is over is not opened again by a welcome that comes late") {
  World world(1);
  world.acquire(0, cpu, LockMode::append);
  CHECK(world.told(0) == "granted 1 cpu append");
  const auto session = world.session(0).session();
  world.restart_broker(seconds{3});
  world.after_step = [&] {
    if (world.broker().table().knows(session)) world.client(0).stopped = true;
  };
  const auto over = world.session(0).lease_until() - world.now_of(0) + milliseconds{100};
  world.run(over);
  REQUIRE(world.client(0).stopped);
  world.after_step = [] {};
  world.client(0).stopped = false;
  // It looks at what has come before it looks at the time.
  CHECK(world.told(0, seconds{1}) == "lost, opened");
  CHECK(world.session(0).session() > session);
}

TEST_CASE("the old lease counts alone until the new broker has taken in all that is reclaimed") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  CHECK(world.told(0) == "granted 1 cpu exclusive");
  world.acquire(1, disk, LockMode::shared);
  world.settle();
  const auto until = world.session(0).lease_until();
  world.restart_broker(seconds{3});
  // The hello gets through; of what follows it nothing does.
  world.after_step = [&] {
    if (world.broker().table().knows(world.session(0).session())) world.client(0).up_cut = true;
  };
  world.run(seconds{1});
  REQUIRE(world.client(0).up_cut);
  CHECK(world.session(0).lease_until() == until);
  world.after_step = [] {};
  world.acquire(1, cpu, LockMode::exclusive, 7);
  CHECK(world.told(0, seconds{2}) == "lost");
  world.run(seconds{3});
  CHECK(world.session(1).held(cpu) != nullptr);
}

TEST_CASE("a broker of a lower epoch is refused until its epoch is raised above what was seen") {
  LockWorld world({}, 9);
  world.add_client();
  world.settle();
  CHECK(epoch_of(world.session(0).session()) == 9);
  LockWorld restored({}, 2);  // its epoch file came from a backup
  restored.add_client();
  restored.settle();
  static_cast<void>(restored.take_events(0));
  const auto lower = restored.session(0).session();
  CHECK(epoch_of(lower) == 2);
  // A client that has seen epoch 9 says so; the broker raises its own above it, and waits for what
  // leases there may be before it grants anything.
  LockServiceOptions options;
  std::vector<LockServiceFrame> frames;
  Bytes hello;
  encode(hello, Envelope{0, "world", 77, any_instance}, LockHello{1, 9, 5, 3000, "w", 0});
  REQUIRE(restored.broker().on_frame("peer1", hello, restored.now()));
  CHECK(restored.broker().wanted_epoch() == 10);
  restored.settle();
  CHECK(restored.broker().table().epoch() == 10);
  CHECK_FALSE(restored.broker().table().granting());
  restored.run(seconds{4});
  CHECK(restored.broker().table().granting());
}

TEST_CASE("a release that gets lost on the way is sent again") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.client(0).up_cut = true;
  world.session(0).release(cpu, world.now_of(0));
  world.settle();
  world.client(0).up_cut = false;
  world.acquire(1, cpu, LockMode::exclusive);
  CHECK(world.told(1, seconds{1}) == "granted 1 cpu exclusive");
  CHECK(world.session(1).held(cpu)->previous_end_clean);
}

TEST_CASE("a grant that gets lost on the way is sent again") {
  World world(1);
  world.client(0).down_cut = true;
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  world.client(0).down_cut = false;
  CHECK(world.told(0, seconds{1}) == "granted 1 cpu exclusive");
}

TEST_CASE("a recall that crosses the release does no harm") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  CHECK(world.told(0, milliseconds{50}) == "granted 1 cpu exclusive");
  world.delay = [] { return milliseconds{10}; };
  world.acquire(1, cpu, LockMode::exclusive);
  world.run(milliseconds{11});  // the recall is on its way
  world.session(0).release(cpu, world.now_of(0));
  CHECK(world.told(0, milliseconds{100}).empty());
  CHECK(world.told(1) == "granted 1 cpu exclusive");
}

TEST_CASE("a lock asked for again right after its release is granted anew") {
  World world(1);
  world.acquire(0, cpu, LockMode::append);
  world.settle();
  const auto before = world.session(0).held(cpu)->token;
  static_cast<void>(world.take_events(0));
  world.session(0).release(cpu, world.now_of(0));
  world.acquire(0, cpu, LockMode::exclusive, 2);
  CHECK(world.told(0) == "granted 2 cpu exclusive");
  CHECK(world.session(0).held(cpu)->token > before);
}

TEST_CASE("a reader that wants to write lets go of its shared lock first") {
  World world(2);
  for (std::size_t n = 0; n < 2; ++n) world.acquire(n, cpu, LockMode::shared);
  world.settle();
  for (std::size_t n = 0; n < 2; ++n) world.acquire(n, cpu, LockMode::exclusive, 2);
  for (std::size_t n = 0; n < 2; ++n) {
    world.session(n).end_use(cpu, world.session(n).held(cpu)->token, world.now_of(n));
  }
  world.run(milliseconds{30});
  static_cast<void>(world.take_events(0));
  const bool first = world.session(0).held(cpu) != nullptr;
  const std::size_t writer = first ? 0 : 1;
  world.session(writer).release(cpu, world.now_of(writer));
  world.settle();
  CHECK(world.session(1 - writer).held(cpu) != nullptr);
}

TEST_CASE("who cannot let go says so, keeps its lock and its session") {
  World world(2);
  world.acquire(0, cpu, LockMode::exclusive);
  world.settle();
  static_cast<void>(world.take_events(0));
  world.acquire(1, cpu, LockMode::shared, 3);
  CHECK(world.told(0) == "recalled cpu for shared");
  world.session(0).unable(cpu);
  CHECK(world.told(1) == "refused 3 cpu");
  CHECK(world.told(0, seconds{8}).empty());
  world.acquire(1, cpu, LockMode::shared, 4);
  CHECK(world.told(0) == "recalled cpu for shared");
}

TEST_CASE("a user's lock is kept through a recall for as long as it is used") {
  const auto mode = GENERATE(LockMode::shared, LockMode::append, LockMode::exclusive);
  const LockName job{LockSpace::user, "job"};
  World world(2);
  world.acquire(0, job, mode);
  world.settle();
  static_cast<void>(world.take_events(0));
  const auto token = world.session(0).held(job)->token;
  world.acquire(1, job, LockMode::exclusive, 3, seconds{60});
  CHECK(world.told(0, milliseconds{20}) == "recalled job for exclusive");
  world.session(0).keep(job);
  CHECK(world.told(0, seconds{20}).empty());
  REQUIRE(world.session(0).held(job) != nullptr);
  CHECK(world.session(0).held(job)->token == token);
  CHECK(world.told(1).empty());
  if (mode == LockMode::shared) {
    world.session(0).end_use(job, token, world.now_of(0));
  } else {
    world.session(0).release(job, world.now_of(0));
  }
  CHECK(world.told(1) == "granted 3 job exclusive");
}

TEST_CASE("a user's lock that is recalled is told of also when this process wants more itself") {
  const LockName job{LockSpace::user, "job"};
  World world(2);
  world.acquire(0, job, LockMode::shared);
  CHECK(world.told(0) == "granted 1 job shared");
  world.acquire(0, job, LockMode::exclusive, 2);
  CHECK(world.told(0).empty());
  world.acquire(1, job, LockMode::exclusive, 3);
  CHECK(world.told(0) == "recalled job for exclusive");
}

TEST_CASE("after a goodbye nothing is left at the broker and it may grant at once next time") {
  World world(2);
  world.acquire(0, cpu, LockMode::shared);
  world.acquire(0, disk, LockMode::append);
  world.settle();
  static_cast<void>(world.take_events(0));
  world.session(0).release(disk, world.now_of(0));
  world.session(0).goodbye(world.now_of(0));
  CHECK(world.told(0) == "closed");
  world.session(1).goodbye(world.now_of(1));
  CHECK(world.told(1) == "closed");
  CHECK(world.broker().table().no_leases());
  CHECK(world.broker().table().names_clean());
  CHECK(world.broker().table().figures().unclean_ends == 0);
}

TEST_CASE("a goodbye that gets lost, with the release before it, is said again") {
  World world(1);
  world.acquire(0, disk, LockMode::append);
  world.settle();
  static_cast<void>(world.take_events(0));
  world.client(0).up_cut = true;
  world.session(0).release(disk, world.now_of(0));
  world.session(0).goodbye(world.now_of(0));
  world.settle();
  world.client(0).up_cut = false;
  CHECK(world.told(0, seconds{2}) == "closed");
  CHECK(world.broker().table().names_clean());
}

TEST_CASE("a goodbye to an absent broker ends with the lease") {
  World world(1);
  world.stop_broker();
  world.session(0).goodbye(world.now_of(0));
  CHECK(world.told(0, seconds{1}).empty());
  CHECK(world.told(0, seconds{3}) == "closed");
}

TEST_CASE("a request for a name that breaks the rules is refused on the spot") {
  World world(1);
  world.acquire(0, {LockSpace::user, ""}, LockMode::shared);
  world.acquire(0, {LockSpace::user, std::string(256, 'x')}, LockMode::shared);
  CHECK(world.take_events(0).size() == 2);
  CHECK(world.session(0).waiting_count() == 0);
}

TEST_CASE("a session forgets names that it neither holds nor awaits") {
  World world(1);
  for (int n = 0; n < 1000; ++n) {
    const LockName name{LockSpace::metric, fmt::format("m{}", n)};
    world.acquire(0, name, LockMode::shared);
    world.settle();
    world.session(0).end_use(name, world.session(0).held(name)->token, world.now_of(0));
  }
  world.run(seconds{3});
  CHECK(world.session(0).held_count() == 0);
  CHECK(world.session(0).waiting_count() == 0);
  CHECK(world.broker().table().figures().names == 0);
}

TEST_CASE("frames of another cluster, for another instance, or torn are dropped with an error") {
  World world(1);
  Bytes frame;
  encode(frame, Envelope{0, "elsewhere", 5, 1}, LockWelcome{1, 2, 3000, 1});
  CHECK_FALSE(world.session(0).on_frame(frame, world.now_of(0)));
  CHECK_FALSE(world.broker().on_frame("peer1", frame, world.now()));
  frame.clear();
  encode(frame, Envelope{0, "world", 5, 424242}, LockWelcome{1, 2, 3000, 1});
  CHECK_FALSE(world.session(0).on_frame(frame, world.now_of(0)));
  frame.resize(frame.size() - 1);
  CHECK_FALSE(world.session(0).on_frame(frame, world.now_of(0)));
  CHECK_FALSE(world.broker().on_frame("peer1", frame, world.now()));
  CHECK(world.session(0).open());
}

}  // namespace mas
