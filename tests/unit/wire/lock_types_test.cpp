#include "wire/lock_types.hpp"

#include "support/catch.hpp"

namespace mas {

TEST_CASE("readers go with readers and one appender, and nobody goes with an exclusive holder") {
  using enum LockMode;
  CHECK(compatible(shared, shared));
  CHECK(compatible(shared, append));
  CHECK(compatible(append, shared));
  CHECK_FALSE(compatible(append, append));
  for (const auto other : {shared, append, exclusive}) {
    CHECK_FALSE(compatible(exclusive, other));
    CHECK_FALSE(compatible(other, exclusive));
  }
}

TEST_CASE("a stronger mode conflicts with all that a weaker one conflicts with") {
  for (const auto weak : {LockMode::shared, LockMode::append, LockMode::exclusive}) {
    for (const auto strong : {LockMode::shared, LockMode::append, LockMode::exclusive}) {
      if (!covers(strong, weak)) continue;
      for (const auto other : {LockMode::shared, LockMode::append, LockMode::exclusive}) {
        if (compatible(strong, other)) CHECK(compatible(weak, other));
      }
    }
  }
}

}  // namespace mas
