#pragma once

#include <string>
#include <zmq.hpp>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "net/name_link.hpp"
#include "net/zmq_socket.hpp"
#include "wire/lock_report.hpp"

namespace mas {

/// Asks a lock broker about its state, page by page, waiting for each. Takes the first address
/// behind the name. Thread-safety: one owner.
class LockInspector {
 public:
  /// Error::lost when the name has no address.
  static Result<LockInspector> dial(const HostPort& broker, std::string cluster);

  /// One page; its rows live until the next call. Asks again where no answer comes. Error::lost
  /// when none came by the deadline.
  Result<LockReport> ask(LockInspect question, MonoTime deadline);

 private:
  LockInspector(std::unique_ptr<zmq::context_t> context, ZmqSocket socket, std::string cluster);

  std::unique_ptr<zmq::context_t> context_;
  ZmqSocket socket_;
  std::string cluster_;
  std::uint64_t instance_;
  std::uint64_t number_ = 0;
  ZmqMessage answer_;
};

}  // namespace mas
