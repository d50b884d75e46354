#include "ingest/metric_owners.hpp"

namespace mas {
namespace {

/// A turn's errors are nearly always one cause met by many metrics; a log needs a few of them.
constexpr std::size_t errors_kept_max = 16;

}  // namespace

void MetricOwners::on_batch(InstanceId gateway, const LogBatch& batch) {
  const auto count = sample_count(batch);
  const auto number = batches_.open(gateway, batch.batch, count);
  ByteReader ids(batch.ids);
  ByteReader stamps(batch.stamps);
  ByteReader values(batch.values);
  for (std::uint32_t position = 0; position < count; ++position) {
    auto& metric = owned(ids.short_text());
    metric.owner.gather({number, position}, {wall_time(stamps.i64()), values.f64()});
    touch(metric);
  }
  counts_.samples += count;
}

MetricOwners::Owned& MetricOwners::owned(std::string_view id) {
  if (auto* known = find(id)) return *known;
  auto made = std::make_unique<Owned>(std::string(id));
  made->recent = recent_.end();
  return *metrics_.emplace(std::string(id), std::move(made)).first->second;
}

MetricOwners::Owned* MetricOwners::find(std::string_view id) {
  const auto found = metrics_.find(id);
  return found == metrics_.end() ? nullptr : found->second.get();
}

void MetricOwners::touch(Owned& metric) {
  if (!metric.touched) touched_.push_back(&metric);
  metric.touched = true;
}

void MetricOwners::on_granted(std::string_view id, WriterGrant grant) {
  auto* metric = find(id);
  if (metric == nullptr) return;
  metric->owner.on_granted(store_, grant);
  touch(*metric);
}

void MetricOwners::on_refused(std::string_view id) {
  if (auto* metric = find(id)) metric->owner.fail(batches_);
}

void MetricOwners::on_not_strengthened(std::string_view id) {
  if (auto* metric = find(id)) metric->owner.on_not_strengthened(batches_);
}

std::optional<LockReturn> MetricOwners::on_recalled(std::string_view id, LockMode wanted) {
  auto* metric = find(id);
  if (metric == nullptr || !metric->owner.holds_lock()) return std::nullopt;
  if (is_writer(wanted)) return let_go(*metric);
  write(*metric);
  auto back = metric->owner.make_room_for_readers();
  count_files(*metric);
  return back;
}

void MetricOwners::on_session_lost() {
  for (auto& [id, metric] : metrics_) {
    metric->owner.on_lost();
    count_files(*metric);
    if (metric->owner.wants_lock()) touch(*metric);
  }
}

void MetricOwners::turn(std::vector<std::string_view>& to_lock,
                        std::vector<std::string_view>& to_strengthen) {
  std::size_t writes = 0;
  auto next = touched_.begin();
  for (; next != touched_.end() && writes < writes_per_turn_max; ++next) {
    auto* metric = *next;
    metric->touched = false;
    if (metric->owner.holds_lock()) {
      if (!metric->owner.strengthening()) {
        write(*metric);
        ++writes;
      }
      if (metric->owner.wants_exclusive()) {
        to_strengthen.push_back(metric->owner.id());
        metric->owner.on_asked_exclusive();
      }
    } else if (metric->owner.wants_lock()) {
      to_lock.push_back(metric->owner.id());
      metric->owner.on_asked();
    }
  }
  touched_.erase(touched_.begin(), next);
}

void MetricOwners::write(Owned& metric) {
  if (!metric.owner.has_gathered()) return;
  ++counts_.writes;
  if (auto written = metric.owner.write(batches_); !written) {
    ++counts_.writes_failed;
    if (errors_.size() < errors_kept_max) errors_.push_back(std::move(written).error());
  }
  count_files(metric);
}

LockReturn MetricOwners::let_go(Owned& metric) {
  // Under contention the lock may come and go within one turn: what waited for it goes first.
  write(metric);
  auto back = metric.owner.let_go();
  count_files(metric);
  // What append was too weak for waits for the next lock.
  if (metric.owner.wants_lock()) touch(metric);
  return back;
}

/// Moves the metric to the front of those with open files, and closes the files of the last ones
/// above the limit.
void MetricOwners::count_files(Owned& metric) {
  const auto open = metric.owner.open_files();
  open_files_ = open_files_ - metric.open_files + open;
  metric.open_files = open;
  if (open == 0) {
    if (metric.recent != recent_.end()) recent_.erase(metric.recent);
    metric.recent = recent_.end();
    return;
  }
  if (metric.recent == recent_.end()) {
    metric.recent = recent_.insert(recent_.begin(), &metric);
  } else {
    recent_.splice(recent_.begin(), recent_, metric.recent);
  }
  while (open_files_ > open_files_max_ && recent_.back() != &metric) {
    auto& oldest = *recent_.back();
    oldest.owner.close_files();
    count_files(oldest);
  }
}

void MetricOwners::take_errors(std::vector<Error>& out) {
  for (auto& error : errors_) out.push_back(std::move(error));
  errors_.clear();
}

void MetricOwners::let_all_go(std::vector<std::pair<std::string_view, LockReturn>>& out) {
  for (auto& [id, metric] : metrics_) {
    if (metric->owner.holds_lock()) out.emplace_back(id, let_go(*metric));
  }
}

}  // namespace mas
