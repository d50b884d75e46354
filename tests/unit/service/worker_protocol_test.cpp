#include "service/worker_protocol.hpp"

#include "support/catch.hpp"

using namespace mas;

namespace {

constexpr MonoTime start{seconds{100}};
constexpr InstanceId gateway = 42;

WorkerProtocol welcomed() {
  WorkerProtocol link;
  static_cast<void>(link.on_time(start));
  static_cast<void>(link.on_message(WorkerMessage::welcome, gateway, start));
  return link;
}

}  // namespace

TEST_CASE("a worker says hello until it is welcome") {
  WorkerProtocol link;
  CHECK(link.on_time(start).hello);
  CHECK_FALSE(link.on_time(start + milliseconds{100}).hello);
  CHECK(link.on_time(start + hello_interval).hello);
  const auto step = link.on_message(WorkerMessage::welcome, gateway, start + hello_interval);
  CHECK(step.heartbeat);  // tells at once whether it is ready
  CHECK(link.gateway() == gateway);
  CHECK_FALSE(link.on_time(start + hello_interval + milliseconds{1}).hello);
}

TEST_CASE("a worker speaks at least each heartbeat") {
  auto link = welcomed();
  CHECK_FALSE(link.on_time(start + milliseconds{100}).heartbeat);
  CHECK(link.on_time(start + heartbeat_interval).heartbeat);
}

TEST_CASE("a gateway that fell silent is lost, and greeted anew") {
  auto link = welcomed();
  const auto step = link.on_time(start + silence_max);
  CHECK(step.lost == gateway);
  CHECK(step.hello);
  CHECK(link.gateway() == any_instance);
}

TEST_CASE("anything a gateway says keeps it alive") {
  auto link = welcomed();
  const auto later = start + silence_max - milliseconds{1};
  CHECK(link.on_message(WorkerMessage::log_batch, gateway, later).deliver);
  CHECK(link.on_time(start + silence_max).lost == any_instance);
}

TEST_CASE("what an earlier life of the gateway sent is not delivered") {
  auto link = welcomed();
  CHECK_FALSE(link.on_message(WorkerMessage::log_batch, gateway + 1, start).deliver);
  WorkerProtocol unknown;
  CHECK_FALSE(unknown.on_message(WorkerMessage::log_batch, gateway, start).deliver);
}

TEST_CASE("a gateway that restarted is a new one: the old one is lost") {
  auto link = welcomed();
  SECTION("it asks for a hello") {
    const auto step = link.on_message(WorkerMessage::hello_again, gateway + 1, start);
    CHECK(step.lost == gateway);
    CHECK(step.hello);
  }
  SECTION("it says welcome to a hello that crossed") {
    CHECK(link.on_message(WorkerMessage::welcome, gateway + 1, start).lost == gateway);
    CHECK(link.gateway() == gateway + 1);
  }
}

TEST_CASE("a drain says goodbye, serves what still comes, and is over with the farewell") {
  auto link = welcomed();
  CHECK(link.drain().goodbye);
  CHECK_FALSE(link.drained());
  CHECK(link.on_message(WorkerMessage::log_batch, gateway, start).deliver);
  static_cast<void>(link.on_message(WorkerMessage::farewell, gateway, start));
  CHECK(link.drained());
}

TEST_CASE("a gateway that says farewell first has ended, and is looked for again") {
  auto link = welcomed();
  const auto step = link.on_message(WorkerMessage::farewell, gateway, start);
  CHECK(step.lost == gateway);
  CHECK(step.told);
  CHECK_FALSE(step.deliver);
  CHECK_FALSE(link.on_message(WorkerMessage::log_batch, gateway, start).deliver);
  CHECK(link.on_time(start + hello_interval).hello);
  CHECK_FALSE(link.drain().goodbye);
  CHECK(link.drained());
}

TEST_CASE("a drain does not wait for a gateway that is not there") {
  WorkerProtocol link;
  CHECK_FALSE(link.drain().goodbye);
  CHECK(link.drained());
  CHECK_FALSE(link.on_time(start).hello);

  auto lost = welcomed();
  static_cast<void>(lost.drain());
  static_cast<void>(lost.on_time(start + silence_max));
  CHECK(lost.drained());
}
