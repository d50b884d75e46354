#pragma once

#include <asio.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time_types.hpp"
#include "net/event_loop.hpp"

namespace mas {

/// A host and a port as people write them: `gateway:5556`, `127.0.0.1:5556`, `[::1]:5556`.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
/// Error::invalid when it is none.
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);

/// Looks one name up again and again, in a thread of Asio's so that nothing stalls, and tells the
/// numeric endpoints (`tcp://10.0.0.7:5556`) behind it, sorted, whenever they change. A name that
/// does not resolve (yet) leaves the last answer standing. Thread-safety: the loop's thread.
class NameLink {
 public:
  using OnChange = std::function<void(const std::vector<std::string>& endpoints)>;
  NameLink(EventLoop& loop, HostPort name, nanoseconds interval, OnChange on_change);

 private:
  void look_up();

  asio::ip::tcp::resolver resolver_;
  HostPort name_;
  OnChange on_change_;
  std::vector<std::string> endpoints_;
  bool under_way_ = false;
};

}  // namespace mas
