#include "service/http_server.hpp"

#include <httplib.h>
#include <sys/socket.h>

#include <ctime>
#include <future>
#include <thread>

namespace mas {
namespace {

constexpr auto loop_answer_max = std::chrono::seconds{1};
/// One for each client that has a connection open, whether it asks or not; with the next line,
/// enough that a scraper or two and what else has dialled do not keep a probe waiting.
constexpr std::size_t threads = 8;
/// A silent client has its thread for so long.
constexpr time_t silence_seconds_max = 1;

/// Runs `ask` in the loop's thread; nothing when the loop does not get to it in time. The promise
/// is shared, as the job may run after the one who asked has gone.
template <typename Answer>
std::optional<Answer> ask_loop(EventLoop& loop, std::function<Answer()> ask) {
  auto promise = std::make_shared<std::promise<Answer>>();
  auto answer = promise->get_future();
  loop.post([promise, ask = std::move(ask)] { promise->set_value(ask()); });
  if (answer.wait_for(loop_answer_max) != std::future_status::ready) return std::nullopt;
  return answer.get();
}

void reply(httplib::Response& response, int status, const std::string& text) {
  response.status = status;
  response.set_content(text, "text/plain; charset=utf-8");
}

}  // namespace

struct HttpServer::Server {
  httplib::Server http;
  std::thread thread;
};

HttpServer::HttpServer() : server_(std::make_unique<Server>()) {}

HttpServer::~HttpServer() {
  server_->http.stop();
  if (server_->thread.joinable()) server_->thread.join();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(EventLoop& loop, const std::string& bind,
                                                      std::uint16_t port, const HttpPages& pages) {
  std::unique_ptr<HttpServer> out(new HttpServer());
  auto& http = out->server_->http;
  http.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  http.set_keep_alive_timeout(silence_seconds_max);
  http.set_read_timeout(silence_seconds_max);
  http.set_write_timeout(silence_seconds_max);
  // The library's default adds SO_REUSEPORT, which lets two servers share a port unnoticed.
  http.set_socket_options([](auto socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  http.Get("/healthz", [&loop](const httplib::Request&, httplib::Response& response) {
    const auto alive = ask_loop<bool>(loop, [] { return true; });
    reply(response, alive ? 200 : 503, alive ? "alive\n" : "the loop does not answer\n");
  });
  http.Get("/readyz", [&loop, pages](const httplib::Request&, httplib::Response& response) {
    const bool ready = ask_loop<bool>(loop, pages.ready).value_or(false);
    reply(response, ready ? 200 : 503, ready ? "ready\n" : "not ready\n");
  });
  http.Get("/metrics", [&loop, pages](const httplib::Request&, httplib::Response& response) {
    const auto page = ask_loop<std::string>(loop, pages.metrics);
    response.status = page ? 200 : 503;
    response.set_content(page.value_or(""), "text/plain; version=0.0.4; charset=utf-8");
  });
  if (!http.bind_to_port(bind, port)) {
    return fail(Error::io, "cannot listen on http://{}:{}", bind, port);
  }
  out->server_->thread = std::thread([&http] { http.listen_after_bind(); });
  return out;
}

void append_metric(std::string& page, std::string_view name, std::string_view type,
                   std::string_view help, double value) {
  fmt::format_to(std::back_inserter(page), "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help,
                 type, value);
}

}  // namespace mas
