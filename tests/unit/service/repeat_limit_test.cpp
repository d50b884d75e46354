#include "service/repeat_limit.hpp"

#include "support/catch.hpp"

namespace mas {

TEST_CASE("a warning that repeats is said once a period, with how often it was held back") {
  RepeatLimit limit(seconds{10});
  constexpr MonoTime start{};
  CHECK(limit.allows("disk", start) == 0U);
  CHECK_FALSE(limit.allows("disk", start));
  CHECK_FALSE(limit.allows("disk", start + seconds{9}));
  CHECK(limit.allows("locks", start + seconds{9}) == 0U);
  CHECK(limit.allows("disk", start + seconds{10}) == 2U);
  CHECK_FALSE(limit.allows("disk", start + seconds{19}));
  CHECK(limit.allows("disk", start + seconds{60}) == 1U);
  CHECK(limit.allows("disk", start + seconds{90}) == 0U);
}

TEST_CASE("causes without end share one place") {
  RepeatLimit limit(seconds{10});
  int said = 0;
  for (int cause = 0; cause < 1000; ++cause) {
    if (limit.allows(std::to_string(cause), MonoTime{})) ++said;
  }
  CHECK(said < 100);
}

}  // namespace mas
