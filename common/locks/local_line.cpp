#include "locks/local_line.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace mas {

bool LocalLine::cancel(std::uint64_t ticket) {
  return std::erase_if(waiting_, [&](const Request& it) { return it.ticket == ticket; }) > 0;
}

void LocalLine::take_ready(std::vector<Request>& out) {
  // What earlier requests that go on waiting want.
  NameUses wanted;
  const auto allows = [](const NameUses& uses, const LockName& name, bool shared) {
    const auto at = uses.find(name);
    return at == uses.end() || (shared && at->second.shared);
  };
  const auto add = [](NameUses& uses, const LockName& name, bool shared) {
    auto& use = uses[name];
    use.shared = use.count == 0 ? shared : use.shared && shared;
    ++use.count;
  };
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const bool shared = at->mode == LockMode::shared;
    const bool ready = std::all_of(at->names.begin(), at->names.end(), [&](const LockName& name) {
      return allows(uses_, name, shared) && allows(wanted, name, shared);
    });
    for (const auto& name : at->names) add(ready ? uses_ : wanted, name, shared);
    if (!ready) {
      ++at;
      continue;
    }
    out.push_back(std::move(*at));
    at = waiting_.erase(at);
  }
}

void LocalLine::end_use(const LockName& name) {
  const auto at = uses_.find(name);
  MAS_CHECK(at != uses_.end());
  if (--at->second.count == 0) uses_.erase(at);
}

void LocalLine::weaken(const LockName& name) {
  const auto at = uses_.find(name);
  MAS_CHECK(at != uses_.end() && at->second.count == 1);
  at->second.shared = true;
}

}  // namespace mas
