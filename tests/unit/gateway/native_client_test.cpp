#include "gateway/native_client.hpp"

#include <functional>
#include <limits>

#include "support/gateway_bench.hpp"

using namespace mas;
using namespace mas::test;

namespace {

struct NativeReplySeen {
  std::uint64_t request = 0;
  std::uint64_t code = 0;
  bool last = false;
  std::string body;
};

/// A native client in the place of the bench's text clients.
class NativeBench final : public Answers {
 public:
  NativeBench() : dispatcher({}, "mas", 7, *this), client(1, intake) {}

  Result<void> ask(std::uint32_t fields, std::uint64_t request, std::string_view command,
                   const std::function<void(Encoder&)>& rest) {
    Bytes message;
    Encoder encoder(message, fields);
    encoder.u64(native_version).u64(request).str(command);
    rest(encoder);
    return client.on_request(message, now);
  }
  std::vector<NativeReplySeen> replies() {
    std::vector<NativeReplySeen> out;
    while (const auto* frame = client.next_reply()) {
      Decoder in(*frame);
      CHECK(in.u64() == native_version);
      NativeReplySeen reply;
      reply.request = in.u64();
      reply.code = in.u64();
      reply.last = in.boolean();
      Decoder again(*frame);
      static_cast<void>(again.u64());
      static_cast<void>(again.u64());
      static_cast<void>(again.u64());
      static_cast<void>(again.boolean());
      auto as_columns = again;
      const auto text = again.str(1000);
      reply.body = again.ok() ? std::string(text) : std::string(as_text(as_columns.bin()));
      out.push_back(reply);
      client.on_sent();
    }
    return out;
  }

  void on_outcome(Origin origin, Status status) override { client.on_outcome(origin.slot, status); }
  void on_noted(Origin origin) override { client.on_noted(origin.slot); }
  void on_chunk(Origin origin, ByteView body, bool last) override {
    client.on_chunk(origin.slot, body, last);
  }
  void on_cut(Origin origin) override { client.on_cut(origin.slot); }

  TurnTime now{.wall = wall_time(1), .mono = MonoTime{seconds{1}}};
  FixedZone zone;
  StampSource stamps;
  Dispatcher dispatcher;
  Intake intake{dispatcher, stamps, zone};
  NativeClient client;
};

}  // namespace

TEST_CASE("what a native client does not read is bounded, whatever it sends") {
  NativeBench bench;
  bool served = true;
  for (std::size_t count = 0; count < native_replies_max + 10; ++count) {
    served = bool(bench.ask(4, count, "LOG", [](Encoder& to) { to.str("cpu"); }));
    REQUIRE(served == (count < native_replies_max));
  }
  CHECK(bench.replies().size() == native_replies_max);
  // Once it has read it is served again.
  CHECK(bench.ask(4, 1, "LOG", [](Encoder& to) { to.str("cpu"); }));
  CHECK(bench.replies().size() == 1);
}

TEST_CASE("a native request without a worker is a 503 with its number") {
  NativeBench bench;
  REQUIRE(bench.ask(5, 77, "LOG", [](Encoder& to) { to.str("cpu").f64(0.5); }));
  const auto replies = bench.replies();
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].request == 77);
  CHECK(replies[0].code == 503);
  CHECK(replies[0].body == "The server is busy, try again later");
  CHECK(bench.client.idle());
}

TEST_CASE("malformed native requests get their 400, and what is no request gets nothing") {
  NativeBench bench;
  REQUIRE(bench.ask(4, 1, "LOG", [](Encoder& to) { to.str("cpu"); }));
  REQUIRE(bench.ask(5, 2, "LOG", [](Encoder& to) { to.str("c pu").f64(1); }));
  REQUIRE(bench.ask(5, 3, "LOG", [](Encoder& to) {
    to.str("cpu").f64(std::numeric_limits<double>::quiet_NaN());
  }));
  REQUIRE(bench.ask(6, 4, "LOG", [](Encoder& to) { to.str("cpu").f64(1).f64(1); }));
  REQUIRE(bench.ask(6, 5, "QUERY", [](Encoder& to) { to.str("cpu").str("SUM").i64(1); }));
  REQUIRE(bench.ask(6, 6, "QUERY", [](Encoder& to) { to.str("cpu").str("MAX").i64(-1); }));
  REQUIRE(bench.ask(3, 7, "FOO", [](Encoder&) {}));
  const auto replies = bench.replies();
  REQUIRE(replies.size() == 7);
  for (std::size_t at = 0; at < replies.size(); ++at) {
    CAPTURE(at);
    CHECK(replies[at].request == at + 1);
    CHECK(replies[at].code == 400);
  }
  CHECK(replies[6].body == "Bad Request -- Available commands: ['LOG', 'QUERY', 'NEW-ALERT']");
  CHECK_FALSE(bench.client.on_request(as_bytes("nonsense"), bench.now));
  CHECK_FALSE(bench.client.on_request({}, bench.now));
  CHECK(bench.replies().empty());
}
