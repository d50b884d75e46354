#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "wire/worker_messages.hpp"

namespace mas {

/// One sample of one batch that was received.
struct SampleRef {
  std::uint32_t batch = 0;     ///< as IngestBatches::open() gave it
  std::uint32_t position = 0;  ///< in the batch
};

/// The batches that are not wholly answered, and what became of each of their samples. Samples
/// whose lock is awaited do not hold back the answers to the rest. No socket, clock or thread.
/// Thread-safety: one owner.
class IngestBatches {
 public:
  /// A batch of `samples` came from a gateway; gives the number to refer to it by.
  std::uint32_t open(InstanceId gateway, std::uint64_t batch, std::uint32_t samples);
  /// A sample's fate, told once. `stored` is done only; what is decided so becomes busy when the
  /// lease turns out to be over, see take_answers().
  void decide(SampleRef sample, Status status);
  /// The gateway is gone: nobody waits for its answers.
  void forget(InstanceId gateway);
  /// Whether somebody still waits for this sample's fate.
  [[nodiscard]] bool wanted(SampleRef sample) const;

  struct Answer {
    InstanceId gateway = any_instance;
    std::uint64_t batch = 0;
    Bytes ranges;  ///< packed LogRanges
  };
  /// Appends an answer for each batch with newly decided samples. With `lease_valid` false, a lease
  /// checked after the last write, samples that are stored are answered busy: another writer may
  /// have taken over before they were, and never read them.
  void take_answers(bool lease_valid, std::vector<Answer>& out);

  [[nodiscard]] bool empty() const { return open_.empty(); }

 private:
  /// A sample's status, or one of these.
  static constexpr std::uint8_t undecided = 0xff;
  static constexpr std::uint8_t answered = 0xfe;

  struct Batch {
    InstanceId gateway = any_instance;
    std::uint64_t batch = 0;
    std::vector<std::uint8_t> fates;
    std::uint32_t unanswered = 0;
    bool touched = false;
  };

  std::unordered_map<std::uint32_t, Batch> open_;
  std::vector<std::uint32_t> touched_;
  std::uint32_t next_ = 0;
};

}  // namespace mas
