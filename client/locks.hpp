#pragma once

namespace mas {

/// `mas locks`: shows the lock broker's sessions, who holds which name, who waits, and the longest
/// waits; exit code 0, 1 when no broker answers, 2 for a bad option.
[[nodiscard]] int run_locks(int argc, const char* const* argv);

}  // namespace mas
