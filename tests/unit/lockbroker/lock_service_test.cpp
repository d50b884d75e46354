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
    send(from, LockHello{1, 0, 0, "client", 0});
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
  void ask(InstanceId from, LockToken session, std::uint64_t number, LockRequest request) {
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

}  // namespace mas
