#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/byte_reader.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "wire/decode.hpp"
#include "wire/envelope.hpp"
#include "wire/lock_types.hpp"

/// Every message of the lock port, between a lock session and the broker. Texts and binaries of
/// decoded messages are views into the received bytes. Field by field in docs/lock-protocol.md.
namespace mas {

/// The port's message types; the values are on the wire.
enum class LockMessage : std::uint8_t {
  // client to broker
  hello = 1,
  heartbeat = 2,
  requests = 3,
  departed = 5,
  inspect = 8,  ///< wire/lock_report
  // broker to client
  welcome = 16,
  heartbeat_ack = 17,
  answers = 18,
  ended = 19,
  report = 24,  ///< wire/lock_report
};

/// Items of one message at most.
inline constexpr std::uint32_t lock_items_max = 4096;
/// Bytes of one message's items at most, so that no heartbeat waits long behind them.
inline constexpr std::size_t lock_items_bytes_max = 256 * KiB;
/// What a socket of the lock port takes: full items and their envelope.
inline constexpr std::size_t lock_message_bytes_max = lock_items_bytes_max + 4 * KiB;
inline constexpr std::size_t lock_worker_bytes_max = 128;

/// Asks for a session.
struct LockHello {
  std::uint64_t number = 0;         ///< of this attempt; its welcome repeats it
  std::uint32_t highest_epoch = 0;  ///< that this client knows of; 0: none
  /// Of the broker of that epoch. Another one of the same epoch has lost its epoch file.
  std::uint64_t highest_broker = 0;
  std::uint32_t highest_ttl_ms = 0;  ///< of the leases that it gave
  std::string_view worker;           ///< for people: program, host and process id
  /// The session that an earlier broker gave and whose lease is still valid, to be resumed; 0:
  /// none.
  LockToken session = 0;
};
/// There is one.
struct LockWelcome {
  std::uint64_t number = 0;
  /// The session that the hello named when it is resumed; else a new one.
  LockToken session = 0;
  std::uint32_t ttl_ms = 0;
  std::uint32_t epoch = 0;  ///< of the broker that says so
};

/// Who knows for certain that a process is gone, as its parent does once it has reaped it, tells
/// so: its sessions end at once. Needs no session and gets no answer.
struct LockDeparted {
  std::uint64_t instance = 0;  ///< of the process that is gone
};

/// Where the two numbered streams of a session stand, as the sender sees it. It travels with every
/// heartbeat and its acknowledgement, and both sides repeat what got lost (see OrderedStream).
struct StreamState {
  std::uint64_t sent = 0;  ///< number of the sender's last requests or answers; 0: none yet
  std::uint64_t seen = 0;  ///< number of the last that the sender has taken in
  bool resend = false;     ///< something is missing: send again what follows `seen`
};

/// Keeps a session alive.
struct LockHeartbeat {
  LockToken session = 0;
  std::uint64_t number = 0;  ///< counts up in the session; the acknowledgement repeats it
  StreamState stream;
  bool leaving = false;  ///< goodbye: end the session once all that was sent is taken in
};
/// The session lives for its whole time to live from when this heartbeat was sent.
struct LockHeartbeatAck {
  LockToken session = 0;
  std::uint64_t number = 0;  ///< 0: not renewed, only the state of the streams is told
  StreamState stream;
};

/// Why a session is no more.
enum class LockSessionEnd : std::uint8_t {
  unknown = 1,  ///< the broker does not know it: it expired, or the broker is a new one
  goodbye = 2,  ///< as asked; nothing is held any more
  refused = 3,  ///< the client broke the protocol or a bound
};
struct LockEnded {
  LockToken session = 0;
  LockSessionEnd why = LockSessionEnd::unknown;
  std::uint32_t epoch = 0;  ///< of the broker that says so
};

/// Requests, or answers, of one session: numbered 1, 2, 3 …, taken in in that order, once each.
struct LockItems {
  LockToken session = 0;
  std::uint64_t number = 0;
  std::uint64_t seen = 0;  ///< number of the last of the other side's that was taken in
  ByteView items;          ///< packed; see LockRequest and LockAnswer
};

/// One request inside a message of requests.
struct LockRequest {
  enum class Op : std::uint8_t {
    acquire = 1,
    cancel = 2,  ///< of what waits for the name, be it acquire or convert_up
    release = 3,
    convert_down = 4,
    convert_up = 5,
    unable = 6,
    keep = 7,     ///< recall heard, the holder works on: nothing is overdue. Space user only
    reclaim = 8,  ///< in a resumed session, before anything else: what is held since before
  };
  Op op = Op::acquire;
  LockName name;
  LockToken token = 0;               ///< of the grant; all but acquire and cancel
  LockMode mode = LockMode::shared;  ///< acquire, convert_down, reclaim
  LockEnd end = LockEnd::clean;      ///< release; reclaim: as the grant told of the holder before
  bool wait = false;                 ///< convert_up: in line, else only at once
  std::optional<LockValue> value;    ///< release, convert_down, reclaim; none: keep it
};

/// Why a request is not fulfilled.
enum class LockRefusal : std::uint8_t {
  busy = 1,       ///< a bound of the broker's is reached
  unable = 2,     ///< the holder cannot let go now
  cancelled = 3,  ///< as asked
  contended = 4,  ///< no conversion up: somebody else holds or awaits the name
  invalid = 5,    ///< it makes no sense: the name is held already, or not held at all
};
[[nodiscard]] std::string_view to_text(LockRefusal refusal);

/// One answer inside a message of answers.
struct LockAnswer {
  enum class Op : std::uint8_t {
    granted = 1,        ///< answers acquire
    refused = 2,        ///< answers acquire or its cancel
    converted = 3,      ///< answers convert_up
    not_converted = 4,  ///< answers convert_up or its cancel
    recall = 5,         ///< let go, or weaken to what goes with `mode`
  };
  Op op = Op::granted;
  LockName name;
  Grant grant;                          ///< granted, converted; else only its token
  LockMode wanted = LockMode::shared;   ///< recall
  LockRefusal why = LockRefusal::busy;  ///< refused, not_converted
};

void encode(Bytes& out, Envelope envelope, const LockHello& message);
void encode(Bytes& out, Envelope envelope, const LockWelcome& message);
void encode(Bytes& out, Envelope envelope, const LockHeartbeat& message);
void encode(Bytes& out, Envelope envelope, const LockHeartbeatAck& message);
void encode(Bytes& out, Envelope envelope, const LockEnded& message);
void encode(Bytes& out, Envelope envelope, const LockDeparted& message);
/// `type` is requests or answers.
void encode(Bytes& out, Envelope envelope, LockMessage type, const LockItems& message);

/// Each reads what follows the envelope. Error: torn. Items are checked as a whole, so reading
/// them afterwards cannot fail.
Result<void> decode(Decoder& in, LockHello& message);
Result<void> decode(Decoder& in, LockWelcome& message);
Result<void> decode(Decoder& in, LockHeartbeat& message);
Result<void> decode(Decoder& in, LockHeartbeatAck& message);
Result<void> decode(Decoder& in, LockEnded& message);
Result<void> decode(Decoder& in, LockDeparted& message);
Result<void> decode_requests(Decoder& in, LockItems& message);
Result<void> decode_answers(Decoder& in, LockItems& message);

/// Appends one item. A name or value beyond its bound is a broken invariant.
void append_item(Bytes& items, const LockRequest& request);
void append_item(Bytes& items, const LockAnswer& answer);
/// Reads the next item into `item`, whose memory it reuses; false at the end or after a failure.
[[nodiscard]] bool next_item(ByteReader& items, LockRequest& item);
[[nodiscard]] bool next_item(ByteReader& items, LockAnswer& item);

/// The epoch of the broker that gave a token.
[[nodiscard]] constexpr std::uint32_t epoch_of(LockToken token) {
  return static_cast<std::uint32_t>(token >> 32);
}

}  // namespace mas
