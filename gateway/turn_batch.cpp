#include "gateway/turn_batch.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace mas {
namespace {

/// Emptied batches kept for reuse.
constexpr std::size_t spares_max = 8;

}  // namespace

TurnBatches::Batch TurnBatches::take_spare() {
  if (spares_.empty()) return {};
  auto batch = std::move(spares_.back());
  spares_.pop_back();
  return batch;
}

void TurnBatches::add(Origin origin, std::string_view id, WallTime stamp, double value,
                      MonoTime now) {
  const bool open =
      batches_.size() > sent_count_ && batches_.back().origins.size() < batch_samples_max;
  if (!open) {
    batches_.push_back(take_spare());
    batches_.back().opened = now;
  }
  auto& batch = batches_.back();
  append_short_text(batch.ids, id);
  append_le(batch.stamps, to_int(stamp));
  append_le(batch.values, value);
  batch.origins.push_back(origin);
  batch.fates.push_back(Fate::open);
  ++batch.unanswered;
  ++batch.open;
  ++unsent_samples_;
}

const LogBatch* TurnBatches::next_unsent() {
  if (batches_.size() == sent_count_) return nullptr;
  const auto& batch = batches_[sent_count_];
  next_ = {.batch = first_ + sent_count_,
           .ids = batch.ids,
           .stamps = batch.stamps,
           .values = batch.values};
  return &next_;
}

std::uint64_t TurnBatches::bytes_of(const LogBatch& batch) {
  return batch.ids.size() + batch.stamps.size() + batch.values.size();
}

void TurnBatches::sent() {
  auto& batch = batches_[sent_count_++];
  batch.sent_bytes = batch.ids.size() + batch.stamps.size() + batch.values.size();
  unsent_samples_ -= static_cast<std::uint32_t>(batch.origins.size());
  batch.ids.clear();
  batch.stamps.clear();
  batch.values.clear();
}

std::uint32_t TurnBatches::answered(std::uint64_t batch_number, const LogRange& range,
                                    std::vector<Origin>& origins, std::uint64_t& bytes) {
  bytes = 0;
  if (batch_number < first_ || batch_number - first_ >= sent_count_) return 0;
  auto& batch = batches_[batch_number - first_];
  if (range.first > batch.fates.size() || range.count > batch.fates.size() - range.first) return 0;
  std::uint32_t credit = 0;
  for (std::uint32_t at = range.first; at < range.first + range.count; ++at) {
    auto& fate = batch.fates[at];
    if (fate == Fate::answered) continue;
    if (fate == Fate::open) {
      origins.push_back(batch.origins[at]);
      --batch.open;
    }
    fate = Fate::answered;
    ++credit;
  }
  batch.unanswered -= credit;
  if (credit > 0 && batch.unanswered == 0) bytes = batch.sent_bytes;
  while (sent_count_ > 0 && batches_.front().unanswered == 0) {
    auto done = std::move(batches_.front());
    batches_.pop_front();
    ++first_;
    --sent_count_;
    done.origins.clear();
    done.fates.clear();
    if (spares_.size() < spares_max) spares_.push_back(std::move(done));
  }
  return credit;
}

void TurnBatches::give_up(MonoTime latest, std::vector<Origin>& origins) {
  std::size_t position = 0;
  for (auto& batch : batches_) {
    if (batch.opened > latest) break;  // they are in the order of their opening
    const bool is_sent = position++ < sent_count_;
    if (batch.open == 0) continue;
    for (std::size_t at = 0; at < batch.fates.size(); ++at) {
      if (batch.fates[at] != Fate::open) continue;
      origins.push_back(batch.origins[at]);
      batch.fates[at] = Fate::given_up;
    }
    batch.open = 0;
    if (is_sent) continue;
    // Never sent: the worker must not store what its client was told is not stored.
    unsent_samples_ -= static_cast<std::uint32_t>(batch.origins.size());
    batch.ids.clear();
    batch.stamps.clear();
    batch.values.clear();
    batch.origins.clear();
    batch.fates.clear();
    batch.unanswered = 0;
  }
  // Batches that were given up before they were sent stand behind the sent ones, in a row.
  while (batches_.size() > sent_count_ && batches_[sent_count_].origins.empty()) {
    batches_.erase(batches_.begin() + static_cast<std::ptrdiff_t>(sent_count_));
  }
}

}  // namespace mas
