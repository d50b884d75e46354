#include "ingest/ingest_batch.hpp"

namespace mas {

std::uint32_t IngestBatches::open(InstanceId gateway, std::uint64_t batch, std::uint32_t samples) {
  if (samples == 0) return next_;  // nothing to answer
  const auto number = next_++;
  open_.insert_or_assign(number, Batch{.gateway = gateway,
                                       .batch = batch,
                                       .fates = std::vector<std::uint8_t>(samples, undecided),
                                       .unanswered = samples});
  return number;
}

void IngestBatches::decide(SampleRef sample, Status status) {
  const auto found = open_.find(sample.batch);
  if (found == open_.end()) return;
  auto& batch = found->second;
  auto& fate = batch.fates[sample.position];
  if (fate != undecided) return;
  fate = static_cast<std::uint8_t>(status);
  if (!batch.touched) touched_.push_back(sample.batch);
  batch.touched = true;
}

void IngestBatches::forget(InstanceId gateway) {
  std::erase_if(open_, [&](const auto& entry) { return entry.second.gateway == gateway; });
}

bool IngestBatches::wanted(SampleRef sample) const {
  const auto found = open_.find(sample.batch);
  return found != open_.end() && found->second.fates[sample.position] == undecided;
}

void IngestBatches::take_answers(bool lease_valid, std::vector<Answer>& out) {
  for (const auto number : touched_) {
    const auto found = open_.find(number);
    if (found == open_.end()) continue;  // forgotten
    auto& batch = found->second;
    batch.touched = false;
    auto& answer =
        out.emplace_back(Answer{.gateway = batch.gateway, .batch = batch.batch, .ranges = {}});
    LogRange range;
    for (std::uint32_t at = 0; at <= batch.fates.size(); ++at) {
      const bool here = at < batch.fates.size() && batch.fates[at] < answered;
      auto status = here ? static_cast<Status>(batch.fates[at]) : Status::done;
      if (status == Status::done && !lease_valid) status = Status::busy;
      if (range.count > 0 && (!here || status != range.status)) {
        append_range(answer.ranges, range);
        batch.unanswered -= range.count;
        range.count = 0;
      }
      if (!here) continue;
      if (range.count++ == 0) range.first = at;
      range.status = status;
      batch.fates[at] = answered;
    }
    if (batch.unanswered == 0) open_.erase(found);
  }
  touched_.clear();
}

}  // namespace mas
