#include "alerter/shard_claims.hpp"

#include <algorithm>

namespace mas {

void ShardClaims::ask(std::uint32_t shard, Actions& out) {
  if (draining_ || shards_[shard].state != State::none) return;
  shards_[shard].state = State::asked;
  out.push_back({Action::acquire, shard});
}

void ShardClaims::on_members(InstanceId self, std::span<const InstanceId> alerters, MonoTime now,
                             Actions& out) {
  for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) {
    shards_[shard].own = !alerters.empty() && alerters[rule_shard_owner(shard, alerters)] == self;
  }
  on_time(now, out);
}

void ShardClaims::on_wanted(std::uint32_t shard, Actions& out) { ask(shard, out); }

void ShardClaims::on_granted(std::uint32_t shard) { shards_[shard].state = State::held; }

void ShardClaims::on_refused(std::uint32_t shard, MonoTime now) {
  shards_[shard].state = State::none;
  shards_[shard].ask_at = now + shard_retry_interval;
}

void ShardClaims::on_recalled(std::uint32_t shard, MonoTime now, Actions& out) {
  if (shards_[shard].state != State::held) return;
  shards_[shard].state = State::none;
  // Two alerters that both take themselves for the owner, as when two gateways see different
  // workers, take turns of this length.
  shards_[shard].ask_at = now + shard_retry_interval;
  out.push_back({Action::release, shard});
}

void ShardClaims::on_session_lost(MonoTime now, Actions& out) {
  for (auto& shard : shards_) {
    if (shard.state == State::held) shard.state = State::none;
  }
  on_time(now, out);
}

void ShardClaims::on_time(MonoTime now, Actions& out) {
  for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) {
    if (shards_[shard].own && now >= shards_[shard].ask_at) ask(shard, out);
  }
}

void ShardClaims::on_drain(Actions& out) {
  draining_ = true;
  for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) {
    if (shards_[shard].state != State::held) continue;
    shards_[shard].state = State::none;
    out.push_back({Action::release, shard});
  }
}

std::size_t ShardClaims::held_count() const {
  return static_cast<std::size_t>(
      std::count_if(shards_.begin(), shards_.end(),
                    [](const Shard& shard) { return shard.state == State::held; }));
}

}  // namespace mas
