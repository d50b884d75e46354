#include "wire/lock_messages.hpp"

#include "base/check.hpp"
#include "wire/encode.hpp"

namespace mas {
namespace {

// The forms of a value in a request, and the flags of a grant.
constexpr std::uint8_t value_kept = 0;
constexpr std::uint8_t value_forgotten = 1;
constexpr std::uint8_t value_set = 2;
constexpr std::uint8_t flag_previous_clean = 1;
constexpr std::uint8_t flag_value_valid = 2;

Envelope typed(Envelope envelope, LockMessage type) {
  envelope.type = static_cast<std::uint8_t>(type);
  return envelope;
}

Result<void> checked(const Decoder& in, std::string_view what) {
  if (!in.ok()) return fail(Error::torn, "a {} with missing or wrong fields", what);
  return {};
}

/// An enumeration of consecutive values from 1; anything else fails the reader.
template <typename Enum, typename Reader>
Enum read_enum(Reader& in, Enum last) {
  const auto value = in.u8();
  if (value < 1 || value > static_cast<std::uint8_t>(last)) in.fail();
  return static_cast<Enum>(value);
}

LockToken read_token(Decoder& in) {
  const auto token = in.u64();
  if (token == 0) in.fail();
  return token;
}

void append_stream(Encoder& out, const StreamState& stream) {
  out.u64(stream.sent).u64(stream.seen).boolean(stream.resend);
}
void read_stream(Decoder& in, StreamState& stream) {
  stream.sent = in.u64();
  stream.seen = in.u64();
  stream.resend = in.boolean();
}

void append_name(Bytes& items, const LockName& name) {
  MAS_CHECK(!name.text.empty() && name.text.size() <= lock_name_bytes_max);
  append_le(items, name.space);
  append_short_text(items, name.text);
}
void read_name(ByteReader& items, LockName& name) {
  name.space = read_enum(items, LockSpace::user);
  name.text.assign(items.short_text());
  if (name.text.empty()) items.fail();
}

void append_value(Bytes& items, const std::optional<LockValue>& value) {
  if (!value) return append_le(items, value_kept);
  if (!value->valid) return append_le(items, value_forgotten);
  MAS_CHECK(value->bytes.size() <= lock_value_bytes_max);
  append_le(items, value_set);
  append_short_text(items, value->bytes);
}
void read_value(ByteReader& items, std::optional<LockValue>& value) {
  const auto form = items.u8();
  if (form == value_kept) return;
  value.emplace();
  if (form == value_forgotten) return;
  value->valid = true;
  value->bytes.assign(items.short_text());
  if (form != value_set || value->bytes.size() > lock_value_bytes_max) items.fail();
}

void append_found(Bytes& items, const Grant& grant) {
  MAS_CHECK(grant.value.bytes.size() <= lock_value_bytes_max);
  append_le(items, static_cast<std::uint8_t>((grant.previous_end_clean ? flag_previous_clean : 0) |
                                             (grant.value.valid ? flag_value_valid : 0)));
  append_short_text(items, grant.value.bytes);
}
void read_found(ByteReader& items, Grant& grant) {
  const auto flags = items.u8();
  if (flags > (flag_previous_clean | flag_value_valid)) items.fail();
  grant.previous_end_clean = (flags & flag_previous_clean) != 0;
  grant.value.valid = (flags & flag_value_valid) != 0;
  grant.value.bytes.assign(items.short_text());
  if (grant.value.bytes.size() > lock_value_bytes_max) items.fail();
}

template <typename Item>
Result<void> decode_items(Decoder& in, LockItems& message, std::string_view what) {
  message.session = read_token(in);
  message.number = in.u64();
  message.seen = in.u64();
  message.items = in.bin();
  if (message.number == 0 || message.items.size() > lock_items_bytes_max) in.fail();
  if (in.ok()) {
    ByteReader items(message.items);
    Item item;
    std::uint32_t count = 0;
    while (next_item(items, item)) ++count;
    if (!items.done() || count == 0 || count > lock_items_max) in.fail();
  }
  return checked(in, what);
}

}  // namespace

std::string_view to_text(LockRefusal refusal) {
  switch (refusal) {
    case LockRefusal::busy:
      return "the lock broker is at a bound";
    case LockRefusal::unable:
      return "the holder cannot let go now";
    case LockRefusal::cancelled:
      return "cancelled";
    case LockRefusal::contended:
      return "somebody else holds or awaits it";
    case LockRefusal::invalid:
      return "makes no sense to the lock broker";
  }
  return "?";
}

void encode(Bytes& out, Envelope envelope, const LockHello& message) {
  Encoder(out, typed(envelope, LockMessage::hello), 6)
      .u64(message.number)
      .u64(message.highest_epoch)
      .u64(message.highest_broker)
      .u64(message.highest_ttl_ms)
      .str(message.worker)
      .u64(message.session);
}
Result<void> decode(Decoder& in, LockHello& message) {
  message.number = in.u64();
  message.highest_epoch = in.u32();
  message.highest_broker = in.u64();
  message.highest_ttl_ms = in.u32();
  message.worker = in.str(lock_worker_bytes_max);
  message.session = in.u64();
  return checked(in, "lock hello");
}

void encode(Bytes& out, Envelope envelope, const LockWelcome& message) {
  Encoder(out, typed(envelope, LockMessage::welcome), 4)
      .u64(message.number)
      .u64(message.session)
      .u64(message.ttl_ms)
      .u64(message.epoch);
}
Result<void> decode(Decoder& in, LockWelcome& message) {
  message.number = in.u64();
  message.session = read_token(in);
  message.ttl_ms = in.u32();
  message.epoch = in.u32();
  if (message.ttl_ms == 0 || message.epoch == 0) in.fail();
  return checked(in, "lock welcome");
}

void encode(Bytes& out, Envelope envelope, const LockHeartbeat& message) {
  Encoder to(out, typed(envelope, LockMessage::heartbeat), 6);
  to.u64(message.session).u64(message.number);
  append_stream(to, message.stream);
  to.boolean(message.leaving);
}
Result<void> decode(Decoder& in, LockHeartbeat& message) {
  message.session = read_token(in);
  message.number = in.u64();
  read_stream(in, message.stream);
  message.leaving = in.boolean();
  if (message.number == 0) in.fail();
  return checked(in, "lock heartbeat");
}

void encode(Bytes& out, Envelope envelope, const LockHeartbeatAck& message) {
  Encoder to(out, typed(envelope, LockMessage::heartbeat_ack), 5);
  to.u64(message.session).u64(message.number);
  append_stream(to, message.stream);
}
Result<void> decode(Decoder& in, LockHeartbeatAck& message) {
  message.session = read_token(in);
  message.number = in.u64();
  read_stream(in, message.stream);
  return checked(in, "lock heartbeat's acknowledgement");
}

void encode(Bytes& out, Envelope envelope, const LockEnded& message) {
  Encoder(out, typed(envelope, LockMessage::ended), 3)
      .u64(message.session)
      .u64(static_cast<std::uint64_t>(message.why))
      .u64(message.epoch);
}
Result<void> decode(Decoder& in, LockEnded& message) {
  message.session = read_token(in);
  message.why = read_enum(in, LockSessionEnd::refused);
  message.epoch = in.u32();
  return checked(in, "lock session's end");
}

void encode(Bytes& out, Envelope envelope, const LockDeparted& message) {
  Encoder(out, typed(envelope, LockMessage::departed), 1).u64(message.instance);
}
Result<void> decode(Decoder& in, LockDeparted& message) {
  message.instance = in.u64();
  if (message.instance == any_instance) in.fail();
  return checked(in, "lock client's end");
}

void encode(Bytes& out, Envelope envelope, LockMessage type, const LockItems& message) {
  Encoder(out, typed(envelope, type), 4)
      .u64(message.session)
      .u64(message.number)
      .u64(message.seen)
      .bin(message.items);
}
Result<void> decode_requests(Decoder& in, LockItems& message) {
  return decode_items<LockRequest>(in, message, "message of lock requests");
}
Result<void> decode_answers(Decoder& in, LockItems& message) {
  return decode_items<LockAnswer>(in, message, "message of lock answers");
}

void append_item(Bytes& items, const LockRequest& request) {
  using Op = LockRequest::Op;
  append_le(items, request.op);
  append_name(items, request.name);
  switch (request.op) {
    case Op::acquire:
      append_le(items, request.mode);
      break;
    case Op::cancel:
      break;
    case Op::release:
      append_le(items, request.token);
      append_le(items, request.end);
      append_value(items, request.value);
      break;
    case Op::convert_down:
      append_le(items, request.token);
      append_le(items, request.mode);
      append_value(items, request.value);
      break;
    case Op::convert_up:
      append_le(items, request.token);
      append_le(items, static_cast<std::uint8_t>(request.wait));
      break;
    case Op::unable:
    case Op::keep:
      append_le(items, request.token);
      break;
    case Op::reclaim:
      append_le(items, request.token);
      append_le(items, request.mode);
      append_le(items, request.end);
      append_value(items, request.value);
      break;
  }
}

bool next_item(ByteReader& items, LockRequest& item) {
  using Op = LockRequest::Op;
  if (!items.ok() || items.left() == 0) return false;
  item.op = read_enum(items, Op::reclaim);
  item.value.reset();
  read_name(items, item.name);
  if (!items.ok()) return false;
  if (item.op != Op::acquire && item.op != Op::cancel) item.token = items.u64();
  if (item.op == Op::acquire || item.op == Op::convert_down || item.op == Op::reclaim) {
    item.mode = read_enum(items, LockMode::exclusive);
  }
  if (item.op == Op::release || item.op == Op::reclaim) {
    item.end = read_enum(items, LockEnd::unclean);
  }
  if (item.op == Op::release || item.op == Op::convert_down || item.op == Op::reclaim) {
    read_value(items, item.value);
  }
  if (item.op == Op::convert_up) {
    const auto wait = items.u8();
    if (wait > 1) items.fail();
    item.wait = wait == 1;
  }
  return items.ok();
}

void append_item(Bytes& items, const LockAnswer& answer) {
  using Op = LockAnswer::Op;
  append_le(items, answer.op);
  append_name(items, answer.name);
  switch (answer.op) {
    case Op::granted:
    case Op::converted:
      append_le(items, answer.grant.token);
      append_le(items, answer.grant.mode);
      append_found(items, answer.grant);
      break;
    case Op::refused:
      append_le(items, answer.why);
      break;
    case Op::not_converted:
      append_le(items, answer.grant.token);
      append_le(items, answer.why);
      break;
    case Op::recall:
      append_le(items, answer.grant.token);
      append_le(items, answer.wanted);
      break;
  }
}

bool next_item(ByteReader& items, LockAnswer& item) {
  using Op = LockAnswer::Op;
  if (!items.ok() || items.left() == 0) return false;
  item.op = read_enum(items, Op::recall);
  item.grant = Grant{};
  read_name(items, item.name);
  if (!items.ok()) return false;
  if (item.op != Op::refused) item.grant.token = items.u64();
  if (item.op == Op::granted || item.op == Op::converted) {
    item.grant.mode = read_enum(items, LockMode::exclusive);
    read_found(items, item.grant);
  }
  if (item.op == Op::recall) item.wanted = read_enum(items, LockMode::exclusive);
  if (item.op == Op::refused || item.op == Op::not_converted) {
    item.why = read_enum(items, LockRefusal::invalid);
  }
  return items.ok();
}

}  // namespace mas
