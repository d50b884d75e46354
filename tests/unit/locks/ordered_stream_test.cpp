#include "locks/ordered_stream.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

LockRequest named(const std::string& text) {
  LockRequest request;
  request.name = {LockSpace::user, text};
  return request;
}

/// Sends all that there is; gives the numbers.
std::vector<std::uint64_t> send_all(OrderedStream& stream) {
  std::vector<std::uint64_t> numbers;
  LockItems message;
  while (stream.next_to_send(message)) numbers.push_back(message.number);
  return numbers;
}

using Numbers = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("what was lost is sent again once the other end says where it stands") {
  OrderedStream ours;
  ours.push(named("a"));
  CHECK(send_all(ours) == Numbers{1});
  ours.push(named("b"));
  ours.push(named("c"));
  CHECK(send_all(ours) == Numbers{2});  // pushed together, sent together
  ours.push(named("d"));
  CHECK(send_all(ours) == Numbers{3});

  OrderedStream theirs;
  CHECK(theirs.take_in(1));
  CHECK_FALSE(theirs.take_in(3));  // 2 was lost
  CHECK(theirs.behind());
  CHECK(theirs.state().resend);

  ours.on_state(theirs.state());
  CHECK(send_all(ours) == Numbers{2, 3});
  CHECK(theirs.take_in(2));
  CHECK(theirs.take_in(3));
  CHECK_FALSE(theirs.behind());
  ours.on_seen(theirs.state().seen);
  CHECK(ours.settled());
  CHECK(ours.bytes_kept() == 0);
}

TEST_CASE("a message that comes twice or late is taken in once") {
  OrderedStream stream;
  CHECK(stream.take_in(1));
  CHECK_FALSE(stream.take_in(1));
  CHECK(stream.take_in(2));
  CHECK_FALSE(stream.take_in(1));
  CHECK(stream.state().seen == 2);
}

TEST_CASE("the loss of the last message is noticed from the next heartbeat") {
  OrderedStream ours;
  ours.push(named("a"));
  CHECK(send_all(ours) == Numbers{1});
  OrderedStream theirs;
  theirs.on_state(ours.state());
  CHECK(theirs.behind());
}

TEST_CASE("a seen message that is being sent again is not sent beyond the end") {
  OrderedStream ours;
  for (const auto* text : {"a", "b", "c"}) {
    ours.push(named(text));
    static_cast<void>(send_all(ours));
  }
  ours.on_state({0, 1, true});
  LockItems message;
  REQUIRE(ours.next_to_send(message));
  CHECK(message.number == 2);
  ours.on_seen(3);
  CHECK_FALSE(ours.next_to_send(message));
  ours.push(named("d"));
  CHECK(send_all(ours) == Numbers{4});
}

TEST_CASE("items beyond one message's bound go into the next") {
  OrderedStream stream;
  for (std::uint32_t n = 0; n < lock_items_max + 1; ++n) stream.push(named("x"));
  CHECK(send_all(stream) == Numbers{1, 2});
  OrderedStream long_names;
  for (std::uint32_t n = 0; n < 2000; ++n) long_names.push(named(std::string(255, 'x')));
  LockItems message;
  std::size_t messages = 0;
  while (long_names.next_to_send(message)) {
    ++messages;
    CHECK(message.items.size() <= lock_items_bytes_max);
  }
  CHECK(messages == 2);
}

}  // namespace mas
