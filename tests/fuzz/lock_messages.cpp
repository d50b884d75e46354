// Any bytes as a message of the lock port: they are refused, or what they say can be said again and
// is understood the same way.

#include <cstdint>
#include <type_traits>

#include "base/check.hpp"
#include "wire/decode.hpp"
#include "wire/lock_messages.hpp"
#include "wire/lock_report.hpp"

namespace mas {
namespace {

/// Whether it was a message.
template <typename Message>
void say_again(Decoder in, const Envelope& envelope) {
  Message message;
  if (!decode(in, message)) return;
  Bytes again;
  encode(again, envelope, message);
  Decoder in_again(again);
  MAS_CHECK(decode_envelope(in_again).has_value());
  Message read_again;
  MAS_CHECK(decode(in_again, read_again).has_value());
  Bytes third;
  encode(third, envelope, read_again);
  MAS_CHECK(third == again);
}

template <typename Item>
void say_items_again(ByteView items) {
  ByteReader in(items);
  Item item;
  std::uint32_t count = 0;
  while (next_item(in, item)) {
    Bytes again;
    append_item(again, item);
    ByteReader in_again(again);
    Item read_again;
    MAS_CHECK(next_item(in_again, read_again) && in_again.left() == 0);
    MAS_CHECK(read_again.op == item.op && read_again.name == item.name);
    ++count;
  }
  // They were checked as a whole before.
  MAS_CHECK(in.done() && count > 0 && count <= lock_items_max);
}

template <typename Row>
void say_rows_again(ByteView rows) {
  ByteReader in(rows);
  Row row;
  while (next_row(in, row)) {
    Bytes again;
    append_row(again, row);
    MAS_CHECK(again.size() <= lock_report_row_bytes_max);
    ByteReader in_again(again);
    Row read_again;
    MAS_CHECK(next_row(in_again, read_again) && in_again.left() == 0 && read_again == row);
  }
  MAS_CHECK(in.done());
}

void try_all(ByteView message) {
  Decoder in(message);
  const auto envelope = decode_envelope(in);
  if (!envelope) return;
  // Every decoder, whatever type the message says it has.
  say_again<LockHello>(in, *envelope);
  say_again<LockWelcome>(in, *envelope);
  say_again<LockHeartbeat>(in, *envelope);
  say_again<LockHeartbeatAck>(in, *envelope);
  say_again<LockEnded>(in, *envelope);
  say_again<LockDeparted>(in, *envelope);
  say_again<LockInspect>(in, *envelope);
  say_again<LockReport>(in, *envelope);
  LockItems items;
  if (Decoder copy = in; decode_requests(copy, items)) say_items_again<LockRequest>(items.items);
  if (Decoder copy = in; decode_answers(copy, items)) say_items_again<LockAnswer>(items.items);
  LockReport report;
  if (Decoder copy = in; decode(copy, report)) {
    if (report.what == LockReportKind::sessions) {
      say_rows_again<LockSessionRow>(report.rows);
    } else {
      say_rows_again<LockNameRow>(report.rows);
    }
  }
}

}  // namespace
}  // namespace mas

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mas::try_all({data, size});
  return 0;
}
