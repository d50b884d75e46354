#include "gateway/router.hpp"

#include "service/rendezvous.hpp"

namespace mas {
namespace {

constexpr unsigned log_slot_bits = 12;
/// Enough that 100 workers differ by a few per cent only.
constexpr std::size_t log_slot_count = std::size_t{1} << log_slot_bits;

}  // namespace

std::optional<WorkerId> Router::for_log(std::uint64_t id_hash) {
  if (log_version_ != workers_.version(Pool::ingest)) rebuild();
  if (log_slots_.empty()) return std::nullopt;
  return log_slots_[id_hash >> (64U - log_slot_bits)];
}

void Router::rebuild() {
  log_version_ = workers_.version(Pool::ingest);
  log_slots_.clear();
  const auto& serving = workers_.serving(Pool::ingest);
  if (serving.empty()) return;
  std::vector<RendezvousMember> members;
  members.reserve(serving.size());
  for (const auto id : serving) {
    const auto* worker = workers_.find(id);
    members.push_back({worker->instance, worker->weight});
  }
  log_slots_.reserve(log_slot_count);
  for (std::uint64_t slot = 0; slot < log_slot_count; ++slot) {
    log_slots_.push_back(serving[rendezvous(slot, members)]);
  }
}

std::optional<WorkerId> Router::for_alert(std::uint64_t id_hash) const {
  const auto& serving = workers_.serving(Pool::alerter);
  if (serving.empty()) return std::nullopt;
  std::vector<InstanceId> members;
  members.reserve(serving.size());
  for (const auto id : serving) members.push_back(workers_.find(id)->instance);
  return serving[rule_shard_owner(rule_shard_of(id_hash), members)];
}

std::optional<WorkerId> Router::for_query() {
  const auto& serving = workers_.serving(Pool::query);
  std::optional<WorkerId> best;
  std::uint32_t least = 0;
  for (std::size_t step = 0; step < serving.size(); ++step) {
    const auto* worker = workers_.find(serving[(query_turn_ + step) % serving.size()]);
    if (worker->credit == 0) continue;
    if (best && worker->outstanding >= least) continue;
    best = worker->id;
    least = worker->outstanding;
  }
  ++query_turn_;
  return best;
}

}  // namespace mas
