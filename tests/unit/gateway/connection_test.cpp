#include "gateway/connection.hpp"

#include <algorithm>
#include <deque>
#include <random>

#include "support/gateway_bench.hpp"

using namespace mas;
using namespace mas::test;

TEST_CASE("replies leave in the order of the requests, whatever order their answers come in") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::query);
  bench.type("LOG a 1\nQUERY b MAX 1\nFOO\n");
  const auto sent = bench.take();
  REQUIRE(sent.size() == 2);
  bench.chunk(2, sent[1].queries[0].request, "[2.0]");
  bench.take();
  CHECK(bench.got().empty());
  bench.answer_logs(1, sent[0]);
  bench.take();
  CHECK(bench.got() ==
        std::string(inserted) + "200 [2.0]\n" +
            "400 Bad Request -- Available commands: ['LOG', 'QUERY', 'NEW-ALERT']\n");
}

TEST_CASE("a QUERY sees every LOG its connection sent before it") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::query);
  bench.type("LOG m 1\nLOG m 2\nQUERY m COUNT 60\nQUERY other COUNT 60\n");
  const auto sent = bench.take();
  REQUIRE(sent.size() == 2);
  REQUIRE(sent[1].queries.size() == 1);
  CHECK(sent[1].queries[0].id == "other");  // unrelated commands are not stalled
  bench.answer_logs(1, sent[0]);
  const auto then = bench.take();
  REQUIRE(then.size() == 1);
  CHECK(then[0].queries[0].id == "m");
}

TEST_CASE("a LOG after a QUERY of its id is held until the QUERY has noted its lengths") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::query);
  bench.type("QUERY m COUNT 60\nLOG m 1\n");
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  REQUIRE(bench.from_worker(2, QueryNoted{.request = sent[0].queries[0].request}));
  const auto then = bench.take();
  REQUIRE(then.size() == 1);
  CHECK(then[0].ids == std::vector<std::string>{"m"});
}

TEST_CASE("what is left when the client closes its side is a request, answered before the end") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\nLOG b 2");
  bench.client().on_input_end();
  const auto first = bench.take();
  const auto second = bench.take();
  CHECK_FALSE(bench.client().over());
  for (const auto& sent : first) bench.answer_logs(1, sent);
  for (const auto& sent : second) bench.answer_logs(1, sent);
  bench.take();
  CHECK_FALSE(bench.client().over());  // not before it is written
  CHECK(bench.got() == std::string(inserted) + inserted);
  CHECK(bench.client().over());
}

TEST_CASE("what is left when the gateway stops reading is no request, as its rest is not known") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\nLOG b 2");  // of LOG b 25, say
  bench.client().stop_input();
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].ids == std::vector<std::string>{"a"});
  CHECK(bench.take().empty());
  bench.answer_logs(1, sent[0]);
  bench.take();
  CHECK(bench.got() == inserted);
  CHECK(bench.client().over());
}

TEST_CASE("what the client left at its own end stays a request when the gateway stops after that") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1");
  bench.client().on_input_end();
  bench.client().stop_input();
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].ids == std::vector<std::string>{"a"});
}

TEST_CASE("a long pipeline is slowed, never refused") {
  GatewayBench bench;
  bench.pending_max = 4;
  bench.join(1, Pool::ingest);
  std::string lines;
  for (int line = 0; line < 50; ++line) lines += "LOG a 1\n";
  bench.type(lines);
  CHECK_FALSE(bench.client().wants_input());
  std::string got;
  for (int turn = 0; turn < 50 && got.size() < 50 * std::string(inserted).size(); ++turn) {
    for (const auto& sent : bench.take()) {
      CHECK(sent.ids.size() <= 4);
      bench.answer_logs(1, sent);
    }
    got += bench.got();
  }
  CHECK(got.size() == 50 * std::string(inserted).size());
  CHECK(got.find("503") == std::string::npos);
  CHECK(bench.client().wants_input());
}

TEST_CASE("a client that reads late gets every reply: writing says when there is room again") {
  GatewayBench bench;
  const std::size_t lines = 3 * output_bytes_max / std::string("400 Bad Request").size();
  std::string text;
  for (std::size_t line = 0; line < lines; ++line) text += "x\n";
  bench.type(text);
  bench.take();
  auto& client = bench.client();
  CHECK_FALSE(client.on_written(0));
  std::size_t got = 0;
  bool goes_on = true;
  while (goes_on) {
    const auto ready = client.output();
    got += static_cast<std::size_t>(std::count(ready.begin(), ready.end(), '\n'));
    goes_on = client.on_written(ready.size());
    if (goes_on) client.go_on(bench.pending_max, bench.now);
  }
  CHECK(got == lines);
  CHECK(client.wants_input());
}

TEST_CASE("answers that wait for room in the output move on when it is written") {
  GatewayBench bench;
  bench.join(1, Pool::query, 8);
  bench.type("QUERY a MAX 0\nQUERY b MAX 0\n");
  const auto asked = bench.take();
  REQUIRE(asked.size() == 1);
  const std::string chunk(output_bytes_max, '1');
  bench.chunk(1, asked[0].queries[0].request, chunk);
  bench.chunk(1, asked[0].queries[1].request, "[2.0]");
  bench.take();
  auto& client = bench.client();
  CHECK(client.output().size() == chunk.size() + 5);
  CHECK_FALSE(client.on_written(5));  // still full
  REQUIRE(client.on_written(client.output().size()));
  client.go_on(bench.pending_max, bench.now);
  CHECK(bench.got() == "200 [2.0]\n");
}

