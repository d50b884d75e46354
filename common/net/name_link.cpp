#include "net/name_link.hpp"

#include <algorithm>
#include <charconv>

namespace mas {

Result<HostPort> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  HostPort out;
  if (colon == std::string_view::npos) return fail(Error::invalid, "'{}' is not HOST:PORT", text);
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return fail(Error::invalid, "'{}' is not HOST:PORT (an IPv6 address stands in [])", text);
  }
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (host.empty() || error != std::errc{} || end != port.data() + port.size() || out.port == 0) {
    return fail(Error::invalid, "'{}' is not HOST:PORT", text);
  }
  out.host = host;
  return out;
}

NameLink::NameLink(EventLoop& loop, HostPort name, nanoseconds interval, OnChange on_change)
    : resolver_(loop.io()), name_(std::move(name)), on_change_(std::move(on_change)) {
  look_up();
  loop.every(interval, [this] { look_up(); });
}

void NameLink::look_up() {
  if (under_way_) return;
  under_way_ = true;
  resolver_.async_resolve(
      name_.host, std::to_string(name_.port),
      [this](const asio::error_code& error, const asio::ip::tcp::resolver::results_type& results) {
        if (error == asio::error::operation_aborted) return;
        under_way_ = false;
        if (error) return;
        std::vector<std::string> endpoints;
        for (const auto& entry : results) {
          const auto address = entry.endpoint().address();
          const auto text = address.to_string();
          endpoints.push_back(fmt::format("tcp://{}:{}", address.is_v6() ? "[" + text + "]" : text,
                                          entry.endpoint().port()));
        }
        std::sort(endpoints.begin(), endpoints.end());
        endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
        if (endpoints == endpoints_) return;
        endpoints_ = std::move(endpoints);
        on_change_(endpoints_);
      });
}

}  // namespace mas
