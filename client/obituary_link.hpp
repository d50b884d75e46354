#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "net/zmq_socket.hpp"
#include "wire/envelope.hpp"

namespace mas {

/// Tells the lock broker that a process is gone, by who knows it for certain since it has reaped
/// it: then its locks are free at once, not when its lease is over. A broker that cannot be reached
/// is not told, and lets the lease run out. Thread-safety: one owner.
class ObituaryLink {
 public:
  /// `address` is numeric. Connects in the background, and again whenever the broker is back.
  ObituaryLink(const std::string& address, std::uint16_t port, std::string cluster);

  /// Never blocks.
  void tell(InstanceId gone);

 private:
  std::string cluster_;
  InstanceId instance_;
  zmq::context_t context_{1};
  std::optional<ZmqSocket> socket_;
};

}  // namespace mas
