#include "wire/lock_messages.hpp"

#include <memory>

#include "support/catch.hpp"
#include "wire/encode.hpp"

namespace mas {
namespace {

Envelope envelope() { return {0, "test", 11, 22}; }

/// A copy of exactly its size, so that the address sanitizer sees every read beyond it.
struct Exact {
  explicit Exact(ByteView bytes) : data(new std::uint8_t[bytes.size()]), size(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data.get());
  }
  [[nodiscard]] ByteView view() const { return {data.get(), size}; }
  std::unique_ptr<std::uint8_t[]> data;
  std::size_t size;
};

LockRequest a_release() {
  LockRequest release;
  release.op = LockRequest::Op::release;
  release.name = {LockSpace::journal, "j"};
  release.token = 0x500000007;
  release.end = LockEnd::unclean;
  release.value = LockValue{true, std::string(128, 'v')};
  return release;
}

LockAnswer a_grant() {
  LockAnswer granted;
  granted.op = LockAnswer::Op::granted;
  granted.name = {LockSpace::metric, std::string(255, 'n')};
  granted.grant = {LockMode::exclusive, 0x500000007, true, {true, "value"}};
  return granted;
}

}  // namespace

TEST_CASE("every request item reads back as it was written, many in one message") {
  using Op = LockRequest::Op;
  Bytes items;
  std::vector<LockRequest> written;
  for (const auto op : {Op::acquire, Op::cancel, Op::convert_down, Op::convert_up, Op::unable,
                        Op::keep, Op::reclaim}) {
    LockRequest request;
    request.op = op;
    request.name = {LockSpace::metric, "cpu"};
    if (op != Op::acquire && op != Op::cancel) request.token = 7;
    if (op == Op::acquire || op == Op::convert_down || op == Op::reclaim) {
      request.mode = LockMode::append;
    }
    if (op == Op::convert_down) request.value = LockValue{};
    if (op == Op::reclaim) request.end = LockEnd::unclean;
    request.wait = op == Op::convert_up;
    written.push_back(request);
  }
  written.push_back(a_release());
  for (const auto& request : written) append_item(items, request);

  Bytes frame;
  encode(frame, envelope(), LockMessage::requests, LockItems{9, 3, 2, items});
  Decoder in(frame);
  const auto from = decode_envelope(in);
  REQUIRE(from);
  CHECK(static_cast<LockMessage>(from->type) == LockMessage::requests);
  LockItems message;
  REQUIRE(decode_requests(in, message));
  CHECK(message.session == 9);
  CHECK(message.number == 3);
  CHECK(message.seen == 2);
  ByteReader reader(message.items);
  for (const auto& expected : written) {
    LockRequest read;
    REQUIRE(next_item(reader, read));
    CHECK(read.op == expected.op);
    CHECK(read.name == expected.name);
    CHECK(read.token == expected.token);
    CHECK(read.mode == expected.mode);
    CHECK(read.end == expected.end);
    CHECK(read.wait == expected.wait);
    CHECK(read.value == expected.value);
  }
  CHECK(reader.done());
}

TEST_CASE("every answer item reads back as it was written") {
  using Op = LockAnswer::Op;
  Bytes items;
  std::vector<LockAnswer> written{a_grant(), a_grant()};
  written[1].op = Op::converted;
  for (const auto op : {Op::refused, Op::not_converted, Op::recall}) {
    LockAnswer answer;
    answer.op = op;
    answer.name = {LockSpace::user, "x"};
    if (op != Op::refused) answer.grant.token = 5;
    if (op == Op::recall) answer.wanted = LockMode::exclusive;
    if (op != Op::recall) answer.why = LockRefusal::contended;
    written.push_back(answer);
  }
  for (const auto& answer : written) append_item(items, answer);
  ByteReader reader(items);
  for (const auto& expected : written) {
    LockAnswer read;
    REQUIRE(next_item(reader, read));
    CHECK(read.op == expected.op);
    CHECK(read.name == expected.name);
    CHECK(read.grant == expected.grant);
    CHECK(read.wanted == expected.wanted);
    if (expected.op != Op::recall) CHECK(read.why == expected.why);
  }
  CHECK(reader.done());
}

