#include "answers.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

TEST_CASE("100,000 pipelined LOGs are stored, each exactly once") {
  const System system;
  constexpr std::size_t count = 100'000;
  std::string requests;
  for (std::size_t i = 0; i < count; ++i) requests += "LOG m " + std::to_string(i) + "\n";
  TextClient client = system.connect();
  client.send(requests);
  client.send("QUERY m COUNT 3600\nQUERY m MAX 3600\nQUERY m MIN 3600\n");
  std::size_t inserted = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (client.read_line() == reply_inserted) ++inserted;
  CHECK(inserted == count);
  CHECK(client.read_line() == "200 [100000]");
  CHECK(client.read_line() == "200 [99999.0]");
  CHECK(client.read_line() == "200 [0.0]");

  // Samples of one connection keep their order.
  client.send("QUERY m MAX 0\n");
  std::string expected = "200 [0.0";
  for (std::size_t i = 1; i < count; ++i) expected += ", " + std::to_string(i) + ".0";
  CHECK(client.read_line() == expected + "]");
}

TEST_CASE("replies beyond what the gateway holds for one client all come, however it reads") {
  const System system;
  // Answered at once, 36 times as long as their requests: far more than 1 MiB by one read.
  constexpr std::size_t count = 100'000;
  std::string requests;
  for (std::size_t i = 0; i < count; ++i) requests += "x\n";
  TextClient client = system.connect();
  client.send(requests);
  std::size_t replies = 0;
  while (replies < count && client.read_line() == reply_unknown) ++replies;
  CHECK(replies == count);
}

TEST_CASE("a QUERY sees every LOG that its connection sent before it, and none sent after") {
  const System system(System::Options().pools(2, 2, 2));
  std::string requests;
  std::string expected;
  for (int i = 1; i <= 300; ++i) {
    requests += "LOG m 1\nQUERY m COUNT 3600\n";
    expected += line(reply_inserted) + "200 [" + std::to_string(i) + "]\n";
  }
  CHECK(answers_to(system, requests) == expected);
}

TEST_CASE("a NEW-ALERT finds the metric that its connection logged just before") {
  const System system;
  std::string requests;
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const auto id = "m" + std::to_string(i);
    requests += "NEW-ALERT " + id + " MAX 1 5\nLOG " + id + " 1\nNEW-ALERT " + id + " MAX 1 5\n";
    expected += line(reply_not_found) + line(reply_inserted) + line(reply_registered);
  }
  CHECK(answers_to(system, requests) == expected);
}

TEST_CASE("replies come in the order of the requests, whoever answers first") {
  const System system(System::Options().pools(2, 2, 2));
  std::string requests;
  std::string expected;
  for (int i = 0; i < 200; ++i) {
    const auto id = "m" + std::to_string(i % 17);
    const auto unseen = "u" + std::to_string(i);
    requests += "LOG " + id + " 1\nFOO\nQUERY " + unseen + " MAX 1\nLOG " + id + " x\nQUERY " +
                unseen + "\nNEW-ALERT " + unseen + " MIN 1 1\n\nLOG " + id + " 2\n";
    expected += line(reply_inserted) + line(reply_unknown) + line(reply_not_found) +
                line(reply_bad_log) + line(reply_bad_query) + line(reply_not_found) +
                line(reply_unknown) + line(reply_inserted);
  }
  const auto replies = lines_of(answers_to(system, requests));
  const auto wanted = lines_of(expected);
  REQUIRE(replies.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(i);
    REQUIRE(replies[i] == wanted[i]);
  }
}

TEST_CASE("many connections at once each get their own answers") {
  // Promised is each one's own answer, not how soon a machine that does other work gives it.
  const System system(System::Options()
                          .pools(2, 2, 2)
                          .environment("MAS_LOG_TIMEOUT", "1m")
                          .environment("MAS_LEASE_TTL", "30s")
                          .environment("MAS_REQUEST_TIMEOUT", "1m"));
  constexpr int connections = 100;
  constexpr int metrics = 40;
  std::vector<TextClient> clients;
  for (int i = 0; i < connections; ++i) clients.push_back(system.connect());
  for (int i = 0; i < connections; ++i) {
    std::string requests;
    for (int m = 0; m < metrics; ++m)
      requests += "LOG c" + std::to_string(i) + ".m" + std::to_string(m) + " " +
                  std::to_string(i * metrics + m) + "\n";
    clients[static_cast<std::size_t>(i)].send(requests);
  }
  for (auto& client : clients)
    for (int m = 0; m < metrics; ++m) REQUIRE(client.read_line() == reply_inserted);
  // Everybody reads what the neighbour wrote.
  for (int i = 0; i < connections; ++i) {
    std::string requests;
    for (int m = 0; m < metrics; ++m)
      requests +=
          "QUERY c" + std::to_string((i + 1) % connections) + ".m" + std::to_string(m) + " MAX 0\n";
    clients[static_cast<std::size_t>(i)].send(requests);
  }
  for (int i = 0; i < connections; ++i)
    for (int m = 0; m < metrics; ++m)
      REQUIRE(clients[static_cast<std::size_t>(i)].read_line() ==
              "200 [" + std::to_string(((i + 1) % connections) * metrics + m) + ".0]");
}

TEST_CASE(
    "everything sent before the writing side was closed is answered, then the gateway closes") {
  const System system;
  std::string requests;
  for (int i = 0; i < 5000; ++i) requests += "LOG m 1\n";
  requests += "QUERY m COUNT 3600";
  const auto replies = lines_of(answers_to(system, requests));
  REQUIRE(replies.size() == 5001);
  CHECK(replies.back() == "200 [5000]");
}

}  // namespace
}  // namespace mas
