#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gateway/worker_pool.hpp"

namespace mas {

/// Which worker a request goes to. Correctness never rests on it, as the locks hold that; it keeps
/// a metric with one worker, so that its file stays open and its lock held. Thread-safety: one
/// owner.
class Router {
 public:
  explicit Router(const WorkerPool& workers) : workers_(workers) {}

  /// LOG: rendezvous hashing of the id over the ingest workers, through a table of slots. Nothing
  /// when the pool is empty.
  [[nodiscard]] std::optional<WorkerId> for_log(std::uint64_t id_hash);
  /// NEW-ALERT: rendezvous hashing of the id's rule shard over the alerters.
  [[nodiscard]] std::optional<WorkerId> for_alert(std::uint64_t id_hash) const;
  /// QUERY: the query worker with the fewest requests outstanding, of those with credit; in turn
  /// where several are as free.
  [[nodiscard]] std::optional<WorkerId> for_query();

 private:
  void rebuild();

  const WorkerPool& workers_;
  /// By the hash's top bits, so that a LOG costs one look-up however many workers there are.
  std::vector<WorkerId> log_slots_;
  std::uint64_t log_version_ = 0;
  std::size_t query_turn_ = 0;
};

}  // namespace mas
