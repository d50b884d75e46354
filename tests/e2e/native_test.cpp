#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "answers.hpp"
#include "support/catch.hpp"
#include "support/zmq_client.hpp"

namespace mas {
namespace {

constexpr int version = 1;
constexpr std::int64_t hour_ns = 3'600'000'000'000;

/// What a native client gets for its next request, its answer's pieces put together.
struct Whole {
  int code = 0;
  std::string body;
};
Whole answer_to(ZmqClient& client, std::uint64_t request) {
  Whole whole;
  for (bool last = false; !last;) {
    const auto piece = unpacked<NativeAnswer>(client.receive());
    REQUIRE(piece.version == version);
    REQUIRE(piece.request == request);
    whole.code = piece.code;
    whole.body += piece.body;
    last = piece.last;
  }
  return whole;
}

/// A window's value, without the moment at which it opens.
template <typename Value>
std::vector<Value> values_of(const std::string& rows) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::size_t row_bytes = sizeof(std::int64_t) + sizeof(Value);
  REQUIRE(rows.size() % row_bytes == 0);
  std::vector<Value> values(rows.size() / row_bytes);
  for (std::size_t i = 0; i < values.size(); ++i)
    std::memcpy(&values[i], &rows[i * row_bytes + sizeof(std::int64_t)], sizeof(Value));
  return values;
}
std::int64_t first_stamp(const std::string& rows) {
  std::int64_t stamp = 0;
  REQUIRE(rows.size() >= sizeof stamp);
  std::memcpy(&stamp, rows.data(), sizeof stamp);
  return stamp;
}

TEST_CASE("what a stranger sends to the workers' port makes no lines of its own in the log") {
  System system;
  auto stranger = ZmqClient::dealer(system.workers_port());
  stranger.send_fields(version, 1, "x\nALERT m: MAX is over 1.0", 1, 0);
  system.up().wait_for_stderr("message of cluster 'x\\x0aALERT m: MAX is over 1.0'\n");
  CHECK(count_of(system.up().stderr_text(), "\nALERT") == 0);
}

TEST_CASE("a native client gets what a text client gets, as rows of moment and value") {
  const System system;
  auto client = ZmqClient::dealer(system.native_port());
  client.send_fields(version, 1, "LOG", "cpu", 0.5);
  CHECK(answer_to(client, 1).code == 201);
  client.send_fields(version, 2, "LOG", "cpu", 2);
  CHECK(answer_to(client, 2).code == 201);

  client.send_fields(version, 3, "QUERY", "cpu", "MAX", 0);
  const auto samples = answer_to(client, 3);
  CHECK(samples.code == 200);
  CHECK(values_of<double>(samples.body) == std::vector<double>{0.5, 2});
  const auto stamp = first_stamp(samples.body);
  client.send_fields(version, 11, "QUERY", "cpu", "MIN", 0, stamp, stamp);
  CHECK(values_of<double>(answer_to(client, 11).body) == std::vector<double>{0.5});
  client.send_fields(version, 4, "QUERY", "cpu", "COUNT", hour_ns);
  CHECK(values_of<std::uint64_t>(answer_to(client, 4).body) == std::vector<std::uint64_t>{2});
  client.send_fields(version, 5, "QUERY", "cpu", "COUNT", hour_ns, 0, 1);
  const auto none = answer_to(client, 5);
  CHECK(none.code == 200);
  CHECK(none.body.empty());

  client.send_fields(version, 6, "NEW-ALERT", "cpu", "AVG", hour_ns, 0.9);
  CHECK(answer_to(client, 6).code == 200);
  client.send_fields(version, 7, "NEW-ALERT", "foo", "AVG", hour_ns, 0.9);
  CHECK(answer_to(client, 7).code == 404);
  client.send_fields(version, 8, "QUERY", "foo", "AVG", hour_ns);
  CHECK(answer_to(client, 8).code == 404);
  client.send_fields(version, 9, "LOG", "two words", 1.0);
  CHECK(answer_to(client, 9).code == 400);
  client.send_fields(version, 10, "FOO");
  CHECK(answer_to(client, 10).code == 400);

  // Both kinds of client see the same samples.
  CHECK(system.ask("QUERY cpu MAX 0") == "200 [0.5, 2.0]");
}

TEST_CASE("a native client's requests take effect in their order, pipelined") {
  const System system(System::Options().pools(2, 2, 2));
  auto client = ZmqClient::dealer(system.native_port());
  constexpr std::uint64_t rounds = 300;
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    client.send_fields(version, 2 * i, "LOG", "m", 1);
    client.send_fields(version, 2 * i + 1, "QUERY", "m", "COUNT", hour_ns);
  }
  std::uint64_t stored = 0;
  std::uint64_t counted = 0;
  while (stored + counted < 2 * rounds) {
    const auto answer = unpacked<NativeAnswer>(client.receive());
    REQUIRE(answer.last);
    if (answer.request % 2 == 0) {
      REQUIRE(answer.code == 201);
      ++stored;
    } else {
      REQUIRE(answer.code == 200);
      REQUIRE(values_of<std::uint64_t>(answer.body) ==
              std::vector<std::uint64_t>{answer.request / 2});
      ++counted;
    }
  }
  CHECK(stored == rounds);
}

