#pragma once

#include <map>
#include <string>
#include <vector>

#include "gateway/connection.hpp"
#include "gateway/dispatcher.hpp"
#include "gateway/native_client.hpp"
#include "service/worker_protocol.hpp"
#include "support/catch.hpp"
#include "wire/encode.hpp"

namespace mas::test {

/// A dispatcher on the bench, with its text clients, and workers that a test plays by hand:
/// messages are exchanged as bytes, time is the test's.
class GatewayBench final : public Answers {
 public:
  static constexpr InstanceId gateway_instance = 7;

  explicit GatewayBench(DispatcherLimits limits = {})
      : dispatcher(limits, "mas", gateway_instance, *this) {}

  struct QuerySeen {
    std::uint64_t request = 0;
    Op op = Op::avg;
    std::string id;
  };
  struct Sent {
    WorkerId to = 0;
    WorkerMessage type{};
    std::uint64_t batch = 0;              ///< log_batch
    std::vector<std::string> ids;         ///< log_batch, alert_batch
    std::vector<std::int64_t> stamps;     ///< log_batch
    std::vector<QuerySeen> queries;       ///< query_batch
    std::vector<std::uint64_t> requests;  ///< alert_batch; query_credit and query_cancel: one
    std::vector<InstanceId> members;      ///< gateway_heartbeat
  };

  static InstanceId instance_of(WorkerId id) { return 1000 + id; }

  template <typename M>
  Result<void> from_worker(WorkerId id, const M& message, InstanceId to = gateway_instance,
                           std::string_view cluster = "mas") {
    Bytes frame;
    encode(frame, Envelope{.type = 0, .cluster = cluster, .from = instance_of(id), .to = to},
           message);
    return dispatcher.on_message(id, frame, now.mono);
  }
  void join(WorkerId id, Pool pool, std::uint32_t credit = 65'536) {
    REQUIRE(from_worker(
        id,
        Hello{.pool = pool, .name = "w", .weight = 1, .credit = credit, .credit_bytes = 16 * MiB},
        any_instance));
    REQUIRE(from_worker(id, WorkerHeartbeat{.ready = true}));
    take();
  }
  void answer_logs(WorkerId id, const Sent& batch, Status status = Status::done) {
    Bytes ranges;
    append_range(ranges, {0, static_cast<std::uint32_t>(batch.ids.size()), status});
    REQUIRE(from_worker(id, LogAnswer{.batch = batch.batch, .ranges = ranges}));
  }
  void chunk(WorkerId id, std::uint64_t request, std::string_view body, bool last = true,
             Status status = Status::done) {
    REQUIRE(from_worker(
        id,
        QueryChunk{.request = request, .status = status, .last = last, .body = as_bytes(body)}));
  }

  /// Ends the turn; gives what went out, heartbeats and such left out unless asked for.
  std::vector<Sent> take(bool all = false) {
    for (auto& [number, client] : clients) client.go_on(pending_max, now);
    dispatcher.end_turn(now.mono);
    std::vector<Dispatcher::Message> messages;
    dispatcher.take_messages(messages);
    std::vector<Sent> out;
    for (const auto& message : messages) {
      auto sent = read(message);
      const bool work =
          sent.type == WorkerMessage::log_batch || sent.type == WorkerMessage::query_batch ||
          sent.type == WorkerMessage::alert_batch || sent.type == WorkerMessage::query_credit ||
          sent.type == WorkerMessage::query_cancel;
      if (all || work) out.push_back(std::move(sent));
    }
    for (auto& [number, client] : clients) client.go_on(pending_max, now);
    return out;
  }

  Connection& client(std::uint64_t number = 1) {
    return clients.try_emplace(number, number, intake).first->second;
  }
  void type(std::string_view text, std::uint64_t number = 1) {
    client(number).on_input(text, pending_max, now);
  }
  /// What the client has got since it was asked last.
  std::string got(std::uint64_t number = 1) {
    std::string text(client(number).output());
    client(number).on_written(text.size());
    return text;
  }
  void pass(nanoseconds time) {
    now.mono += time;
    now.wall += time;
  }

  void on_outcome(Origin origin, Status status) override {
    if (auto* to = find(origin)) to->on_outcome(origin.slot, status);
  }
  void on_noted(Origin origin) override {
    if (auto* to = find(origin)) to->on_noted(origin.slot);
  }
  void on_chunk(Origin origin, ByteView body, bool last) override {
    if (auto* to = find(origin)) to->on_chunk(origin.slot, body, last);
  }
  void on_cut(Origin origin) override {
    if (auto* to = find(origin)) to->on_cut(origin.slot);
  }

  TurnTime now{.wall = wall_time(1'000'000'000'000), .mono = MonoTime{seconds{100}}};
  std::size_t pending_max = 1000;
  FixedZone zone;
  StampSource stamps;
  Dispatcher dispatcher;
  Intake intake{dispatcher, stamps, zone};
  std::map<std::uint64_t, Connection> clients;

 private:
  Connection* find(Origin origin) {
    const auto found = clients.find(origin.client);
    return found == clients.end() ? nullptr : &found->second;
  }

  static Sent read(const Dispatcher::Message& message) {
    Decoder in(message.frame);
    const auto envelope = decode_envelope(in);
    REQUIRE(envelope);
    CHECK(envelope->from == gateway_instance);
    Sent sent;
    sent.to = message.to;
    sent.type = static_cast<WorkerMessage>(envelope->type);
    switch (sent.type) {
      case WorkerMessage::log_batch: {
        LogBatch batch;
        REQUIRE(decode(in, batch));
        sent.batch = batch.batch;
        ByteReader ids(batch.ids);
        ByteReader stamps(batch.stamps);
        while (ids.left() > 0) sent.ids.emplace_back(ids.short_text());
        while (stamps.left() > 0) sent.stamps.push_back(stamps.i64());
        break;
      }
      case WorkerMessage::query_batch: {
        QueryBatch batch;
        REQUIRE(decode(in, batch));
        ByteReader requests(batch.requests);
        while (requests.left() > 0) {
          const auto request = read_query_request(requests);
          sent.queries.push_back({request.request, request.op, std::string(request.id)});
        }
        break;
      }
      case WorkerMessage::alert_batch: {
        AlertBatch batch;
        REQUIRE(decode(in, batch));
        ByteReader requests(batch.requests);
        while (requests.left() > 0) {
          const auto request = read_alert_request(requests);
          sent.requests.push_back(request.request);
          sent.ids.emplace_back(request.id);
        }
        break;
      }
      case WorkerMessage::query_credit:
      case WorkerMessage::query_cancel:
        sent.requests.push_back(in.u64());
        break;
      case WorkerMessage::gateway_heartbeat: {
        GatewayHeartbeat heartbeat;
        REQUIRE(decode(in, heartbeat));
        ByteReader members(heartbeat.members);
        while (members.left() > 0) sent.members.push_back(members.u64());
        break;
      }
      default:
        break;
    }
    return sent;
  }
};

inline constexpr const char* inserted = "201 Metric Inserted\n";
inline constexpr const char* busy = "503 The server is busy, try again later\n";

}  // namespace mas::test
