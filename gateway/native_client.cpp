#include "gateway/native_client.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include "text/tokens.hpp"

namespace mas {
namespace {

constexpr std::uint16_t code_done = 200;

/// A window in whole nanoseconds; negative ones are malformed.
nanoseconds read_window(Decoder& in) {
  const auto window = in.i64();
  if (window < 0) in.fail();
  return nanoseconds{window};
}

std::string_view read_id(Decoder& in) {
  const auto id = in.str(metric_id_bytes_max);
  if (!is_metric_id(id)) in.fail();
  return id;
}

double read_finite(Decoder& in) {
  const auto value = in.f64();
  if (!std::isfinite(value)) in.fail();
  return value;
}

Op read_op(Decoder& in) {
  const auto op = parse_op(in.str(8));
  if (!op) in.fail();
  return op.value_or(Op::avg);
}

Command read_command(std::string_view name, Decoder& in) {
  const auto checked = [&in](Command command, Reply malformed) {
    return in.ok() && in.fields_left() == 0 ? command : Command(BadRequest{malformed});
  };
  if (name == "LOG") {
    Log log;
    log.id = read_id(in);
    log.value = read_finite(in);
    return checked(log, Reply::malformed_log);
  }
  if (name == "QUERY") {
    Query query;
    query.id = read_id(in);
    query.op = read_op(in);
    query.window = read_window(in);
    if (in.fields_left() > 0) query.from = in.time();
    if (in.fields_left() > 0) query.to = in.time();
    return checked(query, Reply::malformed_query);
  }
  if (name == "NEW-ALERT") {
    NewAlert alert;
    alert.id = read_id(in);
    alert.op = read_op(in);
    alert.window = read_window(in);
    alert.limit = read_finite(in);
    return checked(alert, Reply::malformed_new_alert);
  }
  return BadRequest{Reply::unknown_command};
}

}  // namespace

Result<void> NativeClient::on_request(ByteView message, TurnTime now) {
  heard_ = now.mono;
  Decoder in(message);
  const auto request = decode_native_request(in);
  if (!request) return pass_on(request);
  // No reply either, as that would be one more.
  if (replies_.size() >= native_replies_max) {
    return fail(Error::busy, "a client does not take its replies");
  }
  if (requests_.pending() >= native_pending_max) {
    reply(request->request, Reply::busy);
    return {};
  }
  auto command = read_command(request->command, in);
  if (const auto* bad = std::get_if<BadRequest>(&command)) {
    reply(request->request, bad->reply);
    return {};
  }
  // Before it is asked, as the answer may come at once.
  numbers_.emplace(requests_.next_slot(), request->request);
  requests_.submit(command, now);
  return {};
}

void NativeClient::on_outcome(std::uint64_t slot, Status status) {
  const auto number = numbers_.extract(slot);
  const auto text = requests_.on_outcome(slot, status);
  if (text && !number.empty()) reply(number.mapped(), *text);
  forget_over();
}

void NativeClient::on_chunk(std::uint64_t slot, ByteView body, bool last) {
  const auto number = numbers_.find(slot);
  if (number == numbers_.end()) return;
  auto& out = replies_.emplace_back(Outgoing{.frame = {}, .slot = slot, .is_chunk = !last});
  encode(out.frame, NativeReply{.request = number->second,
                                .code = code_done,
                                .last = last,
                                .text = {},
                                .columns = body,
                                .has_columns = true});
  if (!last) return;
  numbers_.erase(number);
  requests_.finish(slot);
  forget_over();
}

/// Chunks that were sent are void by the 503 that ends them.
void NativeClient::on_cut(std::uint64_t slot) { on_outcome(slot, Status::busy); }

/// Requests that are over need no order any more: native replies carry their number.
void NativeClient::forget_over() {
  while (requests_.pending() > 0 && requests_.front_over()) requests_.forget_front();
}

void NativeClient::reply(std::uint64_t request, Reply text) {
  auto line = reply_text(text);
  line.remove_suffix(1);  // its end of line
  std::uint16_t code = 0;
  const auto [words, error] = std::from_chars(line.data(), line.data() + line.size(), code);
  line.remove_prefix(static_cast<std::size_t>(words - line.data()) + 1);
  encode(replies_.emplace_back().frame,
         NativeReply{.request = request, .code = code, .text = line});
}

const Bytes* NativeClient::next_reply() const {
  return replies_.empty() ? nullptr : &replies_.front().frame;
}

void NativeClient::on_sent() {
  const auto& sent = replies_.front();
  if (sent.is_chunk) requests_.grant(sent.slot, 1);
  replies_.pop_front();
}

}  // namespace mas