TEST_CASE("a chain of requests that each wait for the one before is refused without recursion") {
  GatewayBench bench;
  bench.pending_max = 100'000;
  bench.join(1, Pool::ingest);
  std::string lines;
  for (int pair = 0; pair < 20'000; ++pair) lines += "LOG a 1\nQUERY a MAX 1\n";
  bench.type(lines);
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].ids.size() == 1);
  bench.dispatcher.on_unreachable(1, bench.now.mono);
  std::string got;
  for (bool more = true; more;) {  // in portions, as unwritten replies are bounded
    bench.take();
    const auto part = bench.got();
    more = !part.empty();
    got += part;
  }
  CHECK(got.size() == 40'000 * std::string(busy).size());
}

// Three clients send random commands in random pieces; workers answer late, in any order, die and
// come back. Each reply must be the right one for its request, in order, and a QUERY must count
// exactly the LOGs of its id before it that were stored, per client.
TEST_CASE("mixed pipelines keep their order under random delays and deaths of workers") {
  for (unsigned seed = 1; seed <= 150; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto pick = [&](unsigned count) { return random() % count; };
    GatewayBench bench;
    bench.pending_max = 1 + pick(30);
    WorkerId next_worker = 1;
    WorkerId ingest = 0;
    WorkerId query = 0;
    const auto hire = [&] {
      if (ingest == 0) bench.join(ingest = next_worker++, Pool::ingest);
      if (query == 0) bench.join(query = next_worker++, Pool::query);
    };
    hire();

    struct Expected {
      bool is_log = false;
      std::string id;
    };
    struct Client {
      std::string unsent;
      std::deque<Expected> expected;
      std::string got;
      std::map<std::string, int> stored;  ///< LOGs answered 201 so far, in reply order
    };
    std::map<std::uint64_t, Client> clients;
    for (std::uint64_t number = 1; number <= 3; ++number) {
      auto& client = clients[number];
      for (int command = 0; command < 60; ++command) {
        // Ids of one client alone, so that the model needs to know no interleaving.
        const auto id = "m" + std::to_string(number) + "-" + std::to_string(pick(2));
        const bool is_log = pick(3) != 0;
        client.expected.push_back({is_log, id});
        client.unsent += is_log ? "LOG " + id + " 1\n" : "QUERY " + id + " COUNT 0\n";
      }
    }

    std::map<std::string, int> stored;  // by the worker
    struct Work {
      WorkerId worker;
      GatewayBench::Sent sent;
      std::size_t query = 0;
      int count = -1;  ///< a QUERY's answer, once it has noted its lengths
    };
    std::vector<Work> open;
    const auto kill = [&](WorkerId& worker) {
      // What it had not answered is not stored here: a 503 allows either, and this one the model
      // can check.
      std::erase_if(open, [&](const Work& work) { return work.worker == worker; });
      bench.dispatcher.on_unreachable(worker, bench.now.mono);
      worker = 0;
    };
    for (int step = 0; step < 5000; ++step) {
      for (auto& [number, client] : clients) {
        if (!bench.client(number).wants_input() || client.unsent.empty() || pick(2) == 0) continue;
        const auto size = std::min<std::size_t>(client.unsent.size(), 1 + pick(40));
        bench.type(client.unsent.substr(0, size), number);
        client.unsent.erase(0, size);
      }
      for (auto& sent : bench.take()) {
        if (sent.type == WorkerMessage::log_batch) open.push_back({sent.to, sent});
        for (std::size_t at = 0; at < sent.queries.size(); ++at)
          open.push_back({sent.to, sent, at});
      }
      if (!open.empty() && pick(3) != 0) {
        const auto at = pick(static_cast<unsigned>(open.size()));
        auto& work = open[at];
        bool over = true;
        if (work.sent.type == WorkerMessage::log_batch) {
          const bool stores = pick(10) != 0;
          if (stores) {
            for (const auto& id : work.sent.ids) ++stored[id];
          }
          bench.answer_logs(work.worker, work.sent, stores ? Status::done : Status::busy);
        } else {
          const auto& asked = work.sent.queries[work.query];
          if (work.count < 0) {
            work.count = stored[asked.id];
            REQUIRE(bench.from_worker(work.worker, QueryNoted{.request = asked.request}));
            over = false;
          } else {
            bench.chunk(work.worker, asked.request, std::to_string(work.count));
          }
        }
        if (over) open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
      }
      if (pick(60) == 0) kill(pick(2) == 0 ? ingest : query);
      hire();
      bool all = true;
      for (auto& [number, client] : clients) {
        client.got += bench.got(number);
        for (auto end = client.got.find('\n'); end != std::string::npos;
             end = client.got.find('\n')) {
          const auto reply = client.got.substr(0, end + 1);
          client.got.erase(0, end + 1);
          REQUIRE_FALSE(client.expected.empty());
          const auto expected = client.expected.front();
          client.expected.pop_front();
          if (reply == busy) continue;
          if (expected.is_log) {
            REQUIRE(reply == inserted);
            ++client.stored[expected.id];
          } else {
            REQUIRE(reply == "200 " + std::to_string(client.stored[expected.id]) + "\n");
          }
        }
        all = all && client.expected.empty();
      }
      if (all) break;
    }
    for (auto& [number, client] : clients) CHECK(client.expected.empty());
  }
}
