#pragma once

namespace mas {

/// `mas lock NAME -- COMMAND`: runs a command while a lock is held, as flock(1) does, but across
/// machines. The command finds the lock's fencing token in MAS_FENCING_TOKEN. Exit codes are in
/// docs/locks.md.
[[nodiscard]] int run_lock(int argc, const char* const* argv);

}  // namespace mas
