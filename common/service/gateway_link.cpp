#include "service/gateway_link.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>

#include "net/clock.hpp"

namespace mas {
namespace {

constexpr nanoseconds look_up_interval = seconds{3};
/// Above what credit allows to be under way: chunks, answers and heartbeats of one gateway.
constexpr int queued_messages_max = 100'000;
/// Bounds a turn, so that heartbeats go out while a long queue is worked off.
constexpr int messages_per_turn_max = 64;

}  // namespace

struct GatewayLink::Link {
  Link(zmq::context_t& context, std::string where)
      : endpoint(std::move(where)),
        socket(ZmqSocket::dealer(context, {.message_bytes_max = worker_message_bytes_max,
                                           .queued_messages_max = queued_messages_max})) {}

  std::string endpoint;
  mutable ZmqSocket socket;
  std::unique_ptr<EventLoop::Watch> watch;
  WorkerProtocol protocol;
  std::vector<InstanceId> members;
  bool closed = false;  ///< to be removed, or a second way to a gateway that is linked already
};

GatewayLink::GatewayLink(EventLoop& loop, HostPort gateways, WorkerIdentity identity,
                         Handlers handlers)
    : loop_(loop),
      identity_(std::move(identity)),
      handlers_(std::move(handlers)),
      name_(loop, std::move(gateways), look_up_interval,
            [this](const std::vector<std::string>& endpoints) { on_endpoints(endpoints); }) {
  loop_.every(heartbeat_interval / 2, [this] { tick(); });
}

GatewayLink::~GatewayLink() = default;

InstanceId GatewayLink::gateway_of(const Link& link) {
  return link.closed ? any_instance : link.protocol.gateway();
}

Envelope GatewayLink::envelope_to(InstanceId gateway) const {
  return {.type = 0, .cluster = identity_.cluster, .from = identity_.instance, .to = gateway};
}

const GatewayLink::Link* GatewayLink::find(InstanceId gateway) const {
  const auto at = std::find_if(links_.begin(), links_.end(), [&](const auto& link) {
    return gateway != any_instance && gateway_of(*link) == gateway;
  });
  return at == links_.end() ? nullptr : at->get();
}

bool GatewayLink::send_frame(const Link& link) { return link.socket.send(frame_) == Sent::yes; }

void GatewayLink::on_endpoints(const std::vector<std::string>& endpoints) {
  for (auto& link : links_) {
    const bool stays =
        std::find(endpoints.begin(), endpoints.end(), link->endpoint) != endpoints.end();
    if (stays) continue;
    spdlog::info("gateway address gone endpoint={}", link->endpoint);
    const auto gateway = gateway_of(*link);
    link->closed = true;
    if (gateway != any_instance) handlers_.on_lost(gateway);
  }
  std::erase_if(links_, [&](const auto& link) {
    return std::find(endpoints.begin(), endpoints.end(), link->endpoint) == endpoints.end();
  });
  for (const auto& endpoint : endpoints) {
    const bool known = std::any_of(links_.begin(), links_.end(),
                                   [&](const auto& link) { return link->endpoint == endpoint; });
    if (known) continue;
    auto link = std::make_unique<Link>(loop_.zmq(), endpoint);
    if (auto connected = link->socket.connect(endpoint); !connected) {
      spdlog::warn("gateway not dialled: {}", connected.error().text);
      continue;
    }
    link->watch = loop_.watch(link->socket, [this, to = link.get()] { receive(*to); });
    links_.push_back(std::move(link));
  }
  gather_members();
}

void GatewayLink::receive(Link& link) {
  ZmqMessage message;
  for (int left = messages_per_turn_max; left > 0 && link.socket.receive(message); --left) {
    if (link.closed) continue;
    Decoder in(message.bytes());
    const auto envelope = decode_envelope(in);
    if (!envelope) {
      spdlog::warn("message dropped endpoint={}: {}", link.endpoint, envelope.error().text);
      continue;
    }
    if (envelope->cluster != identity_.cluster ||
        (envelope->to != identity_.instance && envelope->to != any_instance)) {
      spdlog::warn("message for somebody else dropped endpoint={} cluster={}", link.endpoint,
                   envelope->cluster);
      continue;
    }
    const auto type = static_cast<WorkerMessage>(envelope->type);
    const auto gateway_before = link.protocol.gateway();
    act(link, link.protocol.on_message(type, envelope->from, mono_now()));
    if (link.protocol.gateway() != gateway_before && type == WorkerMessage::welcome) {
      spdlog::info("gateway linked endpoint={} instance={:016x}", link.endpoint, envelope->from);
      // Two addresses of one gateway: the later link is the one it knows us by.
      for (auto& other : links_) {
        if (other.get() != &link && other->protocol.gateway() == envelope->from)
          other->closed = true;
      }
    }
    if (envelope->from != link.protocol.gateway()) continue;
    if (type == WorkerMessage::gateway_heartbeat) {
      GatewayHeartbeat heartbeat;
      if (!decode(in, heartbeat)) continue;
      link.members.resize(heartbeat.members.size() / sizeof(InstanceId));
      if (!link.members.empty()) {
        std::memcpy(link.members.data(), heartbeat.members.data(), heartbeat.members.size());
      }
      gather_members();
    } else if (type != WorkerMessage::welcome && type != WorkerMessage::farewell) {
      handlers_.on_request(envelope->from, type, in);
    }
  }
}

void GatewayLink::act(Link& link, const WorkerProtocol::Step& step) {
  if (step.lost != any_instance) {
    spdlog::log(step.told ? spdlog::level::info : spdlog::level::warn,
                "gateway {} endpoint={} instance={:016x}", step.told ? "ended" : "lost",
                link.endpoint, step.lost);
    link.members.clear();
    handlers_.on_lost(step.lost);
    gather_members();
  }
  const auto say = [&](const auto& message, InstanceId to) {
    frame_.clear();
    encode(frame_, envelope_to(to), message);
    static_cast<void>(send_frame(link));
  };
  if (step.hello) {
    say(Hello{.pool = identity_.pool,
              .name = identity_.name,
              .weight = identity_.weight,
              .credit = identity_.credit,
              .credit_bytes = identity_.credit_bytes},
        any_instance);
  }
  if (step.heartbeat) say(WorkerHeartbeat{.ready = ready_ && !draining_}, link.protocol.gateway());
  if (step.goodbye) say(Goodbye{}, link.protocol.gateway());
}

void GatewayLink::tick() {
  const auto now = mono_now();
  for (auto& link : links_) {
    if (!link->closed) act(*link, link->protocol.on_time(now));
  }
}

void GatewayLink::gather_members() {
  std::vector<InstanceId> members;
  for (const auto& link : links_) {
    if (link->closed) continue;
    members.insert(members.end(), link->members.begin(), link->members.end());
  }
  std::sort(members.begin(), members.end());
  members.erase(std::unique(members.begin(), members.end()), members.end());
  if (members == members_) return;
  members_ = std::move(members);
  handlers_.on_members();
}

void GatewayLink::set_ready(bool ready) {
  if (ready == ready_) return;
  ready_ = ready;
  if (!draining_) send_all(WorkerHeartbeat{.ready = ready_});
}

void GatewayLink::drain() {
  draining_ = true;
  for (auto& link : links_) {
    if (!link->closed) act(*link, link->protocol.drain());
  }
}

bool GatewayLink::drained() const {
  return draining_ && std::all_of(links_.begin(), links_.end(), [](const auto& link) {
           return link->closed || link->protocol.drained();
         });
}

std::size_t GatewayLink::gateways_linked() const {
  return static_cast<std::size_t>(std::count_if(links_.begin(), links_.end(), [](const auto& link) {
    return gateway_of(*link) != any_instance;
  }));
}

}  // namespace mas
