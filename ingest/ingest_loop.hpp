#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/flush_loop.hpp"
#include "ingest/metric_owners.hpp"
#include "service/repeat_limit.hpp"
#include "service/worker.hpp"
#include "store/posix_file.hpp"

namespace mas {

/// What an ingest worker is told at its start.
struct IngestOptions {
  seconds partition_length{86'400};
  std::uint32_t open_files_max = 1'000;
  /// Between two flushes of what was written to the disk; 0: leave it to the kernel.
  nanoseconds flush_interval = seconds{1};
};

/// The ingest worker: batches of samples in, blocks in the metrics' segments and answers out.
/// Thread-safety: the loop's thread.
class IngestLoop final : public Worker {
 public:
  IngestLoop(WorkerContext& context, IngestOptions options);

  void on_request(InstanceId gateway, WorkerMessage type, Decoder& in) override;
  void on_gateway_lost(InstanceId gateway) override { owners_.on_gateway_lost(gateway); }
  void on_lock_event(const LockEvent& event) override;
  void on_turn_end() override;
  [[nodiscard]] bool idle() const override { return owners_.idle(); }
  void finish() override;
  void metrics(std::string& page) const override;

 private:
  void send_answers(bool lease_valid);
  void give_back(const LockName& name, const LockReturn& back);
  void warn(std::string_view what, const Error& error);

  WorkerContext context_;
  PosixFileSystem files_;
  SegmentStore store_;
  MetricOwners owners_;
  /// The lock session that all locks in owners_ belong to; 0 while there is none.
  LockToken session_ = 0;
  RepeatLimit warnings_;
  // Kept for their capacity.
  std::vector<std::string_view> ids_to_lock_;
  std::vector<std::string_view> ids_to_strengthen_;
  std::vector<LockName> to_lock_;
  std::vector<IngestBatches::Answer> answers_;
  std::vector<Error> errors_;
  std::unique_ptr<FlushLoop> flusher_;
};

}  // namespace mas
