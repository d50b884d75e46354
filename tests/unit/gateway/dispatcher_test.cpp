#include "gateway/dispatcher.hpp"

#include "support/gateway_bench.hpp"

using namespace mas;
using namespace mas::test;

TEST_CASE("without a worker each command is a 503 at once, and a malformed one still a 400") {
  GatewayBench bench;
  bench.type("LOG m 1\nQUERY m MAX 1\nNEW-ALERT m MAX 1 1\nLOG m x\n");
  bench.take();
  CHECK(bench.got() ==
        std::string(busy) + busy + busy + "400 Bad Request -- LOG <id:str> <value:float>\n");
}

TEST_CASE("all LOGs of a turn, from all connections, go out as one message per worker") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\nLOG b 2\n", 1);
  bench.type("LOG c 3\n", 2);
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].ids == std::vector<std::string>{"a", "b", "c"});
  CHECK(std::is_sorted(sent[0].stamps.begin(), sent[0].stamps.end()));
  CHECK(bench.got(1).empty());
  bench.answer_logs(1, sent[0]);
  bench.take();
  CHECK(bench.got(1) == std::string(inserted) + inserted);
  CHECK(bench.got(2) == inserted);
}

TEST_CASE("a worker that is not ready gets nothing") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  REQUIRE(bench.from_worker(1, WorkerHeartbeat{.ready = false}));
  bench.type("LOG a 1\n");
  CHECK(bench.take().empty());
  CHECK(bench.got() == busy);
}

TEST_CASE("samples wait for credit, and a full queue is a 503 at once") {
  GatewayBench bench({.queued_samples_max = batch_samples_max});
  bench.pending_max = 100'000;
  bench.join(1, Pool::ingest, batch_samples_max);
  std::string lines;
  for (std::uint32_t count = 0; count < batch_samples_max; ++count) lines += "LOG a 1\n";
  bench.type(lines);
  const auto first = bench.take();
  REQUIRE(first.size() == 1);
  bench.type(lines);
  CHECK(bench.take().empty());  // no credit left
  bench.type("LOG a 1\n", 2);
  bench.take();
  CHECK(bench.got(2) == busy);
  bench.answer_logs(1, first[0]);
  CHECK(bench.take().size() == 1);
}

TEST_CASE("when a worker dies its unanswered LOGs are 503 at once and are never sent again") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\n");
  const auto sent = bench.take();
  bench.join(2, Pool::ingest);
  SECTION("unreachable") { bench.dispatcher.on_unreachable(1, bench.now.mono); }
  SECTION("silent") {
    bench.pass(silence_max);
    REQUIRE(bench.from_worker(2, WorkerHeartbeat{.ready = true}));
    bench.dispatcher.on_time(bench.now.mono);
  }
  SECTION("dialled anew") {
    Bytes frame;
    encode(frame, {.type = 0, .cluster = "mas", .from = GatewayBench::instance_of(1), .to = 0},
           Hello{.pool = Pool::ingest, .name = "w", .credit = 65'536, .credit_bytes = 16 * MiB});
    REQUIRE(bench.dispatcher.on_message(3, frame, bench.now.mono));
  }
  CHECK(bench.take().empty());
  CHECK(bench.got() == busy);
  // Its late answer changes nothing.
  Bytes ranges;
  append_range(ranges, {0, 1, Status::done});
  static_cast<void>(bench.from_worker(1, LogAnswer{.batch = sent[0].batch, .ranges = ranges}));
  bench.take();
  CHECK(bench.got().empty());
}

TEST_CASE("a LOG without an answer in time is a 503, and its late answer is not told") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\n");
  const auto sent = bench.take();
  for (int beat = 0; beat < 3; ++beat) {
    bench.pass(milliseconds{900});
    REQUIRE(bench.from_worker(1, WorkerHeartbeat{.ready = true}));
    bench.dispatcher.on_time(bench.now.mono);
  }
  bench.take();
  CHECK(bench.got() == busy);
  bench.answer_logs(1, sent[0]);
  bench.type("LOG a 2\n");
  const auto again = bench.take();
  bench.answer_logs(1, again[0]);
  bench.take();
  CHECK(bench.got() == inserted);
}

TEST_CASE("a gateway that ends refuses what is open and says farewell to every worker") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::query);
  bench.type("LOG a 1\nQUERY b MAX 1\n");
  bench.take();
  bench.dispatcher.close();
  bench.dispatcher.say_farewell();
  const auto last = bench.take(true);
  for (const WorkerId worker : {1U, 2U}) {
    CHECK(std::any_of(last.begin(), last.end(), [worker](const auto& message) {
      return message.to == worker && message.type == WorkerMessage::farewell;
    }));
  }
  CHECK(bench.got() == std::string(busy) + busy);
}

