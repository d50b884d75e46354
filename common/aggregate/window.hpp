#pragma once

#include <cstdint>
#include <optional>

#include "aggregate/aggregate.hpp"
#include "aggregate/sample.hpp"
#include "base/time_types.hpp"

namespace mas {

/// The samples from one moment on, aggregated.
struct Window {
  WallTime start;  ///< the stamp of its first sample
  Aggregate aggregate;
};

/// Cuts a metric's samples into windows. A window opens at the first sample that no earlier window
/// holds and takes every sample younger than `length` after it: t0 <= t < t0 + length. There is no
/// window without samples. With length 0 each sample is a window of its own, equal stamps too;
/// nanoseconds::max() has no end.
///
/// Samples come in the order of their stamps. A window is known to be over when the next one opens,
/// so each call gives at most one; the last one, full or not, comes from finish().
/// Thread-safety: one owner.
class Windows {
 public:
  /// `length` is not negative.
  explicit Windows(nanoseconds length);

  /// Takes a sample. The window that is over by it, if any.
  std::optional<Window> add(const Sample& sample) {
    std::optional<Window> closed;
    if (!open_ || !holds(open_->start, sample.stamp)) closed = open_at(sample.stamp);
    open_->aggregate.add(sample.value);
    return closed;
  }

  /// Whether the next samples, stamped from `first` to `last`, all belong to one window, so that
  /// their aggregate may be added as a whole; otherwise they have to come one by one.
  [[nodiscard]] bool takes_whole(WallTime first, WallTime last) const;
  /// Takes several samples of which takes_whole() held, the first one stamped `first`, `aggregate`
  /// not empty. The window that is over by them, if any.
  std::optional<Window> add_whole(WallTime first, const Aggregate& aggregate);

  /// The window that is still open, as it stands.
  [[nodiscard]] const std::optional<Window>& open() const { return open_; }
  /// Closes the open window. Afterwards everything starts anew.
  std::optional<Window> finish();

 private:
  /// Whether a window that starts at `start` holds `stamp`, which is not earlier. By difference,
  /// and that unsigned: neither start + length nor the whole span of WallTime fits a signed number.
  [[nodiscard]] bool holds(WallTime start, WallTime stamp) const {
    const auto age =
        static_cast<std::uint64_t>(to_int(stamp)) - static_cast<std::uint64_t>(to_int(start));
    return age < length_ns_;
  }
  /// Opens a window; the one that was open, if any.
  std::optional<Window> open_at(WallTime start);

  std::uint64_t length_ns_;  ///< the largest of all for a window without an end
  std::optional<Window> open_;
};

}  // namespace mas
