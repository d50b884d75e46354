#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "wire/envelope.hpp"

namespace mas {

/// XXH3 of a metric's id: its key wherever ids are hashed.
[[nodiscard]] std::uint64_t hash_of_id(std::string_view id);

/// Rules live in shards, each evaluated by one alerter; an id's rules share a shard.
inline constexpr std::uint32_t rule_shard_count = 64;
[[nodiscard]] std::uint32_t rule_shard_of(std::uint64_t id_hash);

struct RendezvousMember {
  InstanceId instance = any_instance;
  std::uint32_t weight = 1;  ///< at least 1
};

/// Which member a key belongs to: the index of the highest weighted score. A member that joins or
/// leaves moves only its own share of the keys. `members` must not be empty; their order does not
/// matter. Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
/// 1998; weights as -w / ln(u), Schindelhauer and Schomaker, 2005.
[[nodiscard]] std::size_t rendezvous(std::uint64_t key, std::span<const RendezvousMember> members);

/// Which alerter a rule shard belongs to: an index into the live alerters, all of equal weight.
/// Gateways send NEW-ALERT by it and alerters choose their shards by it, so it is one function.
/// `alerters` must not be empty; their order does not matter.
[[nodiscard]] std::size_t rule_shard_owner(std::uint32_t shard,
                                           std::span<const InstanceId> alerters);

}  // namespace mas