TEST_CASE("a worker that drains gets no new work, answers what it has, and hears a farewell") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\n");
  const auto sent = bench.take();
  bench.join(2, Pool::ingest);
  REQUIRE(bench.from_worker(1, Goodbye{}));
  bench.type("LOG a 2\nLOG b 3\n");
  const auto after = bench.take(true);
  CHECK(std::any_of(after.begin(), after.end(), [](const auto& message) {
    return message.to == 1 && message.type == WorkerMessage::farewell;
  }));
  for (const auto& message : after) {
    if (message.type == WorkerMessage::log_batch) CHECK(message.to == 2);
  }
  bench.answer_logs(1, sent[0]);
  bench.take();
  CHECK(bench.got() == inserted);
}

TEST_CASE("what was gathered for a worker that leaves goes to another one") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\nLOG b 2\n");
  bench.join(2, Pool::ingest);  // ends the turn, so these are sent
  bench.got();
  bench.type("LOG a 1\nLOG b 2\nLOG c 3\nLOG d 4\nLOG e 5\n");
  REQUIRE(bench.from_worker(1, WorkerHeartbeat{.ready = false}));
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].to == 2);
  CHECK(sent[0].ids.size() == 5);
}

TEST_CASE("a QUERY of which nothing was seen is asked again once when its worker dies") {
  GatewayBench bench;
  bench.join(1, Pool::query);
  bench.join(2, Pool::query);
  bench.type("QUERY m MAX 1\n");
  const auto first = bench.take();
  REQUIRE(first.size() == 1);
  bench.dispatcher.on_unreachable(first[0].to, bench.now.mono);
  const auto second = bench.take();
  REQUIRE(second.size() == 1);
  CHECK(second[0].to != first[0].to);
  SECTION("and answered by the other") {
    bench.chunk(second[0].to, second[0].queries[0].request, "[1.0]");
    bench.take();
    CHECK(bench.got() == "200 [1.0]\n");
  }
  SECTION("and is a 503 when the other dies too") {
    bench.dispatcher.on_unreachable(second[0].to, bench.now.mono);
    bench.join(3, Pool::query);
    CHECK(bench.take().empty());
    CHECK(bench.got() == busy);
  }
}

TEST_CASE("a QUERY whose answer was begun is cut when its worker dies") {
  GatewayBench bench;
  bench.join(1, Pool::query);
  bench.join(2, Pool::query);
  bench.type("QUERY m MAX 0\nQUERY m MIN 0\n");
  const auto sent = bench.take();
  const auto worker = sent[0].to;
  bench.chunk(worker, sent[0].queries[0].request, "[1.0, ", false);
  bench.take();
  CHECK(bench.got() == "200 [1.0, ");
  CHECK_FALSE(bench.client().over());
  bench.dispatcher.on_unreachable(worker, bench.now.mono);
  bench.take();
  CHECK(bench.got().empty());
  CHECK(bench.client().over());
}

TEST_CASE("a chunk of an answer is granted again once it has left for the client") {
  GatewayBench bench;
  bench.join(1, Pool::query);
  bench.type("QUERY m MAX 0\n");
  const auto request = bench.take()[0].queries[0].request;
  const std::string large(output_bytes_max, '1');
  bench.chunk(1, request, large, false);
  auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].type == WorkerMessage::query_credit);
  // The client reads nothing, so this one stays and nothing more is granted.
  bench.chunk(1, request, large, false);
  CHECK(bench.take().empty());
  CHECK_FALSE(bench.client().wants_input());
  bench.got();
  sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].requests == std::vector<std::uint64_t>{request});
}

TEST_CASE("the QUERYs of a client that is gone are cancelled") {
  GatewayBench bench;
  bench.join(1, Pool::query);
  bench.type("QUERY m MAX 0\n");
  const auto request = bench.take()[0].queries[0].request;
  bench.client().abandon();
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].type == WorkerMessage::query_cancel);
  CHECK(sent[0].requests == std::vector<std::uint64_t>{request});
  bench.chunk(1, request, "[1.0]");  // it crossed: nobody to tell
}

TEST_CASE("a QUERY without a sign of life in time is a 503 and is cancelled") {
  GatewayBench bench({.request_timeout = seconds{1}});
  bench.join(1, Pool::query);
  bench.type("QUERY a MAX 0\nQUERY b MAX 0\n");
  const auto sent = bench.take();
  REQUIRE(bench.from_worker(1, QueryNoted{.request = sent[0].queries[1].request}));
  bench.pass(seconds{1});
  bench.dispatcher.on_time(bench.now.mono);
  const auto cancelled = bench.take();
  REQUIRE(cancelled.size() == 1);
  CHECK(cancelled[0].requests[0] == sent[0].queries[0].request);
  CHECK(bench.got() == busy);
  bench.chunk(1, sent[0].queries[1].request, "[]");
  bench.take();
  CHECK(bench.got() == "200 []\n");
}

