// Plays a lock broker and its clients for virtual minutes on a network that loses, delays and
// reorders, with processes that stop, die and come back, and checks the one promise that all rests
// on: as seen from the holders, two conflicting leases are never valid at once. Then everything is
// healed, and every request must come to an end.
//
//   simulate_locks [--runs N] [--seed S]
//
// A run depends on its seed alone; a failing one is printed to be replayed.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "support/lock_world.hpp"

namespace mas {
namespace {

constexpr std::size_t clients_max = 5;
constexpr std::size_t names_max = 4;
constexpr seconds troubled_time{40};
/// After the network is healed: leases run out, the last waits are over, idle locks are returned.
constexpr seconds healing_time{60};

class Run {
 public:
  explicit Run(std::uint64_t seed) : random_(seed), world_(table()) {}

  /// What went wrong, or nothing.
  [[nodiscard]] std::optional<std::string> play() {
    const auto clients = 2 + pick(clients_max - 1);
    for (std::size_t n = 0; n < clients; ++n) {
      world_.client(world_.add_client()).clock_rate = 0.99 + 0.02 * unit();
    }
    const auto loss = unit() < 0.5 ? 0.0 : 0.1 * unit();
    const auto delay_max = milliseconds{1 + pick(unit() < 0.2 ? 800 : 20)};
    world_.lost = [this, loss] { return troubled_ && unit() < loss; };
    world_.delay = [this, delay_max] {
      return troubled_ ? nanoseconds{static_cast<std::int64_t>(
                             unit() * static_cast<double>(nanoseconds{delay_max}.count()))}
                       : nanoseconds{0};
    };
    world_.after_step = [this] { check(); };

    const auto until = world_.now() + troubled_time;
    while (world_.now() < until && !wrong_) {
      disturb();
      for (std::size_t n = 0; n < world_.size(); ++n) act(n);
      world_.run(milliseconds{1 + pick(60)});
    }
    heal();
    const auto end = world_.now() + healing_time;
    while (world_.now() < end && !wrong_) {
      for (std::size_t n = 0; n < world_.size(); ++n) let_go(n);
      world_.run(milliseconds{100});
    }
    if (!wrong_) check_rest();
    return wrong_;
  }

  [[nodiscard]] std::uint64_t grants() const { return grants_; }

 private:
  LockTableOptions table() {
    LockTableOptions options;
    options.minimum_hold = milliseconds{pick(100)};
    options.remembered_names_max = pick(4);
    return options;
  }

  double unit() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  LockMode any_mode() { return static_cast<LockMode>(1 + pick(3)); }
  static LockName name(std::size_t n) { return {LockSpace::metric, "m" + std::to_string(n)}; }

  void disturb() {
    auto& client = world_.client(pick(world_.size()));
    const auto chance = unit();
    if (chance < 0.01) {
      client.stopped = true;
    } else if (chance < 0.02) {
      client.up_cut = true;
    } else if (chance < 0.03) {
      client.down_cut = true;
    } else if (chance < 0.06) {
      client.stopped = client.up_cut = client.down_cut = false;
    } else if (chance < 0.063) {
      const auto at = pick(world_.size());
      uses_.erase(at);
      world_.replace_client(at);
    } else if (chance < 0.066) {
      world_.stop_broker();
    } else if (chance < 0.09) {
      world_.continue_broker();
    } else if (chance < 0.092) {
      world_.restart_broker(table_ttl_);
    }
  }

  void act(std::size_t n) {
    auto& client = world_.client(n);
    if (client.stopped) return;
    hear(n);
    auto& session = *client.session;
    const auto now = world_.now_of(n);
    const auto what = name(pick(names_max));
    const auto chance = unit();
    if (chance < 0.3) {
      const std::vector<LockName> names{what, name(pick(names_max))};
      session.acquire(names, any_mode(), ++ticket_, milliseconds{pick(5000)}, now);
      asked_ += names.size();
    } else if (chance < 0.4) {
      if (const auto* held = session.held(what); held != nullptr && is_writer(held->mode)) {
        session.convert_up(what, ++ticket_, milliseconds{pick(2) * pick(3000)}, now);
        ++asked_;
      }
    } else if (chance < 0.5) {
      if (const auto* held = session.begin_use(what, now); held != nullptr) {
        uses_.insert({n, {what.text, held->token}});
      }
    } else if (chance < 0.6) {
      end_one_use(n, now);
    } else if (chance < 0.7) {
      session.convert_down(what, any_mode(), now);
    } else if (chance < 0.8) {
      session.release(what, now, static_cast<LockEnd>(1 + pick(3)));
    } else if (chance < 0.82) {
      session.unable(what);
    }
  }

  void end_one_use(std::size_t n, MonoTime now) {
    const auto at = uses_.find(n);
    if (at == uses_.end()) return;
    world_.session(n).end_use({LockSpace::metric, at->second.first}, at->second.second, now);
    uses_.erase(at);
  }

