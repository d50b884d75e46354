#include "gateway/worker_pool.hpp"

#include "gateway/router.hpp"
#include "service/rendezvous.hpp"
#include "service/worker_protocol.hpp"
#include "support/catch.hpp"

using namespace mas;

namespace {

constexpr MonoTime start{seconds{100}};

Hello hello(Pool pool, std::uint32_t credit = 4) {
  return {.pool = pool, .name = "w", .weight = 1, .credit = credit, .credit_bytes = 1000};
}

/// A worker that is known and ready.
void join(WorkerPool& workers, WorkerId id, Pool pool, std::uint32_t credit = 4) {
  workers.on_hello(id, id * 1000, hello(pool, credit), start);
  workers.on_heartbeat(id, true);
}

}  // namespace

TEST_CASE("a worker serves once it is ready, and no more once it drains or withdraws") {
  WorkerPool workers;
  workers.on_hello(1, 1000, hello(Pool::ingest), start);
  CHECK(workers.serving(Pool::ingest).empty());
  workers.on_heartbeat(1, true);
  CHECK(workers.serving(Pool::ingest) == std::vector<WorkerId>{1});
  CHECK(workers.serving(Pool::query).empty());
  workers.on_heartbeat(1, false);
  CHECK(workers.serving(Pool::ingest).empty());
  workers.on_heartbeat(1, true);
  workers.on_goodbye(1);
  CHECK(workers.serving(Pool::ingest).empty());
  CHECK(workers.find(1) != nullptr);  // its answers still count
}

TEST_CASE("a worker that dials anew makes its older link dead") {
  WorkerPool workers;
  join(workers, 1, Pool::ingest);
  const auto older = workers.on_hello(2, 1000, hello(Pool::ingest), start);
  CHECK(older == 1U);
  CHECK(workers.find(1) == nullptr);
  CHECK(workers.find(2) != nullptr);
}

TEST_CASE("a hello told twice does not give credit twice") {
  WorkerPool workers;
  join(workers, 1, Pool::ingest, 4);
  CHECK(workers.take_credit(1, 3, 10));
  workers.on_hello(1, 1000, hello(Pool::ingest, 4), start);
  CHECK_FALSE(workers.take_credit(1, 2, 0));
  CHECK(workers.take_credit(1, 1, 0));
}

TEST_CASE("credit is taken whole or not at all, in requests and in bytes") {
  WorkerPool workers;
  join(workers, 1, Pool::ingest, 4);
  CHECK_FALSE(workers.take_credit(1, 1, 1001));
  CHECK(workers.take_credit(1, 4, 1000));
  CHECK_FALSE(workers.take_credit(1, 1, 0));
  workers.return_credit(1, 4, 1000);
  CHECK(workers.take_credit(1, 4, 1000));
  CHECK_FALSE(workers.take_credit(9, 1, 0));
}

TEST_CASE("a link that was not heard of for long is silent") {
  WorkerPool workers;
  join(workers, 1, Pool::ingest);
  join(workers, 2, Pool::query);
  workers.on_heard(2, start + seconds{1});
  CHECK(workers.silent(start + silence_max - nanoseconds{1}).empty());
  CHECK(workers.silent(start + silence_max) == std::vector<WorkerId>{1});
}

TEST_CASE("without workers there is nowhere to go") {
  WorkerPool workers;
  Router router(workers);
  CHECK_FALSE(router.for_log(1));
  CHECK_FALSE(router.for_query());
  CHECK_FALSE(router.for_alert(1));
}

TEST_CASE("a metric stays with its worker, and a worker that leaves moves only its share") {
  WorkerPool workers;
  Router router(workers);
  for (WorkerId id = 1; id <= 4; ++id) join(workers, id, Pool::ingest);
  std::vector<WorkerId> before;
  std::vector<int> load(5);
  constexpr int keys = 10'000;
  for (int key = 0; key < keys; ++key) {
    const auto hash = hash_of_id("metric" + std::to_string(key));
    before.push_back(*router.for_log(hash));
    ++load[before.back()];
    CHECK(router.for_log(hash) == before.back());
  }
  for (WorkerId id = 1; id <= 4; ++id) CHECK(load[id] > keys / 5);
  workers.remove(3);
  for (int key = 0; key < keys; ++key) {
    const auto now = *router.for_log(hash_of_id("metric" + std::to_string(key)));
    if (before[static_cast<std::size_t>(key)] != 3)
      CHECK(now == before[static_cast<std::size_t>(key)]);
    CHECK(now != 3);
  }
}

TEST_CASE("a QUERY goes to the worker with the fewest outstanding, of those with credit") {
  WorkerPool workers;
  Router router(workers);
  join(workers, 1, Pool::query, 2);
  join(workers, 2, Pool::query, 2);
  CHECK(workers.take_credit(1, 1, 0));
  CHECK(router.for_query() == 2U);
  CHECK(workers.take_credit(2, 2, 0));
  CHECK(router.for_query() == 1U);
  CHECK(workers.take_credit(1, 1, 0));
  CHECK_FALSE(router.for_query());
}

TEST_CASE("QUERYs to workers that are as free as each other take turns") {
  WorkerPool workers;
  Router router(workers);
  join(workers, 1, Pool::query);
  join(workers, 2, Pool::query);
  const auto first = router.for_query();
  CHECK(router.for_query() != first);
}
