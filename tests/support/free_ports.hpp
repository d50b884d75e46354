#pragma once

#include <cstdint>
#include <vector>

#include "base/unique_fd.hpp"

namespace mas {

/// Ports of 127.0.0.1 on which nothing listens, kept from other tests as long as this lives, also
/// across a restart of what listens on them.
///
/// Tests run in parallel, so a port that is merely free now may be taken a moment later. Each one
/// here is below the range that the system gives to outgoing connections, and is reserved by a
/// UDP socket that holds the same number: TCP does not mind, another FreePorts does.
class FreePorts {
 public:
  /// Throws when there are not that many.
  explicit FreePorts(std::size_t count);

  [[nodiscard]] std::uint16_t operator[](std::size_t index) const { return ports_.at(index); }

 private:
  std::vector<std::uint16_t> ports_;
  std::vector<UniqueFd> reservations_;
};

}  // namespace mas