TEST_CASE("a message cut anywhere, or with any byte changed, is refused or read without overrun") {
  Bytes items;
  append_item(items, a_release());
  Bytes frame;
  encode(frame, envelope(), LockMessage::requests, LockItems{9, 1, 0, items});
  for (std::size_t size = 0; size < frame.size(); ++size) {
    const Exact cut(ByteView(frame).first(size));
    Decoder in(cut.view());
    LockItems message;
    CHECK_FALSE((decode_envelope(in) && decode_requests(in, message)));
  }
  for (std::size_t at = 0; at < frame.size(); ++at) {
    for (const auto value : {0x00, 0x7f, 0x80, 0xff}) {
      Bytes changed = frame;
      changed[at] = static_cast<std::uint8_t>(value);
      const Exact exact(changed);
      Decoder in(exact.view());
      LockItems message;
      if (decode_envelope(in) && decode_requests(in, message)) {
        ByteReader reader(message.items);
        LockRequest request;
        while (next_item(reader, request)) CHECK(request.name.text.size() <= lock_name_bytes_max);
        CHECK(reader.done());  // what was accepted can be read to its end
      }
    }
  }
}

TEST_CASE("messages whose items break a bound are refused") {
  const auto decoded = [](ByteView items, std::uint64_t number) {
    Bytes frame;
    encode(frame, envelope(), LockMessage::requests, LockItems{9, number, 0, items});
    Decoder in(frame);
    LockItems message;
    return decode_envelope(in) && decode_requests(in, message);
  };
  LockRequest request;
  request.name = {LockSpace::metric, "m"};
  Bytes full;
  for (std::uint32_t n = 0; n < lock_items_max; ++n) append_item(full, request);
  CHECK(decoded(full, 1));
  CHECK_FALSE(decoded(full, 0));  // numbers start at 1
  append_item(full, request);
  CHECK_FALSE(decoded(full, 1));
  CHECK_FALSE(decoded({}, 1));                       // no items at all
  CHECK_FALSE(decoded(Bytes{1, 1, 0, 1}, 1));        // an empty name
  CHECK_FALSE(decoded(Bytes{1, 9, 1, 'm', 1}, 1));   // no such space
  CHECK_FALSE(decoded(Bytes{1, 1, 1, 'm', 4}, 1));   // no such mode
  CHECK_FALSE(decoded(Bytes{77, 1, 1, 'm', 1}, 1));  // no such operation
  CHECK_FALSE(decoded(Bytes{8, 1, 1, 'm', 1, 0, 0, 0, 0, 0, 0, 0}, 1));
}

TEST_CASE("session messages of the lock port read back as they were written") {
  Bytes frame;
  encode(frame, envelope(), LockHeartbeat{9, 4, {7, 6, true}, true});
  Decoder in(frame);
  REQUIRE(decode_envelope(in));
  LockHeartbeat heartbeat;
  REQUIRE(decode(in, heartbeat));
  CHECK(heartbeat.session == 9);
  CHECK(heartbeat.number == 4);
  CHECK(heartbeat.stream.sent == 7);
  CHECK(heartbeat.stream.seen == 6);
  CHECK(heartbeat.stream.resend);
  CHECK(heartbeat.leaving);

  frame.clear();
  encode(frame, envelope(), LockEnded{9, LockSessionEnd::refused, 3});
  Decoder ended_in(frame);
  REQUIRE(decode_envelope(ended_in));
  LockEnded ended;
  REQUIRE(decode(ended_in, ended));
  CHECK(ended.why == LockSessionEnd::refused);
  CHECK(ended.epoch == 3);

  frame.clear();
  encode(frame, envelope(), LockHello{5, 6, 8, 9, "worker", 7});
  Decoder hello_in(frame);
  REQUIRE(decode_envelope(hello_in));
  LockHello hello;
  REQUIRE(decode(hello_in, hello));
  CHECK(hello.number == 5);
  CHECK(hello.highest_epoch == 6);
  CHECK(hello.highest_broker == 8);
  CHECK(hello.highest_ttl_ms == 9);
  CHECK(hello.worker == "worker");
  CHECK(hello.session == 7);

  frame.clear();
  encode(frame, envelope(), LockWelcome{5, 7, 3000, 6});
  Decoder welcome_in(frame);
  REQUIRE(decode_envelope(welcome_in));
  LockWelcome welcome;
  REQUIRE(decode(welcome_in, welcome));
  CHECK(welcome.number == 5);
  CHECK(welcome.session == 7);
  CHECK(welcome.ttl_ms == 3000);
  CHECK(welcome.epoch == 6);

  frame.clear();
  encode(frame, envelope(), LockDeparted{12});
  Decoder departed_in(frame);
  REQUIRE(decode_envelope(departed_in));
  LockDeparted departed;
  REQUIRE(decode(departed_in, departed));
  CHECK(departed.instance == 12);
}

}  // namespace mas
