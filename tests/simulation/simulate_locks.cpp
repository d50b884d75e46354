// Plays a lock broker and its clients for virtual time on a network that loses, delays, doubles and
// reorders, with processes that stop, die and come back, and a broker that restarts. After each
// step it checks
//   - the one promise that all rests on: as seen from the holders' own clocks, two conflicting
//     leases are never valid at once;
//   - fencing: of two grants of a name the later one has the higher token, and a writer is told
//     "clean" only when the writer before it let go cleanly;
//   - fairness: nobody passes a conflicting request that waits;
//   - the table's own invariants.
// Then everything is healed, and every request must be granted or come to another end.
//
//   simulate_locks [--runs N] [--first S | --random]    seeds from S, 1 unless told otherwise
//   simulate_locks --seed S                             one run again
//
// A run depends on its seed alone; a failing one is printed to be replayed. With --expect-fault it
// is an error when nothing goes wrong: builds with a fault planted on purpose are run like that.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <csignal>
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
constexpr seconds troubled_time{20};
/// After the network is healed: leases run out, the last waits are over, idle locks are returned.
constexpr seconds healing_time{30};
/// Shorter than healing_time and longer than all that can be in its way.
constexpr seconds last_wait_max{20};

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
    const auto doubling = unit() < 0.5 ? 0.0 : 0.1 * unit();
    const auto delay_max = milliseconds{1 + pick(unit() < 0.2 ? 800 : 20)};
    world_.lost = [this, loss] { return troubled_ && unit() < loss; };
    world_.twice = [this, doubling] { return troubled_ && unit() < doubling; };
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
    ask_for_all();
    const auto end = world_.now() + healing_time;
    while (world_.now() < end && !wrong_) {
      for (std::size_t n = 0; n < world_.size(); ++n) let_go(n);
      world_.run(milliseconds{100});
    }
    if (!wrong_) check_rest();
    return wrong_;
  }

  [[nodiscard]] std::uint64_t grants() const { return grants_; }
  [[nodiscard]] std::uint64_t reclaims() const { return reclaims_; }

 private:
  /// A client that is back only for a while.
  struct LateOne {
    std::size_t client = 0;
    MonoTime back{};
    MonoTime gone{};
  };
  /// The last writer of a name, as the clients know it.
  struct Writer {
    LockToken token = 0;
    bool clean = true;
    bool clean_before = true;  ///< how the one before it ended
  };

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
    if (late_) disturb_late_one();
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
      last_.erase(at);
      world_.replace_client(at);
    } else if (chance < 0.066) {
      world_.stop_broker();
    } else if (chance < 0.09) {
      world_.continue_broker();
    } else if (chance < 0.096) {
      restart_broker();
    }
  }

  void restart_broker() {
    reclaims_ += world_.broker().table().figures().reclaims;
    seen_.clear();
    waits_.clear();
    if (unit() < 0.1) return world_.restart_broker_without_its_file();
    // Its leases are over when those of the broker before are, whatever it was started with.
    const auto before = world_.table_options().lease_ttl;
    if (unit() < 0.2) world_.table_options().lease_ttl = milliseconds{1000 + pick(4000)};
    grace_ = std::max(before, std::max(grace_, world_.table_options().lease_ttl));
    world_.restart_broker(grace_);
    if (unit() < 0.5) {
      // The dangerous moment: a client that is cut off and comes back late in the grace period.
      const auto back = before * 3 / 4 + milliseconds{pick(500)};
      late_ = LateOne{pick(world_.size()), world_.now() + back,
                      world_.now() + back + milliseconds{20 + pick(200)}};
      world_.client(late_->client).up_cut = true;
    }
  }

  void disturb_late_one() {
    auto& client = world_.client(late_->client);
    if (world_.now() < late_->back) {
      client.up_cut = true;
    } else if (world_.now() < late_->gone) {
      client.stopped = client.up_cut = client.down_cut = false;
    } else {
      client.up_cut = true;
      late_.reset();
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
      convert_down(session, what, any_mode(), now);
    } else if (chance < 0.8) {
      release(session, what, now, static_cast<LockEnd>(1 + pick(3)));
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
        last_[n].erase(granted->ticket);
        if (granted->ticket == 0) wrong("a grant that nobody asked for");
      } else if (const auto* refused = std::get_if<LockRefused>(&event)) {
        if (last_[n].erase(refused->ticket) != 0) ask_again(n, *refused);
      } else if (const auto* recalled = std::get_if<LockRecalled>(&event)) {
        // Most holders obey; those that do not are to expire.
        if (unit() < 0.9) obey(session, *recalled, world_.now_of(n));
      }
    }
  }

  void obey(LockSession& session, const LockRecalled& recalled, MonoTime now) {
    if (recalled.wanted == LockMode::shared) {
      convert_down(session, recalled.name, LockMode::append, now);
    } else {
      release(session, recalled.name, now, LockEnd::clean);
    }
  }

  void release(LockSession& session, const LockName& what, MonoTime now, LockEnd end) {
    const auto* held = session.held(what);
    if (held != nullptr && is_writer(held->mode) && session.lease_valid(now)) {
      auto& writer = writers_[what.text];
      if (writer.token == held->token && end != LockEnd::unclean) {
        writer.clean = end == LockEnd::clean || writer.clean_before;
      }
    }
    session.release(what, now, end);
  }

  void convert_down(LockSession& session, const LockName& what, LockMode mode, MonoTime now) {
    const auto* held = session.held(what);
    if (held != nullptr && is_writer(held->mode) && held->mode > mode && session.lease_valid(now)) {
      auto& writer = writers_[what.text];
      if (writer.token == held->token) {
        writer.clean_before = true;  // it has vouched for what is there
        if (!is_writer(mode)) writer.clean = true;
      }
    }
    session.convert_down(what, mode, now);
  }

  /// The promise. Asked with time standing still, after everything that happens.
  void check() {
    if (wrong_) return;
    world_.broker().table().verify();
    check_table();
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
        note_writer(what.text, *one);
        if (one->token < highest) {
          wrong(fmt::format("{} is written under token {:x} after {:x}", what.text, one->token,
                            highest));
        }
        highest = std::max(highest, one->token);
      }
    }
  }

  void note_writer(const std::string& what, const Grant& grant) {
    auto& writer = writers_[what];
    if (writer.token == grant.token) return;
    if (grant.previous_end_clean && !writer.clean) {
      wrong(fmt::format("{} is granted under token {:x} as if {:x} had ended cleanly", what,
                        grant.token, writer.token));
    }
    writer = {grant.token, false, writer.clean && grant.previous_end_clean};
  }

  /// What the broker shows of each name: tokens, and who passed whom.
  void check_table() {
    const auto& table = world_.broker().table();
    const auto since_last = world_.now() - checked_;
    checked_ = world_.now();
    decltype(waits_) waits;
    static_cast<void>(table.each_name(
        0, 1000, [](const LockName&, bool) { return true; }, world_.now(),
        [&](const LockNameRow& row) {
          const auto& what = row.name.text;
          auto& now_waiting = waits[what];
          for (const auto& waiter : row.listed_waiters) now_waiting.push_back(waiter);
          for (const auto& holder : row.listed_holders) {
            auto& seen = seen_[what];
            if (!seen.insert(holder.token).second) continue;
            check_new_grant(what, holder, now_waiting, since_last);
          }
          return true;
        }));
    waits_ = std::move(waits);
  }

  void check_new_grant(const std::string& what, const LockNameRow::Holder& holder,
                       const std::vector<LockNameRow::Waiter>& waiting, nanoseconds since_last) {
    if (epoch_of(holder.token) != world_.broker().table().epoch()) return;  // reclaimed
    auto& highest = granted_[what];
    if (holder.token <= highest) {
      wrong(fmt::format("{} is granted under token {:x} after {:x}", what, holder.token, highest));
    }
    highest = std::max(highest, holder.token);
    const auto before = waits_.find(what);
    if (before == waits_.end()) return;
    for (const auto& ahead : before->second) {
      if (ahead.session == holder.session) break;  // what follows was behind it
      if (compatible(ahead.mode, holder.mode) || compatible(holder.mode, ahead.mode)) continue;
      const auto still = std::find_if(waiting.begin(), waiting.end(), [&](const auto& waiter) {
        return waiter.session == ahead.session && waiter.mode == ahead.mode &&
               milliseconds{waiter.waited_ms + 1} >= since_last;
      });
      if (still != waiting.end() && milliseconds{still->waited_ms} > milliseconds{1}) {
        wrong(fmt::format("{} was granted to {:x}, past {:x} which waits for it", what,
                          holder.session, ahead.session));
      }
    }
  }

  /// What an older wish or an "unable" that was on its way has ended is asked for anew; only to
  /// wait in vain is wrong.
  void ask_again(std::size_t n, const LockRefused& refused) {
    if (refused.error.text.find("waited too long") != std::string::npos) {
      return wrong(
          fmt::format("client {} waited in vain when all was well: {}", n, to_text(refused.name)));
    }
    last_[n].insert(++ticket_);
    world_.session(n).acquire(refused.name, LockMode::exclusive, ticket_, last_wait_max,
                              world_.now_of(n));
  }

  /// Once all is healed nobody stands in anybody's way for long, so each of these must be granted.
  void ask_for_all() {
    for (std::size_t n = 0; n < world_.size(); ++n) {
      for (std::size_t which = 0; which < names_max; ++which) {
        const auto* held = world_.session(n).held(name(which));
        if (held != nullptr && held->mode != LockMode::exclusive) continue;  // let go first
        last_[n].insert(++ticket_);
        world_.session(n).acquire(name(which), LockMode::exclusive, ticket_, last_wait_max,
                                  world_.now_of(n));
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
      if (held != nullptr && is_writer(held->mode)) {
        release(world_.session(n), name(which), now, LockEnd::clean);
      }
    }
  }

  /// Nothing waits for ever, and nothing is left behind.
  void check_rest() {
    for (std::size_t n = 0; n < world_.size(); ++n) {
      const auto& session = world_.session(n);
      if (!session.open()) return wrong(fmt::format("client {} has no session", n));
      if (session.waiting_count() != 0) return wrong(fmt::format("client {} still waits", n));
      if (session.held_count() != 0) return wrong(fmt::format("client {} still holds", n));
      if (!last_[n].empty()) return wrong(fmt::format("client {} asked and got nothing", n));
    }
    const auto& figures = world_.broker().table().figures();
    if (figures.holders != 0 || figures.waiters != 0) wrong("the broker still has locks");
    if (figures.sessions != world_.size()) wrong("the broker still has sessions of the dead");
  }

  void wrong(std::string what) {
    if (!wrong_) wrong_ = std::move(what);
  }

  std::mt19937_64 random_;
  LockWorld world_;
  bool troubled_ = true;
  LockTicket ticket_ = 0;
  std::uint64_t asked_ = 0;
  std::uint64_t grants_ = 0;
  /// Uses under way: client, then name and token.
  std::multimap<std::size_t, std::pair<std::string, LockToken>> uses_;
  std::map<std::string, LockToken> highest_;  ///< under which was written
  std::map<std::string, Writer> writers_;
  std::map<std::size_t, std::set<LockTicket>> last_;  ///< asked for when all was healed
  milliseconds grace_{0};
  std::optional<LateOne> late_;
  std::uint64_t reclaims_ = 0;

  // What the broker showed last.
  MonoTime checked_{};
  std::map<std::string, std::vector<LockNameRow::Waiter>> waits_;
  std::map<std::string, std::set<LockToken>> seen_;  ///< tokens held, since the broker started
  std::map<std::string, LockToken> granted_;         ///< the highest
  std::optional<std::string> wrong_;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Arguments {
  std::uint64_t runs = 100;
  std::uint64_t first = 1;
  bool expect_fault = false;
};

std::optional<Arguments> parse(int argc, char** argv) {
  Arguments out;
  for (int at = 1; at < argc; ++at) {
    const std::string_view option = argv[at];
    if (option == "--expect-fault") {
      out.expect_fault = true;
    } else if (option == "--random") {
      out.first = std::random_device{}();
    } else {
      const auto value = at + 1 < argc ? number(argv[++at]) : std::nullopt;
      if (!value) return std::nullopt;
      if (option == "--runs") {
        out.runs = *value;
      } else if (option == "--first" || option == "--seed") {
        out.first = *value;
        if (option == "--seed") out.runs = 1;
      } else {
        return std::nullopt;
      }
    }
  }
  return out;
}

// For the handler of a broken invariant, which aborts.
std::uint64_t seed_now = 0;
bool fault_expected = false;

void print_replay() { fmt::print("replay: simulate_locks --seed {}\n", seed_now); }

void on_abort(int) {
  print_replay();
  std::fflush(stdout);
  std::_Exit(fault_expected ? 0 : 1);
}

}  // namespace
}  // namespace mas

int main(int argc, char** argv) {
  const auto arguments = mas::parse(argc, argv);
  if (!arguments) {
    fmt::print(stderr,
               "usage: simulate_locks [--runs N] [--first S | --random | --seed S] "
               "[--expect-fault]\n");
    return 2;
  }
  mas::fault_expected = arguments->expect_fault;
  std::signal(SIGABRT, mas::on_abort);
  std::uint64_t grants = 0;
  std::uint64_t reclaims = 0;
  for (std::uint64_t n = 0; n < arguments->runs; ++n) {
    mas::seed_now = arguments->first + n;
    mas::Run run(mas::seed_now);
    if (const auto wrong = run.play()) {
      fmt::print("{}\n", *wrong);
      mas::print_replay();
      return arguments->expect_fault ? 0 : 1;
    }
    grants += run.grants();
    reclaims += run.reclaims();
  }
  fmt::print(
      "{} runs from seed {}, {} grants, {} locks that outlived a broker: all promises were kept\n",
      arguments->runs, arguments->first, grants, reclaims);
  return grants == 0 || arguments->expect_fault ? 1 : 0;
}