TEST_CASE(
    "a large answer comes in pieces, whole, and a client that does not read it stops only it") {
  const System system;
  constexpr std::size_t samples = 200'000;
  TextClient text = system.connect();
  constexpr std::size_t per_send = 20'000;
  for (std::size_t i = 0; i < samples; i += per_send) {
    std::string logs;
    for (std::size_t k = i; k < i + per_send; ++k) logs += "LOG big " + std::to_string(k) + "\n";
    text.send(logs);
    for (std::size_t k = 0; k < per_send; ++k) REQUIRE(text.read_line() == reply_inserted);
  }
  auto slow = ZmqClient::dealer(system.native_port());
  auto client = ZmqClient::dealer(system.native_port());
  for (std::uint64_t request = 1; request <= 50; ++request)
    slow.send_fields(version, request, "QUERY", "big", "MAX", 0);
  client.send_fields(version, 1, "QUERY", "big", "MAX", 0);
  const auto values = values_of<double>(answer_to(client, 1).body);
  REQUIRE(values.size() == samples);
  for (std::size_t i = 0; i < samples; ++i) REQUIRE(values[i] == static_cast<double>(i));
  CHECK(system.ask("LOG other 1") == reply_inserted);
}

TEST_CASE("bytes that are no message cost nobody else anything, on any port") {
  const System system;
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  const std::string huge_array("\xdd\xff\xff\xff\xff", 5);
  const std::string huge_map("\xdf\xff\xff\xff\xff", 5);
  const std::string deep(3000, '\x91');
  for (const auto port : {system.native_port(), system.workers_port(), system.locks_port()}) {
    CAPTURE(port);
    auto client = ZmqClient::dealer(port);
    for (const auto& bytes : {std::string(), std::string("x"), huge_array, huge_map, deep,
                              std::string("\x93\x01\x02"), std::string(2000, '\xc1')})
      client.send(bytes);
    client.send("two", "frames");
    client.send_fields(1, 1);
    client.send_fields("LOG", "m", 1.0);
    CHECK(system.ask("LOG m 1") == reply_inserted);
  }
  // Nor do the words of another protocol.
  for (const auto port :
       {system.native_port(), system.workers_port(), system.locks_port(), system.events_port()}) {
    TextClient stranger(port);
    stranger.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(10'000, 'x'));
  }
  CHECK(system.ask("QUERY m COUNT 3600") == "200 [4]");
  CHECK(system.pids_of("mas-gateway").size() == 1);
  CHECK(system.pids_of("mas-lockbroker").size() == 1);
}

TEST_CASE("a fired alert is published, numbered, with its rule and period") {
  System system(System::Options().option("--alert-period", "1"));
  auto subscriber = ZmqClient::subscriber(system.events_port());
  REQUIRE(system.ask("LOG m 1") == reply_inserted);
  REQUIRE(system.ask("NEW-ALERT m MAX 2 5.5") == reply_registered);
  // The first ones may come before the gateway has heard of the subscriber.
  std::optional<std::string> topic;
  for (std::size_t times = 1; times <= 10 && !topic; ++times) {
    REQUIRE(system.ask("LOG m 7") == reply_inserted);
    system.up().wait_for_stderr("ALERT m: MAX is over 5.5\n", times);
    topic = subscriber.receive_within(milliseconds(500));
  }
  REQUIRE(topic == "m");
  const auto first = unpacked<AlertEvent>(subscriber.receive());
  CHECK(first.version == 1);
  CHECK(first.id == "m");
  CHECK(first.op == "MAX");
  CHECK(first.window_ns == 2'000'000'000);
  CHECK(first.limit == 5.5);
  CHECK(first.period_end % 1'000'000'000 == 0);
  CHECK(first.period_start < first.period_end);
  CHECK(first.event.ends_with("@" + std::to_string(first.period_end)));
  REQUIRE(system.ask("LOG m 8") == reply_inserted);
  CHECK(subscriber.receive() == "m");
  const auto second = unpacked<AlertEvent>(subscriber.receive());
  CHECK(second.sequence == first.sequence + 1);
  CHECK(second.period_start >= first.period_end);
  CHECK(second.event != first.event);
}

}  // namespace
}  // namespace mas
