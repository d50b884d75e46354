#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "net/event_loop.hpp"

namespace mas {

/// What an HTTP port tells; each is called in the loop's thread.
struct HttpPages {
  std::function<bool()> ready;           ///< /readyz: 200 or 503
  std::function<std::string()> metrics;  ///< /metrics: Prometheus text exposition
};

/// Serves /healthz (200 while the loop turns, 503 when it has not answered within a second),
/// /readyz and /metrics, from threads of its own that ask the loop. Ends with its destruction.
class HttpServer {
 public:
  /// Error::io when the address cannot be bound.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(EventLoop& loop,
                                                                 const std::string& bind,
                                                                 std::uint16_t port,
                                                                 const HttpPages& pages);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

 private:
  HttpServer();
  struct Server;
  std::unique_ptr<Server> server_;
};

/// Appends one metric with its help and type, as
/// https://prometheus.io/docs/instrumenting/exposition_formats/ lays it out.
void append_metric(std::string& page, std::string_view name, std::string_view type,
                   std::string_view help, double value);

}  // namespace mas