  void hear(std::size_t n) {
    auto& session = world_.session(n);
    for (const auto& event : world_.take_events(n)) {
      if (const auto* granted = std::get_if<LockGranted>(&event)) {
        ++grants_;
        uses_.insert({n, {granted->name.text, granted->grant.token}});
        if (granted->ticket == 0) wrong("a grant that nobody asked for");
      } else if (const auto* recalled = std::get_if<LockRecalled>(&event)) {
        // Most holders obey; those that do not are to expire.
        if (unit() < 0.9) obey(session, *recalled, world_.now_of(n));
      }
    }
  }

  void obey(LockSession& session, const LockRecalled& recalled, MonoTime now) {
    if (recalled.wanted == LockMode::shared) {
      session.convert_down(recalled.name, LockMode::append, now);
    } else {
      session.release(recalled.name, now);
    }
  }

  /// The promise. Asked with time standing still, after everything that happens.
  void check() {
    if (wrong_) return;
    world_.broker().table().verify();
    for (std::size_t which = 0; which < names_max; ++which) {
      const auto what = name(which);
      for (std::size_t n = 0; n < world_.size(); ++n) {
        const auto* one = valid(n, what);
        if (one == nullptr) continue;
        for (std::size_t m = n + 1; m < world_.size(); ++m) {
          const auto* other = valid(m, what);
          if (other != nullptr && !compatible(one->mode, other->mode)) {
            wrong(
                fmt::format("{} is held {} by client {} (token {:x}) and {} by client {} "
                            "(token {:x})",
                            what.text, to_text(one->mode), n, one->token, to_text(other->mode), m,
                            other->token));
          }
        }
        if (!is_writer(one->mode)) continue;
        // Fencing: whoever writes has a token no lower than any writer before.
        auto& highest = highest_[what.text];
        if (one->token < highest) {
          wrong(fmt::format("{} is written under token {:x} after {:x}", what.text, one->token,
                            highest));
        }
        highest = std::max(highest, one->token);
      }
    }
  }

  const Grant* valid(std::size_t n, const LockName& what) {
    auto& session = world_.session(n);
    return session.lease_valid(world_.now_of(n)) ? session.held(what) : nullptr;
  }

  void heal() {
    troubled_ = false;
    world_.continue_broker();
    for (std::size_t n = 0; n < world_.size(); ++n) {
      auto& client = world_.client(n);
      client.stopped = client.up_cut = client.down_cut = false;
    }
  }

  void let_go(std::size_t n) {
    hear(n);
    const auto now = world_.now_of(n);
    while (uses_.count(n) != 0) end_one_use(n, now);
    for (std::size_t which = 0; which < names_max; ++which) {
      const auto* held = world_.session(n).held(name(which));
      if (held != nullptr && is_writer(held->mode)) world_.session(n).release(name(which), now);
    }
  }

  /// Nothing waits for ever, and nothing is left behind.
  void check_rest() {
    for (std::size_t n = 0; n < world_.size(); ++n) {
      const auto& session = world_.session(n);
      if (!session.open()) return wrong(fmt::format("client {} has no session", n));
      if (session.waiting_count() != 0) return wrong(fmt::format("client {} still waits", n));
      if (session.held_count() != 0) return wrong(fmt::format("client {} still holds", n));
    }
    const auto& figures = world_.broker().table().figures();
    if (figures.holders != 0 || figures.waiters != 0) wrong("the broker still has locks");
    if (figures.sessions != world_.size()) wrong("the broker still has sessions of the dead");
  }

  void wrong(std::string what) {
    if (!wrong_) wrong_ = std::move(what);
  }

  std::mt19937_64 random_;
  nanoseconds table_ttl_ = LockTableOptions{}.lease_ttl;
  LockWorld world_;
  bool troubled_ = true;
  LockTicket ticket_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t grants_ = 0;
  /// Uses under way: client, then name and token.
  std::multimap<std::size_t, std::pair<std::string, LockToken>> uses_;
  std::map<std::string, LockToken> highest_;
  std::optional<std::string> wrong_;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace
}  // namespace mas

int main(int argc, char** argv) {
  std::uint64_t runs = 100;
  std::optional<std::uint64_t> seed;
  for (int at = 1; at + 1 < argc; at += 2) {
    const auto value = mas::number(argv[at + 1]);
    const std::string_view option = argv[at];
    if (!value || (option != "--runs" && option != "--seed")) {
      fmt::print(stderr, "usage: simulate_locks [--runs N] [--seed S]\n");
      return 2;
    }
    (option == "--runs" ? runs : seed.emplace()) = *value;
  }
  const bool replay = seed.has_value();
  const std::uint64_t first = replay ? *seed : std::random_device{}();
  std::uint64_t grants = 0;
  for (std::uint64_t n = 0; n < (replay ? 1 : runs); ++n) {
    mas::Run run(first + n);
    if (const auto wrong = run.play()) {
      fmt::print("{}\nreplay: simulate_locks --seed {}\n", *wrong, first + n);
      return 1;
    }
    grants += run.grants();
  }
  fmt::print("{} runs from seed {}, {} grants: no two conflicting leases were valid at once\n",
             replay ? 1 : runs, first, grants);
  return grants == 0 ? 1 : 0;
}