TEST_CASE("a QUERY that let later LOGs go is not asked again, as it would count them") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::query);
  bench.type("QUERY m COUNT 0\nLOG m 1\n");
  const auto asked = bench.take();
  REQUIRE(asked.size() == 1);
  REQUIRE(bench.from_worker(2, QueryNoted{.request = asked[0].queries[0].request}));
  const auto logged = bench.take();
  REQUIRE(logged.size() == 1);
  bench.answer_logs(1, logged[0]);
  bench.join(3, Pool::query);
  bench.dispatcher.on_unreachable(2, bench.now.mono);
  CHECK(bench.take().empty());
  CHECK(bench.got() == std::string(busy) + inserted);
}

TEST_CASE("a QUERY that is asked again has its time anew") {
  GatewayBench bench;
  bench.join(1, Pool::query);
  bench.join(2, Pool::query);
  bench.type("QUERY m MAX 1\n");
  const auto first = bench.take();
  REQUIRE(first.size() == 1);
  bench.pass(seconds{9});  // of the 10 s that it has
  bench.dispatcher.on_unreachable(first[0].to, bench.now.mono);
  const auto second = bench.take();
  REQUIRE(second.size() == 1);
  bench.pass(seconds{9});
  REQUIRE(bench.from_worker(second[0].to, WorkerHeartbeat{.ready = true}));
  bench.dispatcher.on_time(bench.now.mono);
  bench.chunk(second[0].to, second[0].queries[0].request, "[1.0]");
  bench.take();
  CHECK(bench.got() == "200 [1.0]\n");
}

TEST_CASE("a LOG that waited for an earlier request has its time from when it is sent") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::alerter);
  bench.type("NEW-ALERT m MAX 1 1\nLOG m 1\n");
  const auto asked = bench.take();
  REQUIRE(asked.size() == 1);
  bench.pass(seconds{3});  // more than a LOG may take
  REQUIRE(bench.from_worker(1, WorkerHeartbeat{.ready = true}));
  Bytes answers;
  append_outcome(answers, {asked[0].requests[0], Status::not_found});
  REQUIRE(bench.from_worker(2, AlertAnswer{.answers = answers}));
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  bench.pass(milliseconds{50});
  bench.dispatcher.on_time(bench.now.mono);
  bench.answer_logs(1, sent[0]);
  bench.take();
  CHECK(bench.got() == std::string("404 Metric Not Found\n") + inserted);
}

TEST_CASE("a client's pipeline of QUERYs leaves room for the others") {
  GatewayBench bench;
  bench.join(1, Pool::query, 2 * queries_asked_max);
  std::string lines;
  for (std::size_t line = 0; line < 3 * queries_asked_max; ++line) lines += "QUERY m MAX 0\n";
  bench.type(lines, 1);
  bench.type("QUERY n MAX 0\n", 2);
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].queries.size() == queries_asked_max + 1);
  CHECK(sent[0].queries.back().id == "n");
  bench.chunk(1, sent[0].queries[0].request, "[1.0]");
  const auto next = bench.take();
  REQUIRE(next.size() == 1);
  CHECK(next[0].queries.size() == 1);
}

TEST_CASE("a QUERY whose turn it is is asked, however many later ones wait for it") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::query);
  std::string lines = "LOG a 1\nQUERY a MAX 0\n";
  for (std::size_t line = 0; line < queries_asked_max; ++line) lines += "QUERY b MAX 0\n";
  bench.type(lines);
  const auto sent = bench.take();
  REQUIRE(sent.size() == 2);
  REQUIRE(sent[1].queries.size() == queries_asked_max);
  for (const auto& query : sent[1].queries) bench.chunk(2, query.request, "[2.0]");
  bench.answer_logs(1, sent[0]);
  const auto next = bench.take();
  REQUIRE(next.size() == 1);
  REQUIRE(next[0].queries.size() == 1);
  CHECK(next[0].queries[0].id == "a");
  bench.chunk(2, next[0].queries[0].request, "[1.0]");
  bench.take();
  std::string expected = std::string(inserted) + "200 [1.0]\n";
  for (std::size_t line = 0; line < queries_asked_max; ++line) expected += "200 [2.0]\n";
  CHECK(bench.got() == expected);
}

