#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "aggregate/sample.hpp"
#include "ingest/ingest_batch.hpp"
#include "store/segment_writer.hpp"
#include "wire/lock_types.hpp"

namespace mas {

/// How a lock that was recalled is to be given back.
struct LockReturn {
  std::optional<LockMode> keep;    ///< convert down to this mode; nothing: release
  LockEnd end = LockEnd::clean;    ///< of a release
  std::optional<LockValue> value;  ///< to be left with it; nothing: what was there stays
};

/// One metric in one ingest worker: the samples that came and are not written, whether its lock is
/// held or awaited, and the writer while it is held. A sample is written only under the lock.
///
/// The lock is asked for as exclusive, under which segments may be made. Recalled for readers it
/// becomes append, under which those that there are may be written; for a new segment it is
/// strengthened again, and the samples that need one wait meanwhile.
/// Calls in, what to do out; no lock broker, clock or thread. Thread-safety: one owner.
class MetricOwner {
 public:
  explicit MetricOwner(std::string id) : id_(std::move(id)) {}

  [[nodiscard]] const std::string& id() const { return id_; }

  /// A sample came. It stays gathered until write() or fail().
  void gather(SampleRef ref, Sample sample);
  [[nodiscard]] bool has_gathered() const { return !samples_.empty(); }

  /// Whether the lock is to be asked for now: there are samples, and it is neither held nor
  /// awaited.
  [[nodiscard]] bool wants_lock() const { return phase_ == Phase::idle && has_gathered(); }
  void on_asked() { phase_ = Phase::waiting; }
  [[nodiscard]] bool holds_lock() const { return phase_ == Phase::holding; }
  /// A new lock, or the one that is held, strengthened: told apart by the token.
  void on_granted(SegmentStore& store, WriterGrant grant);

  /// Whether the lock is to be strengthened now: a write needed a new segment.
  [[nodiscard]] bool wants_exclusive() const { return strength_ == Strength::append_too_weak; }
  void on_asked_exclusive() { strength_ = Strength::strengthening; }
  /// Under way: what is gathered waits.
  [[nodiscard]] bool strengthening() const { return strength_ == Strength::strengthening; }
  /// It was not to be had: what is gathered is decided as busy. Ignored when none is under way.
  void on_not_strengthened(IngestBatches& batches);
  /// The session and with it the lock is gone; a wait for it goes on.
  void on_lost();

  /// Writes what is gathered, while the lock is held, and decides it: done, or busy where the store
  /// could not, of which it gives the error. Samples that nobody waits for any more are dropped,
  /// those for which the lock is too weak stay gathered.
  Result<void> write(IngestBatches& batches);
  /// Decides what is gathered as busy: the lock was not to be had. A wait for it is over.
  void fail(IngestBatches& batches);
  /// Ends the holding; how the lock is to be released: clean, or as found where nothing was written
  /// under it, see SegmentWriter::touched().
  [[nodiscard]] LockReturn let_go();
  /// Readers want in: append is kept where something was written, else the lock is let go, as
  /// keeping it would say that the one before ended cleanly. To be done also where the lock is
  /// append already as far as is known: a refusal to strengthen may have crossed the consent.
  [[nodiscard]] LockReturn make_room_for_readers();

  [[nodiscard]] std::size_t open_files() const { return writer_ ? writer_->open_files() : 0; }
  void close_files() {
    if (writer_) writer_->close_files();
  }

 private:
  enum class Phase : std::uint8_t { idle, waiting, holding };
  /// Of a lock that is held.
  enum class Strength : std::uint8_t { exclusive, append, append_too_weak, strengthening };

  [[nodiscard]] bool is_committed(const Sample& sample) const;
  /// Forgets the samples for which `gone(at)` holds.
  template <typename Gone>
  void drop_gathered(Gone gone);
  void decide_gathered(IngestBatches& batches, Status status);

  std::string id_;
  Phase phase_ = Phase::idle;
  Strength strength_ = Strength::exclusive;
  std::vector<Sample> samples_;
  std::vector<SampleRef> refs_;  ///< of samples_, one each
  std::optional<SegmentWriter> writer_;
  std::uint64_t token_ = 0;  ///< of the lock that is held
  seconds partition_length_{};
  std::vector<CommittedPartition> committed_;
};

}  // namespace mas
