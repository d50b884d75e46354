#include "service/rendezvous.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace mas;

TEST_CASE("rendezvous does not depend on the order of the members") {
  const std::vector<RendezvousMember> members{{11, 1}, {22, 1}, {33, 1}};
  const std::vector<RendezvousMember> turned{{33, 1}, {11, 1}, {22, 1}};
  for (std::uint64_t key = 0; key < 1000; ++key) {
    CHECK(members[rendezvous(key, members)].instance == turned[rendezvous(key, turned)].instance);
  }
}

TEST_CASE("a member of twice the weight gets twice the keys") {
  const std::vector<RendezvousMember> members{{11, 1}, {22, 2}};
  int heavy = 0;
  constexpr int keys = 30'000;
  for (std::uint64_t key = 0; key < keys; ++key) heavy += rendezvous(key, members) == 1 ? 1 : 0;
  CHECK(heavy > keys * 0.64);
  CHECK(heavy < keys * 0.69);
}

TEST_CASE(
    "gateways and alerters agree on a shard's owner whatever order they know the alerters in") {
  const std::vector<InstanceId> alerters{5, 6, 7};
  const std::vector<InstanceId> turned{7, 5, 6};
  for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) {
    CHECK(alerters[rule_shard_owner(shard, alerters)] == turned[rule_shard_owner(shard, turned)]);
  }
}
