#include "lockbroker/lock_service.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

constexpr milliseconds lease_ttl{1000};
constexpr InstanceId broker_instance = 9;
const LockName cpu{LockSpace::metric, "cpu"};

/// A broker and one client that is written by hand, frame by frame.
struct Broker {
  explicit Broker(LockTableOptions table = {}) : service(with(table)) { pass(milliseconds{0}); }

  static LockServiceOptions with(LockTableOptions table) {
    table.lease_ttl = lease_ttl;
    LockServiceOptions options;
    options.cluster = "test";
    options.instance = broker_instance;
    options.table = table;
    return options;
  }

  /// Lets time pass in steps, with everything read.
  void pass(milliseconds span) {
    const auto until = now + span;
    for (;;) {
      service.on_time(now);
      if (now >= until) return;
      now = std::min(until, now + milliseconds{50});
    }
  }
  template <typename Message>
  void send(InstanceId from, const Message& message) {
    Bytes frame;
    encode(frame, Envelope{0, "test", from, broker_instance}, message);
    REQUIRE(service.on_frame("peer", frame, now));
  }
  LockToken open(InstanceId from) {
    send(from, LockHello{1, 0, 0, 0, "client", 0});
    std::vector<LockServiceFrame> frames;
    service.take_frames(frames);
    for (const auto& frame : frames) {
      Decoder in(frame.frame);
      const auto envelope = decode_envelope(in);
      LockWelcome welcome;
      if (envelope && envelope->to == from && decode(in, welcome)) return welcome.session;
    }
    FAIL("no welcome");
    return 0;
  }
  void ask(InstanceId from, LockToken session, std::uint64_t number, const LockRequest& request) {
    Bytes items;
    append_item(items, request);
    Bytes frame;
    encode(frame, Envelope{0, "test", from, broker_instance}, LockMessage::requests,
           LockItems{session, number, 0, items});
    REQUIRE(service.on_frame("peer", frame, now));
  }
  void acquire(InstanceId from, LockToken session, std::uint64_t number, LockMode mode) {
    LockRequest request;
    request.op = LockRequest::Op::acquire;
    request.name = cpu;
    request.mode = mode;
    ask(from, session, number, request);
  }
  [[nodiscard]] std::size_t holders() const { return service.table().figures().holders; }

  LockService service;
  MonoTime now{seconds{1000}};
};

}  // namespace

TEST_CASE("a flood of messages does not keep the dead from expiring") {
  Broker broker;
  static_cast<void>(broker.open(1));
  const auto until = broker.now + 2 * lease_ttl;
  for (; broker.now < until; broker.now += milliseconds{10})
    broker.service.on_time(broker.now, false);
  CHECK(broker.service.table().figures().sessions == 0);
}

TEST_CASE("a broker that was stopped reads what waits before anybody expires") {
  Broker broker;
  const auto session = broker.open(1);
  broker.now += 5 * lease_ttl;
  broker.service.on_time(broker.now, false);
  broker.now += milliseconds{100};
  broker.service.on_time(broker.now, false);
  CHECK(broker.service.table().knows(session));
}

TEST_CASE("hearing of a later broker never shortens the wait for longer leases of before") {
  LockTableOptions table;
  table.grants_from = MonoTime{seconds{1000}} + 60 * lease_ttl;
  Broker broker(table);
  broker.send(1, LockHello{1, 7, 5, 0, "client", 0});
  REQUIRE(broker.service.wanted_epoch() == 8);
  broker.service.raise_epoch(8, broker.now);
  broker.pass(59 * lease_ttl);
  CHECK_FALSE(broker.service.table().granting());
  broker.pass(2 * lease_ttl);
  CHECK(broker.service.table().granting());
}

TEST_CASE("a broker that cannot write down a higher epoch grants nothing meanwhile") {
  Broker broker;
  const auto session = broker.open(1);
  REQUIRE(broker.service.table().granting());
  broker.send(2, LockHello{1, 7, 5, 0, "client", 0});
  broker.acquire(1, session, 1, LockMode::exclusive);
  CHECK(broker.holders() == 0);
  broker.now += lease_ttl / 2;  // the disk is full
  broker.service.on_time(broker.now);
  broker.send(1, LockHeartbeat{session, 1, {}, false});
  broker.now += lease_ttl * 3 / 4;
  broker.service.on_time(broker.now);
  CHECK(broker.holders() == 0);
  broker.service.raise_epoch(8, broker.now);
  for (std::uint64_t number = 2; number < 8; ++number) {
    broker.send(1, LockHeartbeat{session, number, {}, false});
    broker.pass(lease_ttl / 4);
  }
  CHECK(broker.holders() == 1);
}

TEST_CASE("what a broker knows of names is doubted once it hears of a later broker") {
  Broker broker;
  const auto session = broker.open(1);
  broker.acquire(1, session, 1, LockMode::shared);  // keeps the name, and how it ended
  REQUIRE(broker.holders() == 1);
  REQUIRE(broker.service.table().names_clean());
  broker.send(2, LockHello{1, 7, 5, 0, "client", 0});
  broker.service.raise_epoch(8, broker.now);
  const auto writer = broker.open(3);
  broker.acquire(3, writer, 1, LockMode::append);
  for (std::uint64_t number = 1; number < 6; ++number) {
    broker.send(1, LockHeartbeat{session, number, {}, false});
    broker.send(3, LockHeartbeat{writer, number, {}, false});
    broker.pass(lease_ttl / 4);
  }
  std::vector<LockServiceFrame> frames;
  broker.service.take_frames(frames);
  std::optional<Grant> granted;
  for (const auto& frame : frames) {
    Decoder in(frame.frame);
    const auto from = decode_envelope(in);
    LockItems answers;
    if (!from || from->to != 3 || from->type != static_cast<std::uint8_t>(LockMessage::answers) ||
        !decode_answers(in, answers)) {
      continue;
    }
    ByteReader items(answers.items);
    LockAnswer answer;
    while (next_item(items, answer)) granted = answer.grant;
  }
  REQUIRE(granted);
  CHECK_FALSE(granted->previous_end_clean);
}

TEST_CASE("no claim of a client uses the epochs up") {
  Broker broker;
  constexpr std::uint32_t highest = 0xffffffff;
  constexpr std::uint32_t step = 1U << 20;
  for (;;) {
    const auto epoch = broker.service.table().epoch();
    broker.send(1,
                LockHello{1, epoch > highest - step ? highest : epoch + step, 5, 0, "client", 0});
    const auto wanted = broker.service.wanted_epoch();
    if (!wanted) break;
    REQUIRE(*wanted > epoch);
    broker.service.raise_epoch(*wanted, broker.now);
  }
  CHECK(broker.service.table().epoch() <= highest - step + 1);
}

}  // namespace mas
