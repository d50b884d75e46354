#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/event_loop.hpp"
#include "net/name_link.hpp"
#include "service/worker_protocol.hpp"
#include "wire/worker_messages.hpp"

namespace mas {

/// Who a worker is towards gateways and the lock broker.
struct WorkerIdentity {
  Pool pool = Pool::ingest;
  std::string name;     ///< for people: program, host and process id
  std::string cluster;  ///< messages of another cluster are dropped
  InstanceId instance = any_instance;
  std::uint32_t weight = 1;
  std::uint32_t credit = 0;  ///< requests (LOG: samples) that one gateway may leave unanswered
  std::uint64_t credit_bytes = 0;
};

/// A worker's links to all gateways behind one name: a DEALER each, dialled and given up as the
/// name's addresses come and go. Handlers are called in the loop's thread, never from inside a
/// call of send() or drain(). Thread-safety: the loop's thread.
class GatewayLink {
 public:
  struct Handlers {
    /// A request: log_batch, query_batch, query_credit, query_cancel or alert_batch. `in` stands
    /// behind the envelope and is valid during the call.
    std::function<void(InstanceId gateway, WorkerMessage type, Decoder& in)> on_request;
    /// A gateway is gone; what it asked for needs no answer any more.
    std::function<void(InstanceId gateway)> on_lost;
    /// members() changed.
    std::function<void()> on_members;
  };

  GatewayLink(EventLoop& loop, HostPort gateways, WorkerIdentity identity, Handlers handlers);
  GatewayLink(const GatewayLink&) = delete;
  GatewayLink& operator=(const GatewayLink&) = delete;
  ~GatewayLink();

  /// Sends to one gateway. False when it is gone or does not take more: the message is lost then,
  /// and the gateway will notice by its own deadline.
  template <typename Message>
  bool send(InstanceId gateway, const Message& message) {
    const Link* link = find(gateway);
    if (link == nullptr) return false;
    frame_.clear();
    encode(frame_, envelope_to(gateway), message);
    return send_frame(*link);
  }
  /// Sends to every gateway that is there.
  template <typename Message>
  void send_all(const Message& message) {
    for (const auto& link : links_) {
      if (gateway_of(*link) == any_instance) continue;
      frame_.clear();
      encode(frame_, envelope_to(gateway_of(*link)), message);
      static_cast<void>(send_frame(*link));
    }
  }

  /// Whether new work is welcome: true while the worker holds a valid lease. Told at once.
  void set_ready(bool ready);
  /// Says goodbye to all; from then on requests stop coming, see drained().
  void drain();
  /// Every gateway has said farewell or is gone.
  [[nodiscard]] bool drained() const;

  /// Instances of the live, ready workers of this pool, sorted, as all gateways together see them.
  [[nodiscard]] const std::vector<InstanceId>& members() const { return members_; }
  [[nodiscard]] std::size_t gateways_linked() const;

 private:
  struct Link;

  void on_endpoints(const std::vector<std::string>& endpoints);
  void receive(Link& link);
  void act(Link& link, const WorkerProtocol::Step& step);
  void tick();
  void gather_members();
  void remove_closed();
  [[nodiscard]] const Link* find(InstanceId gateway) const;
  [[nodiscard]] static InstanceId gateway_of(const Link& link);
  [[nodiscard]] bool send_frame(const Link& link);
  [[nodiscard]] Envelope envelope_to(InstanceId gateway) const;

  EventLoop& loop_;
  WorkerIdentity identity_;
  Handlers handlers_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<InstanceId> members_;
  Bytes frame_;
  bool ready_ = false;
  bool draining_ = false;
  NameLink name_;
};

}  // namespace mas
