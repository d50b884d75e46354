#pragma once

namespace mas::detail {
/// Prints the broken invariant and aborts.
[[noreturn]] void check_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace mas::detail

/// States an invariant. When it is broken the process aborts, in release builds too: going on with
/// broken state could acknowledge what is not stored, and restart is a tested path.
#define MAS_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::mas::detail::check_failed(#condition, __FILE__, __LINE__))
