#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "base/byte_reader.hpp"
#include "base/bytes.hpp"
#include "base/time_types.hpp"
#include "wire/worker_messages.hpp"

namespace mas {

/// Whose request it is: a client of this gateway and the request's slot there.
struct Origin {
  std::uint64_t client = 0;
  std::uint64_t slot = 0;
};

/// Samples of one batch at most; keeps a message well below batch_bytes_max (217 bytes a sample).
inline constexpr std::uint32_t batch_samples_max = 8192;
static_assert(batch_samples_max * (1 + metric_id_bytes_max + 16) <= batch_bytes_max);

/// The samples for one worker: those of this turn, gathered column by column into the message that
/// the turn's end sends; those that wait for credit; and those that were sent and are not answered.
/// Batches are numbered without a gap, so an answer finds its batch by subtraction.
/// No socket, clock or thread. Thread-safety: one owner.
class TurnBatches {
 public:
  /// The number of the first batch; of two links no number is the same, as an answer may come late
  /// and over another link.
  explicit TurnBatches(std::uint64_t first_batch) : first_(first_batch) {}

  void add(Origin origin, std::string_view id, WallTime stamp, double value, MonoTime now);

  /// Samples gathered and not sent.
  [[nodiscard]] std::uint32_t unsent_samples() const { return unsent_samples_; }
  /// The next message to send, or null. Its columns are valid until the next call.
  [[nodiscard]] const LogBatch* next_unsent();
  [[nodiscard]] static std::uint64_t bytes_of(const LogBatch& batch);
  /// The batch that next_unsent() gave is sent.
  void sent();

  /// Takes out what is not sent, oldest first, for another worker: calls
  /// `add(origin, id, stamp, value)` for each sample.
  template <typename Add>
  void move_unsent(Add add) {
    while (batches_.size() > sent_count_) {
      const auto batch = std::move(batches_[sent_count_]);
      batches_.erase(batches_.begin() + static_cast<std::ptrdiff_t>(sent_count_));
      unsent_samples_ -= static_cast<std::uint32_t>(batch.origins.size());
      ByteReader ids(batch.ids);
      ByteReader stamps(batch.stamps);
      ByteReader values(batch.values);
      for (const auto& origin : batch.origins) {
        add(origin, ids.short_text(), wall_time(stamps.i64()), values.f64());
      }
    }
  }

  /// An answer's range. Appends the origins whose fate it tells, each once; gives the samples by
  /// which the worker's credit grows (0 for an answer that is late, repeated or nonsense). The
  /// batch's bytes come back with its last sample, in `bytes`.
  [[nodiscard]] std::uint32_t answered(std::uint64_t batch, const LogRange& range,
                                       std::vector<Origin>& origins, std::uint64_t& bytes);
  /// Appends the origins of all that has been gathered up to `latest` and has no answer; late
  /// answers to them are not told any more.
  void give_up(MonoTime latest, std::vector<Origin>& origins);

 private:
  /// What has become of one sample.
  enum class Fate : std::uint8_t {
    open,      ///< neither answered nor given up
    given_up,  ///< its client has its reply; the worker still owes an answer
    answered,
  };
  struct Batch {
    MonoTime opened{};
    Bytes ids;
    Bytes stamps;
    Bytes values;
    std::vector<Origin> origins;
    std::vector<Fate> fates;
    std::uint64_t sent_bytes = 0;
    std::uint32_t unanswered = 0;  ///< by the worker
    std::uint32_t open = 0;        ///< samples whose fate is open
  };
  Batch take_spare();

  std::deque<Batch> batches_;  ///< numbered first_ and up; the first sent_count_ are sent
  std::uint64_t first_;
  std::size_t sent_count_ = 0;
  std::uint32_t unsent_samples_ = 0;
  std::vector<Batch> spares_;  ///< keep their capacity, so that a steady load does not allocate
  LogBatch next_;
};

}  // namespace mas
