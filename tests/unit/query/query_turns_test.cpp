#include "query/query_turns.hpp"

#include "query/query_plan.hpp"
#include "support/catch.hpp"

namespace mas {
namespace {

using Numbers = std::vector<QueryTurns::Number>;
constexpr MonoTime start{};

Numbers steps(QueryTurns& turns, int count) {
  Numbers order;
  for (int left = count; left > 0; --left) {
    if (const auto next = turns.next_to_step()) order.push_back(*next);
  }
  return order;
}

}  // namespace

TEST_CASE("queries that run take steps in turn") {
  QueryTurns turns;
  for (const QueryTurns::Number query : {1U, 2U, 3U}) turns.enter(query, start);
  while (const auto query = turns.next_to_open()) turns.start(*query);
  const auto order = steps(turns, 6);
  REQUIRE(order.size() == 6);
  CHECK(Numbers(order.begin(), order.begin() + 3) == Numbers(order.begin() + 3, order.end()));
}

TEST_CASE("a query that comes while a long one runs takes its first step next") {
  QueryTurns turns;
  turns.enter(1, start);
  turns.start(*turns.next_to_open());
  CHECK(steps(turns, 2) == Numbers{1, 1});
  turns.enter(2, start);
  turns.start(*turns.next_to_open());
  CHECK(steps(turns, 3) == Numbers{2, 1, 2});
}

TEST_CASE("a bounded number of queries is open, the rest are opened in the order of their coming") {
  QueryTurns turns(2);
  for (const QueryTurns::Number query : {1U, 2U, 3U, 4U}) turns.enter(query, start);
  CHECK(turns.next_to_open() == 1U);
  CHECK(turns.next_to_open() == 2U);
  CHECK_FALSE(turns.next_to_open());
  CHECK(turns.in_line() == 2);
  turns.leave(3);  // cancelled in line
  turns.leave(1);
  CHECK(turns.next_to_open() == 4U);
  CHECK_FALSE(turns.next_to_open());
}

TEST_CASE("a reader that takes nothing makes room when others have waited for it") {
  QueryTurns turns(2);
  for (const QueryTurns::Number query : {1U, 2U, 3U}) turns.enter(query, start);
  while (const auto query = turns.next_to_open()) turns.start(*query);
  turns.pause(2, start);
  turns.pause(1, start + seconds{1});
  CHECK(turns.stalled(start + reader_patience - nanoseconds{1}).empty());
  CHECK(turns.stalled(start + reader_patience) == Numbers{2});  // one for each that waits
  turns.enter(4, start + seconds{1});
  SECTION("the longest paused first") {
    CHECK(turns.stalled(start + seconds{1} + reader_patience) == Numbers{2, 1});
  }
  SECTION("not one that goes on") {
    turns.resume(2);
    CHECK(turns.stalled(start + seconds{1} + reader_patience) == Numbers{1});
    turns.pause(2, start + seconds{1} + reader_patience);
    CHECK(turns.stalled(start + seconds{1} + reader_patience) == Numbers{1});
  }
  SECTION("nobody when nobody waits") {
    turns.leave(3);
    turns.leave(4);
    CHECK(turns.stalled(start + seconds{10}).empty());
  }
  SECTION("not one that is over") {
    turns.leave(2);
    CHECK(turns.stalled(start + seconds{1} + reader_patience) == Numbers{1});
  }
}

TEST_CASE("a query whose reader has no room takes no step until it has") {
  QueryTurns turns;
  turns.enter(1, start);
  turns.enter(2, start);
  while (const auto query = turns.next_to_open()) turns.start(*query);
  turns.pause(1, start);
  CHECK(steps(turns, 2) == Numbers{2, 2});
  turns.resume(1);
  turns.resume(1);  // more credit while it runs
  CHECK(steps(turns, 4) == Numbers{2, 1, 2, 1});
  turns.pause(2, start);
  turns.leave(2);
  turns.resume(2);
  CHECK(steps(turns, 2) == Numbers{1, 1});
  CHECK(turns.open_count() == 1);
}

TEST_CASE("a query that waits in line for too long is named until it leaves") {
  QueryTurns turns(1);
  turns.enter(1, start);
  CHECK(turns.next_to_open() == 1U);
  turns.enter(2, start);
  turns.enter(3, start + seconds{1});
  CHECK(turns.overdue(start + line_wait_max - nanoseconds{1}).empty());
  CHECK(turns.overdue(start + line_wait_max) == Numbers{2});
  turns.leave(2);
  CHECK(turns.overdue(start + line_wait_max).empty());
  CHECK(turns.overdue(start + line_wait_max + seconds{1}) == Numbers{3});
}

TEST_CASE("a query's plan owns its id and knows when there is nothing to read") {
  std::string id = "cpu";
  QueryRequest request;
  request.id = id;
  request.from = wall_time(5);
  request.to = wall_time(5);
  const auto plan = plan_query(request);
  id = "xxx";
  CHECK(plan.id == "cpu");
  CHECK(plan.reads);
  request.to = wall_time(4);
  CHECK_FALSE(plan_query(request).reads);
}

}  // namespace mas
