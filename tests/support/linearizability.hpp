#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/time_types.hpp"
#include "wire/lock_types.hpp"

namespace mas {

/// What a client did to one name's lock, as the client saw it. It took effect at some moment from
/// `invoked` to `returned`.
struct LockOperation {
  enum class What : std::uint8_t {
    acquire,  ///< of `mode`, granted with `token`
    convert,  ///< to `mode`, up or down
    release,  ///< or the end of the lease: `invoked` is then the last moment that it was valid
  };
  std::size_t client = 0;  ///< operations of one client take effect in the order given
  What what = What::acquire;
  MonoTime invoked{};
  MonoTime returned = MonoTime::max();  ///< max: nobody told
  LockMode mode = LockMode::shared;
  LockToken token = 0;  ///< acquire
};

/// Whether one name's history is linearizable: whether each operation can be given one moment
/// between its beginning and its end so that, in the order of these moments, the lock is a
/// readers-writer lock with append (holders never conflict), and each grant's token is higher than
/// all before. A client may be granted again, from its cache, what it was granted before: then the
/// token is the same, and the mode is shared.
///
/// Nothing when it is; else what could not be placed, for people. Locks of several names are
/// linearizable when each name's is (Herlihy and Wing, "Linearizability", TOPLAS 1990).
///
/// Searches for an order depth first, one operation that may come next after another, and never
/// twice from the same set of operations placed: Wing and Gong, "Testing and verifying concurrent
/// objects", JPDC 1993, with the memory of Lowe, "Testing for linearizability", 2017. What remains
/// of the state follows from that set here, so the set alone is remembered.
[[nodiscard]] std::optional<std::string> not_linearizable(
    const std::vector<LockOperation>& history);

}  // namespace mas
