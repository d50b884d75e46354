#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "wire/lock_types.hpp"

namespace mas {

/// The line in which one process' own requests wait for each other. A session holds a name once,
/// for the whole process, so the broker cannot keep two of its threads apart: this does. Requests
/// for many names are served as a whole; nothing overtakes an earlier request that shares a name
/// with it, unless all of both are shared. Invariant: of the uses of a name either all are shared,
/// or there is one. Thread-safety: one owner.
class LocalLine {
 public:
  struct Request {
    std::uint64_t ticket = 0;  ///< the caller's own number
    std::vector<LockName> names;
    LockMode mode = LockMode::shared;
  };

  /// Gets in line. No name is twice in a request.
  void push(Request request) { waiting_.push_back(std::move(request)); }
  /// Leaves the line; false when it is not in it (any more).
  bool cancel(std::uint64_t ticket);
  /// Appends those whose turn it is, in order. Each of their names is in use from then on.
  void take_ready(std::vector<Request>& out);

  /// One use of a name has ended.
  void end_use(const LockName& name);
  /// The one use of a name is a shared one from now on.
  void weaken(const LockName& name);

  [[nodiscard]] bool idle() const { return waiting_.empty() && uses_.empty(); }

 private:
  struct Uses {
    std::uint32_t count = 0;
    bool shared = false;
  };
  using NameUses = std::unordered_map<LockName, Uses, LockNameHash>;

  std::deque<Request> waiting_;
  NameUses uses_;
};

}  // namespace mas
