#include "support/linearizability.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace mas {
namespace {

/// How many operations of each client are placed.
using Placed = std::vector<std::uint32_t>;

struct PlacedHash {
  std::size_t operator()(const Placed& placed) const {
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(placed.data()), placed.size() * sizeof(placed.front())});
  }
};

/// A client's operations, and how it stands at the moment.
struct Client {
  std::vector<LockOperation> operations;
  /// By then the operation must be placed: before it or a later one of the client returned.
  std::vector<MonoTime> due;
  /// Highest token of the client's up to here, and whether and how it holds the lock.
  std::vector<LockToken> tokens{0};
  std::vector<std::optional<LockMode>> held{std::nullopt};
};

class Search {
 public:
  explicit Search(const std::vector<LockOperation>& history) {
    std::map<std::size_t, std::size_t> places;
    for (const auto& operation : history) {
      const auto place = places.try_emplace(operation.client, clients_.size()).first->second;
      if (place == clients_.size()) clients_.emplace_back();
      clients_[place].operations.push_back(operation);
    }
    for (auto& client : clients_) follow(client);
  }

  [[nodiscard]] std::optional<std::string> run() {
    Placed placed(clients_.size(), 0);
    std::unordered_set<Placed, PlacedHash> seen{placed};
    std::vector<std::pair<std::size_t, std::vector<std::size_t>>> path;  // came by; may go on by
    path.emplace_back(0, next(placed));
    std::size_t longest = 0;
    auto furthest = placed;
    while (!path.empty()) {
      if (done(placed)) return std::nullopt;
      if (path.size() > longest) {
        longest = path.size();
        furthest = placed;
      }
      auto& choices = path.back().second;
      if (choices.empty()) {
        const auto came_by = path.back().first;
        path.pop_back();
        if (!path.empty()) --placed[came_by];
        continue;
      }
      const auto client = choices.back();
      choices.pop_back();
      ++placed[client];
      if (seen.insert(placed).second) {
        path.emplace_back(client, next(placed));
      } else {
        --placed[client];
      }
    }
    return describe(furthest);
  }

 private:
  /// What does not depend on others.
  static void follow(Client& client) {
    auto due = MonoTime::max();
    client.due.resize(client.operations.size());
    for (auto at = client.operations.size(); at-- > 0;) {
      due = std::min(due, client.operations[at].returned);
      client.due[at] = due;
    }
    for (const auto& operation : client.operations) {
      const bool releases = operation.what == LockOperation::What::release;
      client.held.push_back(releases ? std::nullopt : std::optional(operation.mode));
      client.tokens.push_back(std::max(client.tokens.back(), operation.token));
    }
  }

  [[nodiscard]] bool done(const Placed& placed) const {
    for (std::size_t n = 0; n < clients_.size(); ++n) {
      if (placed[n] < clients_[n].operations.size()) return false;
    }
    return true;
  }

  /// The clients whose next operation may come next, the one to try first at the end.
  [[nodiscard]] std::vector<std::size_t> next(const Placed& placed) const {
    auto due = MonoTime::max();
    for (std::size_t n = 0; n < clients_.size(); ++n) {
      if (placed[n] < clients_[n].due.size()) due = std::min(due, clients_[n].due[placed[n]]);
    }
    std::vector<std::size_t> clients;
    for (std::size_t n = 0; n < clients_.size(); ++n) {
      if (placed[n] == clients_[n].operations.size()) continue;
      if (clients_[n].operations[placed[n]].invoked <= due && legal(n, placed)) {
        clients.push_back(n);
      }
    }
    std::sort(clients.begin(), clients.end(), [&](std::size_t a, std::size_t b) {
      return clients_[a].due[placed[a]] > clients_[b].due[placed[b]];
    });
    return clients;
  }

  [[nodiscard]] bool legal(std::size_t n, const Placed& placed) const {
    const auto& operation = clients_[n].operations[placed[n]];
    const auto& held = clients_[n].held[placed[n]];
    const bool acquires = operation.what == LockOperation::What::acquire;
    if (acquires == held.has_value()) return false;
    if (operation.what == LockOperation::What::release) return true;
    for (std::size_t other = 0; other < clients_.size(); ++other) {
      const auto& theirs = clients_[other].held[placed[other]];
      if (other != n && theirs && !compatible(*theirs, operation.mode)) return false;
    }
    if (!acquires) return true;
    const auto own = clients_[n].tokens[placed[n]];
    if (operation.token == own && operation.mode == LockMode::shared) return own != 0;
    for (std::size_t other = 0; other < clients_.size(); ++other) {
      if (clients_[other].tokens[placed[other]] >= operation.token) return false;
    }
    return true;
  }

  /// Where no order was found to go on from.
  [[nodiscard]] std::string describe(const Placed& placed) const {
    std::size_t count = 0;
    for (const auto n : placed) count += n;
    auto text = fmt::format("no order found for what follows {} operations:", count);
    for (std::size_t n = 0; n < clients_.size(); ++n) {
      const auto& client = clients_[n];
      const auto held = client.held[placed[n]];
      text += fmt::format("\n  client {} {}, token {:x}",
                          client.operations.empty() ? 0 : client.operations.front().client,
                          held ? to_text(*held) : "holds nothing", client.tokens[placed[n]]);
      if (placed[n] == client.operations.size()) continue;
      const auto& operation = client.operations[placed[n]];
      constexpr std::string_view words[] = {"acquire", "convert", "release"};
      text += fmt::format("; next: {} {} token {:x} invoked {} due {}",
                          words[static_cast<std::size_t>(operation.what)], to_text(operation.mode),
                          operation.token, operation.invoked.time_since_epoch().count(),
                          client.due[placed[n]].time_since_epoch().count());
    }
    return text;
  }

  std::vector<Client> clients_;
};

}  // namespace

std::optional<std::string> not_linearizable(const std::vector<LockOperation>& history) {
  return Search(history).run();
}

}  // namespace mas
