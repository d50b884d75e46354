#include "service/rendezvous.hpp"

#include <xxhash.h>

#include <cmath>
#include <vector>

#include "base/check.hpp"

namespace mas {

std::uint64_t hash_of_id(std::string_view id) { return XXH3_64bits(id.data(), id.size()); }

std::uint32_t rule_shard_of(std::uint64_t id_hash) {
  return static_cast<std::uint32_t>(id_hash % rule_shard_count);
}

std::size_t rendezvous(std::uint64_t key, std::span<const RendezvousMember> members) {
  MAS_CHECK(!members.empty());
  std::size_t best = 0;
  double best_score = -1;
  for (std::size_t at = 0; at < members.size(); ++at) {
    const auto hash = XXH3_64bits_withSeed(&key, sizeof key, members[at].instance);
    // The top 53 bits as a number in (0, 1); never 0, whose logarithm is infinite.
    const double unit = (static_cast<double>(hash >> 11) + 0.5) * 0x1p-53;
    const double score = static_cast<double>(members[at].weight) / -std::log(unit);
    const bool wins = score > best_score ||
                      (score == best_score && members[at].instance < members[best].instance);
    if (wins) {
      best = at;
      best_score = score;
    }
  }
  return best;
}

std::size_t rule_shard_owner(std::uint32_t shard, std::span<const InstanceId> alerters) {
  std::vector<RendezvousMember> members;
  members.reserve(alerters.size());
  for (const auto instance : alerters) members.push_back({instance, 1});
  return rendezvous(shard, members);
}

}  // namespace mas
