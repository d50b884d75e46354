#include "gateway/gateway_loop.hpp"

#include <spdlog/spdlog.h>

#include "net/clock.hpp"
#include "service/http_server.hpp"
#include "service/process.hpp"

namespace mas {
namespace {

constexpr nanoseconds tick_interval = milliseconds{50};
/// Of a drain: the time that workers have to answer, and that clients have to read.
constexpr nanoseconds drain_answers_max = seconds{4};
constexpr nanoseconds drain_max = seconds{8};

}  // namespace

GatewayLoop::GatewayLoop(EventLoop& loop, const GatewayOptions& options)
    : loop_(loop),
      options_(options),
      dispatcher_(options.dispatcher_limits, options.cluster, random_instance(), *this),
      intake_{dispatcher_, stamps_, local_},
      text_(loop, intake_, options.text_limits),
      native_(loop, intake_),
      workers_(loop, dispatcher_),
      events_(loop, dispatcher_) {}

Result<void> GatewayLoop::listen() {
  if (auto bound = workers_.listen(options_.bind, options_.workers_port); !bound) return bound;
  if (auto bound = events_.listen(options_.bind, options_.events_port); !bound) return bound;
  if (auto bound = native_.listen(options_.bind, options_.native_port); !bound) return bound;
  // Last: clients come when all else is there.
  if (auto bound = text_.listen(options_.bind, options_.text_port); !bound) return bound;
  loop_.every(tick_interval, [this] { tick(); });
  loop_.at_turn_end([this] { end_turn(); });
  return {};
}

void GatewayLoop::end_turn() {
  // Requests out first, then replies; what the replies have made room for goes out by the next
  // turn, which text_ asks for where that is so.
  dispatcher_.end_turn(mono_now());
  workers_.end_turn();
  text_.end_turn();
  native_.end_turn();
  dispatcher_.end_turn(mono_now());
  workers_.end_turn();
  events_.end_turn();
}

void GatewayLoop::tick() {
  const auto now = mono_now();
  dispatcher_.on_time(now);
  text_.on_time(now);
  if (!draining_) return;
  if (now >= fail_at_) dispatcher_.close();
  const bool answered = text_.over() && native_.idle();
  if (!answered && now < end_at_) return;
  dispatcher_.close();  // which stores nothing of a line that comes in this turn
  dispatcher_.say_farewell();
  workers_.stop();
  loop_.stop();
}

void GatewayLoop::drain() {
  spdlog::info("draining connections={}", text_.connections());
  draining_ = true;
  fail_at_ = mono_now() + drain_answers_max;
  end_at_ = mono_now() + drain_max;
  text_.stop();
  native_.stop();
}

template <typename Tell>
void GatewayLoop::with_client(std::uint64_t client, Tell tell) {
  if (NativeServer::is_native(client)) {
    if (auto* native = native_.find(client)) tell(*native);
  } else if (auto* connection = text_.find(client)) {
    tell(*connection);
  }
}

void GatewayLoop::on_outcome(Origin origin, Status status) {
  with_client(origin.client, [&](auto& client) { client.on_outcome(origin.slot, status); });
}
void GatewayLoop::on_noted(Origin origin) {
  with_client(origin.client, [&](auto& client) { client.on_noted(origin.slot); });
}
void GatewayLoop::on_chunk(Origin origin, ByteView body, bool last) {
  with_client(origin.client, [&](auto& client) { client.on_chunk(origin.slot, body, last); });
}
void GatewayLoop::on_cut(Origin origin) {
  with_client(origin.client, [&](auto& client) { client.on_cut(origin.slot); });
}

std::string GatewayLoop::metrics() const {
  std::string page;
  const auto counter = [&page](std::string_view name, std::string_view help, std::uint64_t value) {
    append_metric(page, name, "counter", help, static_cast<double>(value));
  };
  const auto gauge = [&page](std::string_view name, std::string_view help, std::size_t value) {
    append_metric(page, name, "gauge", help, static_cast<double>(value));
  };
  const auto& counters = dispatcher_.counters();
  counter("mas_gateway_logs_stored_total", "LOGs answered 201", counters.logs_stored);
  counter("mas_gateway_logs_busy_total", "LOGs answered 503", counters.logs_busy);
  counter("mas_gateway_queries_done_total", "QUERYs answered 200 or 404", counters.queries_done);
  counter("mas_gateway_queries_busy_total", "QUERYs answered 503", counters.queries_busy);
  counter("mas_gateway_queries_cut_total", "QUERYs cut in the middle of their answer",
          counters.queries_cut);
  counter("mas_gateway_alerts_done_total", "NEW-ALERTs answered 200 or 404", counters.alerts_done);
  counter("mas_gateway_alerts_busy_total", "NEW-ALERTs answered 503", counters.alerts_busy);
  counter("mas_gateway_batches_sent_total", "messages of samples sent to ingest workers",
          counters.batches_sent);
  gauge("mas_gateway_connections", "open text connections", text_.connections());
  gauge("mas_gateway_native_peers", "native clients heard of lately", native_.peers());
  for (const auto pool : {Pool::ingest, Pool::query, Pool::alerter}) {
    const auto& serving = dispatcher_.workers().serving(pool);
    std::size_t outstanding = 0;
    std::size_t credit = 0;
    for (const auto id : serving) {
      outstanding += dispatcher_.workers().find(id)->outstanding;
      credit += dispatcher_.workers().find(id)->credit;
    }
    gauge(fmt::format("mas_gateway_{}_workers", name_of(pool)), "workers of the pool that serve",
          serving.size());
    gauge(fmt::format("mas_gateway_{}_outstanding", name_of(pool)),
          "requests (LOG: samples) that the pool has and has not answered", outstanding);
    gauge(fmt::format("mas_gateway_{}_credit", name_of(pool)),
          "how many more of them it takes; at 0 it is the bottleneck", credit);
  }
  return page;
}

}  // namespace mas
