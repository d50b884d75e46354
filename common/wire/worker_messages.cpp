#include "wire/worker_messages.hpp"

#include "wire/encode.hpp"

namespace mas {
namespace {

Envelope typed(Envelope envelope, WorkerMessage type) {
  envelope.type = static_cast<std::uint8_t>(type);
  return envelope;
}

Result<void> checked(const Decoder& in, std::string_view what) {
  if (!in.ok()) return fail(Error::torn, "a {} with missing or wrong fields", what);
  return {};
}

/// An enumeration of consecutive values; anything else fails the reader.
template <typename Enum, typename Reader>
Enum read_enum(Reader& in, std::uint8_t least, std::uint8_t most) {
  const auto value = in.u8();
  if (value < least || value > most) in.fail();
  return static_cast<Enum>(value);
}

template <typename Reader>
Status read_status(Reader& in) {
  return read_enum<Status>(in, 0, 2);
}

Op read_op(ByteReader& in) { return read_enum<Op>(in, 0, 3); }

std::string_view read_id(ByteReader& in) {
  const auto id = in.short_text();
  if (id.empty() || id.size() > metric_id_bytes_max) in.fail();
  return id;
}

nanoseconds read_window(ByteReader& in) {
  const auto window = in.i64();
  if (window < 0) in.fail();
  return nanoseconds{window};
}

}  // namespace

std::string_view name_of(Pool pool) {
  switch (pool) {
    case Pool::ingest:
      return "ingest";
    case Pool::query:
      return "query";
    case Pool::alerter:
      return "alerter";
  }
  return "?";
}

void encode(Bytes& out, Envelope envelope, const Hello& message) {
  Encoder(out, typed(envelope, WorkerMessage::hello), 5)
      .u64(static_cast<std::uint64_t>(message.pool))
      .str(message.name)
      .u64(message.weight)
      .u64(message.credit)
      .u64(message.credit_bytes);
}
Result<void> decode(Decoder& in, Hello& message) {
  message.pool = read_enum<Pool>(in, 1, pool_count);
  message.name = in.str(worker_name_bytes_max);
  message.weight = in.u32();
  message.credit = in.u32();
  message.credit_bytes = in.u64();
  if (message.weight == 0) in.fail();
  return checked(in, "hello");
}

void encode(Bytes& out, Envelope envelope, const WorkerHeartbeat& message) {
  Encoder(out, typed(envelope, WorkerMessage::worker_heartbeat), 1).boolean(message.ready);
}
Result<void> decode(Decoder& in, WorkerHeartbeat& message) {
  message.ready = in.boolean();
  return checked(in, "worker heartbeat");
}

void encode(Bytes& out, Envelope envelope, const Goodbye&) {
  Encoder(out, typed(envelope, WorkerMessage::goodbye), 0);
}
void encode(Bytes& out, Envelope envelope, const Farewell&) {
  Encoder(out, typed(envelope, WorkerMessage::farewell), 0);
}
void encode(Bytes& out, Envelope envelope, const HelloAgain&) {
  Encoder(out, typed(envelope, WorkerMessage::hello_again), 0);
}

void encode(Bytes& out, Envelope envelope, const Welcome& message) {
  Encoder(out, typed(envelope, WorkerMessage::welcome), 1).u64(message.heartbeat_ms);
}
Result<void> decode(Decoder& in, Welcome& message) {
  message.heartbeat_ms = in.u32();
  if (message.heartbeat_ms == 0) in.fail();
  return checked(in, "welcome");
}

void encode(Bytes& out, Envelope envelope, const GatewayHeartbeat& message) {
  Encoder(out, typed(envelope, WorkerMessage::gateway_heartbeat), 1).bin(message.members);
}
Result<void> decode(Decoder& in, GatewayHeartbeat& message) {
  message.members = in.bin();
  if (message.members.size() % sizeof(InstanceId) != 0) in.fail();
  return checked(in, "gateway heartbeat");
}

void encode(Bytes& out, Envelope envelope, const LogBatch& message) {
  Encoder(out, typed(envelope, WorkerMessage::log_batch), 4)
      .u64(message.batch)
      .bin(message.ids)
      .bin(message.stamps)
      .bin(message.values);
}
Result<void> decode(Decoder& in, LogBatch& message) {
  message.batch = in.u64();
  message.ids = in.bin();
  message.stamps = in.bin();
  message.values = in.bin();
  if (message.stamps.size() % sizeof(std::int64_t) != 0 ||
      message.stamps.size() != message.values.size()) {
    in.fail();
  }
  ByteReader ids(message.ids);
  for (std::uint32_t left = in.ok() ? sample_count(message) : 0; left > 0 && ids.ok(); --left) {
    static_cast<void>(read_id(ids));
  }
  if (!ids.done()) in.fail();
  return checked(in, "batch of samples");
}

void encode(Bytes& out, Envelope envelope, const LogAnswer& message) {
  Encoder(out, typed(envelope, WorkerMessage::log_answer), 2)
      .u64(message.batch)
      .bin(message.ranges);
}
Result<void> decode(Decoder& in, LogAnswer& message) {
  message.batch = in.u64();
  message.ranges = in.bin();
  return checked(in, "batch's answer");
}

void encode(Bytes& out, Envelope envelope, const QueryBatch& message) {
  Encoder(out, typed(envelope, WorkerMessage::query_batch), 1).bin(message.requests);
}
Result<void> decode(Decoder& in, QueryBatch& message) {
  message.requests = in.bin();
  return checked(in, "batch of queries");
}

void encode(Bytes& out, Envelope envelope, const QueryNoted& message) {
  Encoder(out, typed(envelope, WorkerMessage::query_noted), 1).u64(message.request);
}
Result<void> decode(Decoder& in, QueryNoted& message) {
  message.request = in.u64();
  return checked(in, "noted query");
}

void encode(Bytes& out, Envelope envelope, const QueryChunk& message) {
  Encoder(out, typed(envelope, WorkerMessage::query_chunk), 4)
      .u64(message.request)
      .u64(static_cast<std::uint64_t>(message.status))
      .boolean(message.last)
      .bin(message.body);
}
Result<void> decode(Decoder& in, QueryChunk& message) {
  message.request = in.u64();
  message.status = read_status(in);
  message.last = in.boolean();
  message.body = in.bin();
  return checked(in, "query's chunk");
}

void encode(Bytes& out, Envelope envelope, const QueryCredit& message) {
  Encoder(out, typed(envelope, WorkerMessage::query_credit), 2)
      .u64(message.request)
      .u64(message.chunks);
}
Result<void> decode(Decoder& in, QueryCredit& message) {
  message.request = in.u64();
  message.chunks = in.u32();
  return checked(in, "query's credit");
}

void encode(Bytes& out, Envelope envelope, const QueryCancel& message) {
  Encoder(out, typed(envelope, WorkerMessage::query_cancel), 1).u64(message.request);
}
Result<void> decode(Decoder& in, QueryCancel& message) {
  message.request = in.u64();
  return checked(in, "query's end");
}

void encode(Bytes& out, Envelope envelope, const AlertBatch& message) {
  Encoder(out, typed(envelope, WorkerMessage::alert_batch), 1).bin(message.requests);
}
Result<void> decode(Decoder& in, AlertBatch& message) {
  message.requests = in.bin();
  return checked(in, "batch of rules");
}

void encode(Bytes& out, Envelope envelope, const AlertAnswer& message) {
  Encoder(out, typed(envelope, WorkerMessage::alert_answer), 1).bin(message.answers);
}
Result<void> decode(Decoder& in, AlertAnswer& message) {
  message.answers = in.bin();
  return checked(in, "rules' answer");
}

void encode(Bytes& out, Envelope envelope, const AlertFired& message) {
  Encoder(out, typed(envelope, WorkerMessage::alert_fired), 7)
      .str(message.event)
      .str(message.id)
      .u64(static_cast<std::uint64_t>(message.op))
      .i64(message.window.count())
      .f64(message.limit)
      .time(message.period_start)
      .time(message.period_end);
}
Result<void> decode(Decoder& in, AlertFired& message) {
  message.event = in.str(metric_id_bytes_max);
  message.id = in.str(metric_id_bytes_max);
  message.op = read_enum<Op>(in, 0, 3);
  message.window = nanoseconds{in.i64()};
  message.limit = in.f64();
  message.period_start = in.time();
  message.period_end = in.time();
  return checked(in, "fired alert");
}

void append_request(Bytes& out, const QueryRequest& request) {
  append_le(out, request.request);
  append_le(out, static_cast<std::uint8_t>(request.op));
  append_le(out, static_cast<std::uint8_t>(request.form));
  append_le(out, request.window.count());
  append_le(out, to_int(request.from));
  append_le(out, to_int(request.to));
  append_short_text(out, request.id);
}
QueryRequest read_query_request(ByteReader& in) {
  QueryRequest request;
  request.request = in.u64();
  request.op = read_op(in);
  request.form = read_enum<AnswerForm>(in, 0, 1);
  request.window = read_window(in);
  request.from = wall_time(in.i64());
  request.to = wall_time(in.i64());
  request.id = read_id(in);
  return request;
}

void append_request(Bytes& out, const AlertRequest& request) {
  append_le(out, request.request);
  append_le(out, static_cast<std::uint8_t>(request.op));
  append_le(out, request.window.count());
  append_le(out, request.limit);
  append_le(out, to_int(request.registered));
  append_short_text(out, request.id);
}
AlertRequest read_alert_request(ByteReader& in) {
  AlertRequest request;
  request.request = in.u64();
  request.op = read_op(in);
  request.window = read_window(in);
  request.limit = in.f64();
  request.registered = wall_time(in.i64());
  request.id = read_id(in);
  return request;
}

void append_range(Bytes& out, const LogRange& range) {
  append_le(out, range.first);
  append_le(out, range.count);
  append_le(out, static_cast<std::uint8_t>(range.status));
}
LogRange read_range(ByteReader& in) {
  LogRange range;
  range.first = in.u32();
  range.count = in.u32();
  range.status = read_status(in);
  return range;
}

void append_outcome(Bytes& out, const AlertOutcome& outcome) {
  append_le(out, outcome.request);
  append_le(out, static_cast<std::uint8_t>(outcome.status));
}
AlertOutcome read_outcome(ByteReader& in) {
  AlertOutcome outcome;
  outcome.request = in.u64();
  outcome.status = read_status(in);
  return outcome;
}

}  // namespace mas
