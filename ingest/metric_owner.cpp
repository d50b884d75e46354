#include "ingest/metric_owner.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace mas {

static_assert(segment_list_bytes_max <= lock_value_bytes_max);

void MetricOwner::gather(SampleRef ref, Sample sample) {
  refs_.push_back(ref);
  samples_.push_back(sample);
}

void MetricOwner::on_granted(SegmentStore& store, WriterGrant grant) {
  strength_ = Strength::exclusive;
  if (holds_lock() && token_ == grant.token) return;  // and its writer goes on
  phase_ = Phase::holding;
  token_ = grant.token;
  writer_.reset();
  writer_.emplace(store, id_, grant);
  partition_length_ = store.partition_length;
}

void MetricOwner::on_lost() {
  if (phase_ == Phase::holding) phase_ = Phase::idle;
  strength_ = Strength::exclusive;
  writer_.reset();
}

template <typename Gone>
void MetricOwner::drop_gathered(Gone gone) {
  std::size_t kept = 0;
  for (std::size_t at = 0; at < refs_.size(); ++at) {
    if (gone(at)) continue;
    refs_[kept] = refs_[at];
    samples_[kept++] = samples_[at];
  }
  refs_.resize(kept);
  samples_.resize(kept);
}

void MetricOwner::decide_gathered(IngestBatches& batches, Status status) {
  for (const auto ref : refs_) batches.decide(ref, status);
  samples_.clear();
  refs_.clear();
}

Result<void> MetricOwner::write(IngestBatches& batches) {
  MAS_CHECK(holds_lock());
  // While it waited for its lock, a sample's gateway may have gone or a client been told 503.
  drop_gathered([&](std::size_t at) { return !batches.wanted(refs_[at]); });
  if (samples_.empty()) return {};
  const auto new_segments =
      strength_ == Strength::exclusive ? NewSegments::allowed : NewSegments::refused;
  const auto written = writer_->append(samples_, committed_, new_segments);
  if (written && *written == AppendEnd::all_written) {
    decide_gathered(batches, Status::done);
    return {};
  }
  drop_gathered([&](std::size_t at) {
    const bool committed = is_committed(samples_[at]);
    if (committed) batches.decide(refs_[at], Status::done);
    return committed;
  });
  if (!written) {
    decide_gathered(batches, Status::busy);
    return pass_on(written);
  }
  if (strength_ == Strength::append) strength_ = Strength::append_too_weak;
  return {};
}

void MetricOwner::fail(IngestBatches& batches) {
  if (phase_ == Phase::waiting) phase_ = Phase::idle;
  decide_gathered(batches, Status::busy);
}

void MetricOwner::on_not_strengthened(IngestBatches& batches) {
  if (!strengthening()) return;
  strength_ = Strength::append;
  decide_gathered(batches, Status::busy);
}

/// After an append that ended early: whether the sample's partition was written before.
bool MetricOwner::is_committed(const Sample& sample) const {
  return std::any_of(committed_.begin(), committed_.end(),
                     [&](const CommittedPartition& partition) {
                       return sample.stamp >= partition.start &&
                              sample.stamp - partition.start < partition_length_;
                     });
}

LockReturn MetricOwner::let_go() {
  LockReturn back;
  back.end = LockEnd::as_found;
  if (writer_ && writer_->touched()) {
    back.end = LockEnd::clean;
    back.value = LockValue{true, writer_->segment_list()};
  }
  if (phase_ == Phase::holding) phase_ = Phase::idle;
  strength_ = Strength::exclusive;
  writer_.reset();
  return back;
}

LockReturn MetricOwner::make_room_for_readers() {
  MAS_CHECK(holds_lock());
  if (!writer_->touched()) return let_go();
  if (strength_ == Strength::exclusive) strength_ = Strength::append;
  return LockReturn{LockMode::append, LockEnd::clean, LockValue{true, writer_->segment_list()}};
}

}  // namespace mas
