#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/ingest_batch.hpp"
#include "ingest/metric_owner.hpp"
#include "service/rendezvous.hpp"
#include "wire/lock_types.hpp"
#include "wire/worker_messages.hpp"

namespace mas {

/// All that one ingest worker decides: a turn's batches become one append a metric, samples whose
/// lock is awaited wait aside, and each gets its answer. In a turn come events; then turn() writes
/// and says which locks to ask for; then, the lease checked, take_answers().
///
/// Does not bound what waits: the credit that the worker grants its gateways does.
/// No socket, clock or thread; files through the SegmentStore. Thread-safety: one owner.
class MetricOwners {
 public:
  struct Counts {
    std::uint64_t samples = 0;        ///< received
    std::uint64_t writes = 0;         ///< appends tried
    std::uint64_t writes_failed = 0;  ///< of these
  };

  /// `open_files_max` at least 1: segments kept open, the least recently written closed first. The
  /// partitions that one append touches are open at once whatever it is.
  MetricOwners(SegmentStore& store, std::size_t open_files_max)
      : store_(store), open_files_max_(open_files_max) {}

  /// A batch came; it is decoded and checked. Its bytes are not needed after the call.
  void on_batch(InstanceId gateway, const LogBatch& batch);
  void on_gateway_lost(InstanceId gateway) { batches_.forget(gateway); }

  /// The exclusive lock is held: a new one, or append strengthened.
  void on_granted(std::string_view id, WriterGrant grant);
  /// The lock was not to be had in time: what waits for it is answered busy.
  void on_refused(std::string_view id);
  /// The same for a lock that was to be strengthened; it is held as before.
  void on_not_strengthened(std::string_view id);
  /// Somebody else wants the lock in this mode. Writes what is in hand and gives how to give it
  /// back; nothing when it is not held.
  std::optional<LockReturn> on_recalled(std::string_view id, LockMode wanted);
  /// Every lock is gone; waiting for locks goes on.
  void on_session_lost();

  /// Metrics written in one turn() at most. A new metric's first write makes a directory and a
  /// file: 0.1 ms, on a machine that is short of processors 2 ms. So a turn stays far below the
  /// 2 s of silence after which a worker is taken for dead, however many metrics come at once.
  static constexpr std::size_t writes_per_turn_max = 256;

  /// Writes what came for metrics whose lock is held, those that have waited longest first. Appends
  /// the ids whose locks are to be asked for as exclusive, once each: on_granted() or on_refused()
  /// follows. And those whose locks are to be strengthened from append: on_granted() or
  /// on_not_strengthened() follows, unless the lock goes meanwhile.
  void turn(std::vector<std::string_view>& to_lock, std::vector<std::string_view>& to_strengthen);
  /// The last turn() reached its limit: there is to be another, without waiting for events.
  [[nodiscard]] bool unfinished() const { return !touched_.empty(); }
  /// See IngestBatches::take_answers().
  void take_answers(bool lease_valid, std::vector<IngestBatches::Answer>& out) {
    batches_.take_answers(lease_valid, out);
  }
  /// Appends why writes failed since the last call, one Error each.
  void take_errors(std::vector<Error>& out);
  /// Ends all holding, as on_recalled(): what is to be released, and how.
  void let_all_go(std::vector<std::pair<std::string_view, LockReturn>>& out);

  /// Nothing is unanswered.
  [[nodiscard]] bool idle() const { return batches_.empty(); }
  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t metrics() const { return metrics_.size(); }
  [[nodiscard]] std::size_t open_files() const { return open_files_; }

 private:
  /// A metric, and its place among those with open files.
  struct Owned {
    explicit Owned(std::string id) : owner(std::move(id)) {}
    MetricOwner owner;
    std::list<Owned*>::iterator recent;
    std::size_t open_files = 0;
    bool touched = false;
  };
  struct IdHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return hash_of_id(id); }
  };

  [[nodiscard]] Owned& owned(std::string_view id);
  [[nodiscard]] Owned* find(std::string_view id);
  void touch(Owned& metric);
  void write(Owned& metric);
  [[nodiscard]] LockReturn let_go(Owned& metric);
  void count_files(Owned& metric);

  SegmentStore& store_;
  std::size_t open_files_max_;
  IngestBatches batches_;
  std::unordered_map<std::string, std::unique_ptr<Owned>, IdHash, std::equal_to<>> metrics_;
  std::vector<Owned*> touched_;  ///< to be looked at by turn(), in this order
  std::list<Owned*> recent_;     ///< those with open files, the latest written first
  std::size_t open_files_ = 0;
  std::vector<Error> errors_;
  Counts counts_;
};

}  // namespace mas