TEST_CASE("pipelines of many clients are slowed and not refused, whatever they ask for") {
  for (const std::string line : {"QUERY m MAX 0\n", "NEW-ALERT m MAX 1 1\n"}) {
    GatewayBench bench;
    bench.join(1, Pool::query, 1);
    bench.join(2, Pool::alerter, 1);
    std::string lines;
    for (int count = 0; count < 20; ++count) lines += line;
    for (std::uint64_t client = 1; client <= 400; ++client) bench.type(lines, client);
    bench.take();
    for (std::uint64_t client = 1; client <= 400; ++client) REQUIRE(bench.got(client).empty());
  }
}

TEST_CASE("rules that wait for credit go to another alerter when theirs drains") {
  GatewayBench bench;
  bench.join(1, Pool::alerter, 1);
  bench.type("NEW-ALERT m MAX 1 1\nNEW-ALERT m MAX 1 2\n");
  const auto first = bench.take();
  REQUIRE(first.size() == 1);
  CHECK(first[0].requests.size() == 1);
  bench.join(2, Pool::alerter, 1);
  REQUIRE(bench.from_worker(1, Goodbye{}));
  const auto second = bench.take();
  REQUIRE(second.size() == 1);
  CHECK(second[0].to == 2);
  CHECK(second[0].requests.size() == 1);
}

TEST_CASE("the rules of one id all go to one alerter") {
  GatewayBench bench;
  for (WorkerId id = 1; id <= 4; ++id) bench.join(id, Pool::alerter);
  bench.type("NEW-ALERT m MAX 1 1\nNEW-ALERT m MIN 1 1\n");
  const auto sent = bench.take();
  REQUIRE(sent.size() == 1);
  REQUIRE(sent[0].requests.size() == 2);
  Bytes answers;
  append_outcome(answers, {sent[0].requests[1], Status::not_found});
  append_outcome(answers, {sent[0].requests[0], Status::done});
  REQUIRE(bench.from_worker(sent[0].to, AlertAnswer{.answers = answers}));
  bench.take();
  CHECK(bench.got() == "200 Alert Registered\n404 Metric Not Found\n");
}

TEST_CASE("workers hear who else serves in their pool") {
  GatewayBench bench;
  bench.join(1, Pool::alerter);
  bench.join(2, Pool::alerter);
  bench.join(3, Pool::query);
  bench.pass(heartbeat_interval);
  bench.dispatcher.on_time(bench.now.mono);
  for (const auto& sent : bench.take(true)) {
    if (sent.type != WorkerMessage::gateway_heartbeat) continue;
    CHECK(sent.members == (sent.to == 3 ? std::vector<InstanceId>{GatewayBench::instance_of(3)}
                                        : std::vector<InstanceId>{GatewayBench::instance_of(1),
                                                                  GatewayBench::instance_of(2)}));
  }
}

TEST_CASE(
    "messages for another life of the gateway are dropped, and their sender says hello again") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.type("LOG a 1\n");
  const auto sent = bench.take();
  Bytes ranges;
  append_range(ranges, {0, 1, Status::done});
  REQUIRE(bench.from_worker(1, LogAnswer{.batch = sent[0].batch, .ranges = ranges}, 999));
  const auto reply = bench.take(true);
  REQUIRE(reply.size() == 1);
  CHECK(reply[0].type == WorkerMessage::hello_again);
  CHECK(bench.got().empty());
}

TEST_CASE("messages of another cluster, and bytes that are none, change nothing") {
  GatewayBench bench;
  CHECK_FALSE(bench.from_worker(
      1, Hello{.pool = Pool::ingest, .name = "w", .credit = 65'536, .credit_bytes = 16 * MiB},
      any_instance, "other"));
  CHECK_FALSE(bench.dispatcher.on_message(1, as_bytes("\x93\x01"), bench.now.mono));
  CHECK_FALSE(bench.dispatcher.on_message(1, {}, bench.now.mono));
  CHECK(bench.dispatcher.workers().all().empty());
}

TEST_CASE("a gateway that closes answers everything open, and all that comes after, with 503") {
  GatewayBench bench;
  bench.join(1, Pool::ingest);
  bench.join(2, Pool::query);
  bench.join(3, Pool::alerter);
  bench.type("LOG a 1\nQUERY a MAX 1\nLOG a 2\nNEW-ALERT b MAX 1 1\nQUERY c MAX 1\n");
  bench.take();
  bench.dispatcher.close();
  bench.type("LOG d 1\n");
  bench.take();
  std::string expected;
  for (int reply = 0; reply < 6; ++reply) expected += busy;
  CHECK(bench.got() == expected);
}
