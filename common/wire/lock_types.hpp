#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace mas {

/// How a lock is held: a subset of the distributed lock manager's classic six (CR, PW, EX), where
/// each mode conflicts with all that the one before it conflicts with, and more.
enum class LockMode : std::uint8_t {
  shared = 1,     ///< a reader; goes with other readers and with one appender
  append = 2,     ///< the one writer at the end of a file; goes with readers
  exclusive = 3,  ///< the one holder: a writer that buffers, a seal, a take-over
};

/// Whether two sessions may hold one name in these modes at once.
[[nodiscard]] constexpr bool compatible(LockMode a, LockMode b) {
  if (a == LockMode::shared) return b != LockMode::exclusive;
  return a == LockMode::append && b == LockMode::shared;
}
/// Whether a holder in mode `held` may do all that `wanted` allows.
[[nodiscard]] constexpr bool covers(LockMode held, LockMode wanted) { return held >= wanted; }
/// Append and exclusive write; at most one session holds a name in either.
[[nodiscard]] constexpr bool is_writer(LockMode mode) { return mode != LockMode::shared; }

/// "shared", "append" or "exclusive".
[[nodiscard]] std::string_view to_text(LockMode mode);

/// What kind of thing a lock's name names; names of two spaces never meet.
enum class LockSpace : std::uint8_t { metric = 1, journal = 2, shard = 3, user = 4 };

/// "metric", "journal", "shard" or "user".
[[nodiscard]] std::string_view to_text(LockSpace space);

/// Bytes of a lock's name at most, so that its length fits one byte of a message.
inline constexpr std::size_t lock_name_bytes_max = 255;
/// Bytes of a name's value at most (Linux dlm and VMS have 16 to 64; a list of segments fits 128).
inline constexpr std::size_t lock_value_bytes_max = 128;

/// A named resource. The text is opaque to the broker; 1 to lock_name_bytes_max bytes.
struct LockName {
  LockSpace space = LockSpace::user;
  std::string text;

  friend bool operator==(const LockName&, const LockName&) = default;
  friend auto operator<=>(const LockName&, const LockName&) = default;
};

/// "metric:cpu", for log lines.
[[nodiscard]] std::string to_text(const LockName& name);

struct LockNameHash {
  [[nodiscard]] std::size_t operator()(const LockName& name) const {
    return std::hash<std::string_view>{}(name.text) ^
           (static_cast<std::size_t>(name.space) * 0x9e3779b97f4a7c15U);
  }
};

/// Fencing token: of two grants of one name the later has the higher one, also across restarts of
/// the broker. Its high 32 bits are the broker's epoch. 0 is never given.
using LockToken = std::uint64_t;

/// A few bytes that a name's append or exclusive holder leaves for whoever is granted it later.
/// Not valid (and then empty) after an unclean end, a restart of the broker, or once nobody holds
/// or awaits the name: then look on disk, never guess. (Linux dlm's lock value block.)
struct LockValue {
  bool valid = false;
  std::string bytes;  ///< at most lock_value_bytes_max

  friend bool operator==(const LockValue&, const LockValue&) = default;
};

/// What a holder knows about a lock it holds.
struct Grant {
  LockMode mode = LockMode::shared;
  LockToken token = 0;  ///< stays the same when the lock is converted
  /// False when the last append or exclusive holder ended without letting go, or when the broker
  /// cannot know (it restarted): it may still be writing, so its files are not to be appended to.
  bool previous_end_clean = false;
  LockValue value;

  friend bool operator==(const Grant&, const Grant&) = default;
};

/// What a holder that lets go says about its work.
enum class LockEnd : std::uint8_t {
  clean = 1,     ///< all is written; whoever comes next may go on from the files as they are
  as_found = 2,  ///< nothing was touched: previous_end_clean and the value stay as they were
  unclean = 3,   ///< it failed midway; the next holder is told as if this one had died
};

}  // namespace mas
