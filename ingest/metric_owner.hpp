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

/// One metric in one ingest worker: the samples that came and are not written, whether its lock is
/// held or awaited, and the writer while it is held. A sample is written only under the lock.
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
  void on_granted(SegmentStore& store, WriterGrant grant);
  /// The session and with it the lock is gone; a wait for it goes on.
  void on_lost();

  /// Writes what is gathered, while the lock is held, and decides it: done, or busy where the store
  /// could not, of which it gives the error. Samples that nobody waits for any more are dropped.
  Result<void> write(IngestBatches& batches);
  /// Decides what is gathered as busy: the lock was not to be had. A wait for it is over.
  void fail(IngestBatches& batches);
  /// Ends the holding; how the lock is to be released: clean, or as found where nothing was written
  /// under it, see SegmentWriter::touched().
  [[nodiscard]] LockEnd let_go();

  [[nodiscard]] std::size_t open_files() const { return writer_ ? writer_->open_files() : 0; }
  void close_files() {
    if (writer_) writer_->close_files();
  }

 private:
  enum class Phase : std::uint8_t { idle, waiting, holding };

  [[nodiscard]] bool is_committed(const Sample& sample) const;

  std::string id_;
  Phase phase_ = Phase::idle;
  std::vector<Sample> samples_;
  std::vector<SampleRef> refs_;  ///< of samples_, one each
  std::optional<SegmentWriter> writer_;
  seconds partition_length_{};
  std::vector<CommittedPartition> committed_;
};

}  // namespace mas
