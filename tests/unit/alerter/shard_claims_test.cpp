#include "alerter/shard_claims.hpp"

#include <algorithm>
#include <set>

#include "support/catch.hpp"

namespace mas {
namespace {

using Action = ShardClaims::Action;
using Actions = ShardClaims::Actions;
constexpr MonoTime start{};

/// A broker of one lock a shard, and alerters that follow their claims.
struct World {
  explicit World(std::vector<InstanceId> instances) : alerters(std::move(instances)) {
    claims.resize(alerters.size());
    live.insert(alerters.begin(), alerters.end());
  }

  void members_changed(MonoTime now) {
    const std::vector<InstanceId> seen(live.begin(), live.end());
    for (std::size_t who = 0; who < alerters.size(); ++who) {
      if (!live.contains(alerters[who])) continue;
      Actions actions;
      claims[who].on_members(alerters[who], seen, now, actions);
      act(who, actions, now);
    }
  }
  void act(std::size_t who, const Actions& actions, MonoTime now) {
    for (const auto& action : actions) {
      auto& holder = holders[action.shard];
      if (action.kind == Action::release) {
        REQUIRE(holder == alerters[who]);
        holder = any_instance;
        grant(action.shard);
        continue;
      }
      waiting[action.shard].push_back(who);
      if (holder == any_instance) {
        grant(action.shard);
      } else {
        const auto at = std::find(alerters.begin(), alerters.end(), holder) - alerters.begin();
        const auto other = static_cast<std::size_t>(at);
        Actions answer;
        claims[other].on_recalled(action.shard, now, answer);
        act(other, answer, now);
      }
    }
  }
  void grant(std::uint32_t shard) {
    auto& line = waiting[shard];
    if (line.empty()) return;
    const auto who = line.front();
    line.erase(line.begin());
    holders[shard] = alerters[who];
    claims[who].on_granted(shard);
  }
  void die(std::size_t who) {
    live.erase(alerters[who]);
    for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) {
      std::erase(waiting[shard], who);
      if (holders[shard] != alerters[who]) continue;
      holders[shard] = any_instance;
      grant(shard);
    }
  }
  std::size_t held_by(std::size_t who) const { return claims[who].held_count(); }

  std::vector<InstanceId> alerters;
  std::vector<ShardClaims> claims;
  std::set<InstanceId> live;
  std::array<InstanceId, rule_shard_count> holders{};
  std::array<std::vector<std::size_t>, rule_shard_count> waiting;
};

}  // namespace

TEST_CASE("alerters share the shards, and each shard has one of them") {
  World world({11, 22, 33});
  world.members_changed(start);
  CHECK(world.held_by(0) + world.held_by(1) + world.held_by(2) == rule_shard_count);
  for (std::size_t who = 0; who < 3; ++who) CHECK(world.held_by(who) > 5);
}

TEST_CASE("an alerter that joins recalls its share from those that hold it") {
  World world({11, 22});
  world.live = {11};
  world.members_changed(start);
  CHECK(world.held_by(0) == rule_shard_count);
  world.live = {11, 22};
  world.members_changed(start + seconds{1});
  CHECK(world.held_by(0) + world.held_by(1) == rule_shard_count);
  CHECK(world.held_by(1) > 10);
}

TEST_CASE("when an alerter dies the others take over all its shards") {
  World world({11, 22, 33});
  world.members_changed(start);
  world.die(1);
  world.members_changed(start + seconds{5});
  CHECK(world.held_by(0) + world.held_by(2) == rule_shard_count);
}

TEST_CASE("a shard that is another's by now is kept until somebody wants it") {
  ShardClaims claims;
  Actions actions;
  const std::vector<InstanceId> alone{11};
  claims.on_members(11, alone, start, actions);
  CHECK(actions.size() == rule_shard_count);
  for (std::uint32_t shard = 0; shard < rule_shard_count; ++shard) claims.on_granted(shard);
  actions.clear();
  const std::vector<InstanceId> others{22};
  claims.on_members(11, others, start, actions);
  CHECK(actions.empty());
  claims.on_recalled(3, start, actions);
  CHECK(actions == Actions{{Action::release, 3}});
  actions.clear();
  claims.on_time(start + seconds{60}, actions);
  CHECK(actions.empty());
  CHECK(claims.held_count() == rule_shard_count - 1);
}

TEST_CASE("a shard that a request waits for is asked for at once, by whomever") {
  ShardClaims claims;
  Actions actions;
  claims.on_wanted(9, actions);
  CHECK(actions == Actions{{Action::acquire, 9}});
  claims.on_wanted(9, actions);
  CHECK(actions.size() == 1);
  claims.on_granted(9);
  CHECK(claims.holds(9));
  claims.on_wanted(9, actions);
  CHECK(actions.size() == 1);
}

TEST_CASE("an owner that was refused or recalled asks again, but not at once") {
  ShardClaims claims;
  Actions actions;
  const std::vector<InstanceId> alone{11};
  claims.on_members(11, alone, start, actions);
  actions.clear();

  SECTION("refused") { claims.on_refused(5, start); }
  SECTION("recalled") {
    claims.on_granted(5);
    claims.on_recalled(5, start, actions);
    CHECK(actions == Actions{{Action::release, 5}});
    actions.clear();
  }
  claims.on_time(start + shard_retry_interval - nanoseconds{1}, actions);
  CHECK(actions.empty());
  claims.on_time(start + shard_retry_interval, actions);
  CHECK(actions == Actions{{Action::acquire, 5}});
}

TEST_CASE("with the session all shards are lost, and the own ones are asked for anew") {
  ShardClaims claims;
  Actions actions;
  const std::vector<InstanceId> alone{11};
  claims.on_members(11, alone, start, actions);
  claims.on_granted(1);
  claims.on_granted(2);
  actions.clear();
  claims.on_session_lost(start, actions);
  CHECK(claims.held_count() == 0);
  // The rest is still asked for: the session goes on waiting for it.
  CHECK(actions == Actions{{Action::acquire, 1}, {Action::acquire, 2}});
}

TEST_CASE("an alerter that drains gives back what it holds and asks for nothing more") {
  ShardClaims claims;
  Actions actions;
  claims.on_wanted(4, actions);
  claims.on_granted(4);
  actions.clear();
  claims.on_drain(actions);
  CHECK(actions == Actions{{Action::release, 4}});
  actions.clear();
  claims.on_wanted(4, actions);
  const std::vector<InstanceId> alone{11};
  claims.on_members(11, alone, start, actions);
  claims.on_time(start + seconds{60}, actions);
  CHECK(actions.empty());
}

TEST_CASE("nobody sees any alerter: nothing is asked for") {
  ShardClaims claims;
  Actions actions;
  claims.on_members(11, {}, start, actions);
  CHECK(actions.empty());
}

}  // namespace mas
