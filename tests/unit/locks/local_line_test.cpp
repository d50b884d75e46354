#include "locks/local_line.hpp"

#include "support/catch.hpp"

namespace mas {
namespace {

const LockName a{LockSpace::user, "a"};
const LockName b{LockSpace::user, "b"};
const LockName c{LockSpace::user, "c"};

std::vector<std::uint64_t> ready(LocalLine& line) {
  std::vector<LocalLine::Request> requests;
  line.take_ready(requests);
  std::vector<std::uint64_t> tickets;
  for (const auto& request : requests) tickets.push_back(request.ticket);
  return tickets;
}

using Tickets = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("of one process' threads only those that share hold a name together") {
  const auto writer = GENERATE(LockMode::append, LockMode::exclusive);
  LocalLine line;
  line.push({1, {a}, LockMode::shared});
  line.push({2, {a}, LockMode::shared});
  line.push({3, {a}, writer});
  line.push({4, {a}, LockMode::shared});  // does not overtake the writer
  line.push({5, {b}, writer});
  CHECK(ready(line) == Tickets{1, 2, 5});
  line.end_use(a);
  CHECK(ready(line).empty());
  line.end_use(a);
  CHECK(ready(line) == Tickets{3});
  line.end_use(a);
  CHECK(ready(line) == Tickets{4});
  line.end_use(a);
  line.end_use(b);
  CHECK(line.idle());
}

TEST_CASE(
    "a request for many names is served as a whole, and nothing overtakes it on any of them") {
  LocalLine line;
  line.push({1, {b}, LockMode::exclusive});
  line.push({2, {a, b}, LockMode::exclusive});
  line.push({3, {a}, LockMode::shared});
  line.push({4, {c}, LockMode::shared});
  CHECK(ready(line) == Tickets{1, 4});
  line.end_use(b);
  CHECK(ready(line) == Tickets{2});
  line.end_use(a);
  CHECK(ready(line) == Tickets{3});
}

TEST_CASE("who leaves the line holds nobody up any more") {
  LocalLine line;
  line.push({1, {a}, LockMode::shared});
  line.push({2, {a}, LockMode::exclusive});
  line.push({3, {a}, LockMode::shared});
  CHECK(ready(line) == Tickets{1});
  CHECK_FALSE(line.cancel(1));
  CHECK(line.cancel(2));
  CHECK_FALSE(line.cancel(2));
  CHECK(ready(line) == Tickets{3});
}

TEST_CASE("a use that became shared lets other readers in") {
  LocalLine line;
  line.push({1, {a}, LockMode::exclusive});
  line.push({2, {a}, LockMode::shared});
  CHECK(ready(line) == Tickets{1});
  line.weaken(a);
  CHECK(ready(line) == Tickets{2});
}

}  // namespace mas
