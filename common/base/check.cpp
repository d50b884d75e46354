#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace mas::detail {

void check_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "broken invariant: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace mas::detail
