#include "ingest/metric_owner.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace mas {

void MetricOwner::gather(SampleRef ref, Sample sample) {
  refs_.push_back(ref);
  samples_.push_back(sample);
}

void MetricOwner::on_granted(SegmentStore& store, WriterGrant grant) {
  phase_ = Phase::holding;
  writer_.reset();
  writer_.emplace(store, id_, grant);
  partition_length_ = store.partition_length;
}

void MetricOwner::on_lost() {
  if (phase_ == Phase::holding) phase_ = Phase::idle;
  writer_.reset();
}

Result<void> MetricOwner::write(IngestBatches& batches) {
  MAS_CHECK(holds_lock());
  // While it waited for its lock, a sample's gateway may have gone or a client been told 503.
  std::size_t kept = 0;
  for (std::size_t at = 0; at < refs_.size(); ++at) {
    if (!batches.wanted(refs_[at])) continue;
    refs_[kept] = refs_[at];
    samples_[kept++] = samples_[at];
  }
  refs_.resize(kept);
  samples_.resize(kept);
  if (samples_.empty()) return {};
  auto written = writer_->append(samples_, committed_);
  for (std::size_t at = 0; at < refs_.size(); ++at) {
    batches.decide(refs_[at], written || is_committed(samples_[at]) ? Status::done : Status::busy);
  }
  samples_.clear();
  refs_.clear();
  return written;
}

void MetricOwner::fail(IngestBatches& batches) {
  if (phase_ == Phase::waiting) phase_ = Phase::idle;
  for (const auto ref : refs_) batches.decide(ref, Status::busy);
  samples_.clear();
  refs_.clear();
}

/// After a failed append: whether the sample's partition was written before the one that failed.
bool MetricOwner::is_committed(const Sample& sample) const {
  return std::any_of(committed_.begin(), committed_.end(),
                     [&](const CommittedPartition& partition) {
                       return sample.stamp >= partition.start &&
                              sample.stamp - partition.start < partition_length_;
                     });
}

LockEnd MetricOwner::let_go() {
  if (phase_ == Phase::holding) phase_ = Phase::idle;
  const bool touched = writer_ && writer_->touched();
  writer_.reset();
  return touched ? LockEnd::clean : LockEnd::as_found;
}

}  // namespace mas
