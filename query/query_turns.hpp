#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/time_types.hpp"

namespace mas {

/// Queries that may have files open at a time: as many as half of one gateway's credit, so that
/// readers who take nothing for a while leave room for others, and few enough that their windows
/// of 256 KiB and their chunks stay near 100 MiB.
inline constexpr std::size_t open_queries_max = 128;
/// Queries in line at most: the whole credit of sixteen gateways; beyond it they are busy at once.
inline constexpr std::size_t line_max = 4096;
/// How long a query waits in line before it is refused as busy.
inline constexpr nanoseconds line_wait_max = seconds{5};
/// A query whose reader has taken nothing for this long gives its place to one that has waited in
/// line for as long, well before that one is refused. A slow reader is left alone while there is
/// room for others.
inline constexpr nanoseconds reader_patience = seconds{2};
static_assert(reader_patience < line_wait_max);

/// Whose turn it is: a bounded number of queries run at once, step by step in a circle, so that a
/// short one is never stuck behind a long one; the rest wait in line, first come, first served.
/// No I/O, no clock. Thread-safety: one owner.
class QueryTurns {
 public:
  using Number = std::uint64_t;

  explicit QueryTurns(std::size_t open_max = open_queries_max) : open_max_(open_max) {}

  /// A new query goes to the end of the line. `now` never decreases.
  void enter(Number query, MonoTime now);
  /// Takes the first in line out of it, if one more may be open; it counts as open until leave().
  [[nodiscard]] std::optional<Number> next_to_open();
  /// Its files are open: it is next to take a step.
  void start(Number query);
  /// It waits for its reader: it takes no step until resume(). Both are ignored when out of place.
  /// `now` never decreases.
  void pause(Number query, MonoTime now);
  void resume(Number query);
  /// Gives the next one a step: each running one once before one has its second.
  [[nodiscard]] std::optional<Number> next_to_step();
  /// It is over, wherever it stood.
  void leave(Number query);
  /// Those that have waited in line for too long; they stay until leave().
  [[nodiscard]] std::vector<Number> overdue(MonoTime now) const;
  /// Those that are to be given up for others in line, see reader_patience; they stay until
  /// leave().
  [[nodiscard]] std::vector<Number> stalled(MonoTime now) const;

  [[nodiscard]] bool any_to_step() const { return !circle_.empty(); }
  [[nodiscard]] std::size_t open_count() const { return open_; }
  [[nodiscard]] std::size_t in_line() const { return line_.size(); }

 private:
  enum class Place : std::uint8_t { line, opening, running, paused };
  struct Waiting {
    Number query = 0;
    MonoTime since;
  };
  /// Those that have waited since `latest` or longer, longest first.
  [[nodiscard]] static std::vector<Number> waiting_since(const std::deque<Waiting>& in,
                                                         MonoTime latest);
  static void take_out(std::deque<Waiting>& from, Number query);

  std::size_t open_max_;
  std::size_t open_ = 0;
  std::unordered_map<Number, Place> places_;
  std::deque<Waiting> line_;
  std::deque<Waiting> paused_;  ///< in the order of their pausing
  std::deque<Number> circle_;
};

}  // namespace mas
