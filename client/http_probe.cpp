#include "client/http_probe.hpp"

#include <fmt/format.h>

#include <charconv>

#include "client/text_link.hpp"

namespace mas {

Result<int> http_status(const std::string& host, std::uint16_t port, const std::string& path,
                        MonoTime deadline) {
  auto link = TextLink::dial(host, port, deadline);
  if (!link) return pass_on(link);
  const auto request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n\r\n", path, host, port);
  if (const auto sent = link->send(request, deadline); !sent) return pass_on(sent);
  const auto line = link->read_line(deadline);
  if (!line) return pass_on(line);

  // "HTTP/1.1 200 OK" (RFC 9112, section 4); the reason may be missing.
  int status = 0;
  const bool is_http = line->starts_with("HTTP/1.") && line->size() >= 12 && (*line)[8] == ' ';
  if (is_http) std::from_chars(line->data() + 9, line->data() + 12, status);
  if (status < 100) return fail(Error::invalid, "{}:{} does not speak HTTP", host, port);
  return status;
}

}  // namespace mas
