#include "gateway/request_order.hpp"

#include "support/catch.hpp"

using namespace mas;

namespace {

constexpr std::uint64_t cpu = 1;
constexpr std::uint64_t disk = 2;

std::vector<std::uint64_t> slots(std::initializer_list<std::uint64_t> list) { return list; }

}  // namespace

TEST_CASE("LOGs run at once, whatever else is open") {
  RequestOrder order;
  CHECK(order.add(RequestKind::log, cpu).runs);
  CHECK(order.add(RequestKind::log, cpu).runs);
  CHECK(order.add(RequestKind::log, disk).runs);
  CHECK(order.pending() == 3);
}

TEST_CASE("a QUERY waits for every earlier LOG of its id, in whichever order they end") {
  RequestOrder order;
  const auto first = order.add(RequestKind::log, cpu).slot;
  const auto second = order.add(RequestKind::log, cpu).slot;
  const auto query = order.add(RequestKind::query, cpu);
  CHECK_FALSE(query.runs);
  order.done(second);
  CHECK(order.take_released().empty());
  order.done(first);
  CHECK(order.take_released() == slots({query.slot}));
}

TEST_CASE("a QUERY does not wait for LOGs of other ids, nor for later ones") {
  RequestOrder order;
  order.add(RequestKind::log, disk);
  const auto query = order.add(RequestKind::query, cpu);
  CHECK(query.runs);
}

TEST_CASE("a LOG waits until an earlier QUERY of its id has noted its lengths") {
  RequestOrder order;
  const auto query = order.add(RequestKind::query, cpu);
  const auto log = order.add(RequestKind::log, cpu);
  CHECK(query.runs);
  CHECK_FALSE(log.runs);
  CHECK(order.add(RequestKind::log, disk).runs);
  order.noted(query.slot);
  CHECK(order.take_released() == slots({log.slot}));
  order.noted(query.slot);  // told twice
  order.done(query.slot);
  CHECK(order.take_released().empty());
}

TEST_CASE("a LOG goes on where the QUERY ahead of it is over without having noted anything") {
  RequestOrder order;
  const auto query = order.add(RequestKind::query, cpu);
  const auto log = order.add(RequestKind::log, cpu);
  order.done(query.slot);
  CHECK(order.take_released() == slots({log.slot}));
}

TEST_CASE("LOG, QUERY, LOG, QUERY of one id take effect one after the other") {
  RequestOrder order;
  const auto log1 = order.add(RequestKind::log, cpu);
  const auto query1 = order.add(RequestKind::query, cpu);
  const auto log2 = order.add(RequestKind::log, cpu);
  const auto query2 = order.add(RequestKind::query, cpu);
  CHECK(log1.runs);
  order.done(log1.slot);
  CHECK(order.take_released() == slots({query1.slot}));
  order.noted(query1.slot);
  CHECK(order.take_released() == slots({log2.slot}));
  order.done(log2.slot);
  CHECK(order.take_released() == slots({query2.slot}));
  order.done(query2.slot);
  order.done(query1.slot);
  CHECK(order.take_released().empty());
  // Nothing is tracked any more: LOGs run free.
  CHECK(order.add(RequestKind::log, cpu).runs);
}

TEST_CASE("QUERYs of one id with nothing between them run side by side") {
  RequestOrder order;
  const auto log = order.add(RequestKind::log, cpu);
  const auto query1 = order.add(RequestKind::query, cpu);
  const auto query2 = order.add(RequestKind::query, cpu);
  order.done(log.slot);
  CHECK(order.take_released() == slots({query1.slot, query2.slot}));
}

TEST_CASE("a NEW-ALERT waits for earlier LOGs of its id, and later ones for its end") {
  RequestOrder order;
  const auto log = order.add(RequestKind::log, cpu);
  const auto alert = order.add(RequestKind::alert, cpu);
  CHECK_FALSE(alert.runs);
  order.done(log.slot);
  CHECK(order.take_released() == slots({alert.slot}));
  // Else a metric that was never logged could be found by a NEW-ALERT that came before its LOG.
  const auto later = order.add(RequestKind::log, cpu);
  CHECK_FALSE(later.runs);
  CHECK(order.add(RequestKind::query, disk).runs);
  order.done(alert.slot);
  CHECK(order.take_released() == slots({later.slot}));
  order.done(later.slot);
  CHECK(order.add(RequestKind::log, cpu).runs);
}

TEST_CASE("requests are forgotten from the front, each with how it ended") {
  RequestOrder order;
  const auto first = order.add(RequestKind::log, cpu).slot;
  const auto second = order.add(RequestKind::log, disk).slot;
  order.done(second, 7);
  CHECK_FALSE(order.front_done());
  order.done(first, 3);
  CHECK(order.front_done());
  CHECK(order.front_outcome() == 3);
  order.pop_front();
  CHECK(order.front_outcome() == 7);
  order.pop_front();
  CHECK(order.pending() == 0);
  order.done(first);  // an answer that comes late
  CHECK(order.add(RequestKind::log, cpu).slot == 2);
}
