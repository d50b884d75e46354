#pragma once

#include <cstdint>
#include <string_view>

#include "aggregate/aggregate.hpp"
#include "aggregate/sample.hpp"
#include "base/byte_reader.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/time_types.hpp"
#include "text/tokens.hpp"
#include "wire/decode.hpp"
#include "wire/envelope.hpp"

/// Every message between a gateway and a worker. Texts and binaries of decoded messages are views
/// into the received bytes. Lists travel as columns: see docs/protocol.md, field by field.
namespace mas {

/// The port's message types; the values are on the wire.
enum class WorkerMessage : std::uint8_t {
  // worker to gateway
  hello = 1,
  worker_heartbeat = 2,
  goodbye = 3,
  log_answer = 4,
  query_noted = 5,
  query_chunk = 6,
  alert_answer = 7,
  alert_fired = 8,
  // gateway to worker
  welcome = 16,
  gateway_heartbeat = 17,
  farewell = 18,
  log_batch = 19,
  query_batch = 20,
  query_credit = 21,
  query_cancel = 22,
  alert_batch = 23,
  hello_again = 24,
};

/// One pool a command.
enum class Pool : std::uint8_t { ingest = 1, query = 2, alerter = 3 };
inline constexpr std::size_t pool_count = 3;
[[nodiscard]] std::string_view name_of(Pool pool);

/// How a request ended, apart from its answer's body.
enum class Status : std::uint8_t {
  done = 0,       ///< LOG stored, NEW-ALERT registered, QUERY answered
  not_found = 1,  ///< the metric was never logged
  busy = 2,       ///< not carried out and will not be: no lock, lease, disk or time
};

inline constexpr std::size_t worker_name_bytes_max = 128;
/// An answer's chunk; heartbeats never wait behind more than one.
inline constexpr std::size_t chunk_bytes_max = 256 * KiB;
/// Chunks a worker may have under way per query before the gateway asks for more.
inline constexpr std::uint32_t chunk_window = 4;
/// A batch's columns together.
inline constexpr std::size_t batch_bytes_max = 4 * MiB;
/// What a socket between gateway and worker takes: the largest batch and its envelope.
inline constexpr std::size_t worker_message_bytes_max = batch_bytes_max + 64 * KiB;

/// Introduces a worker, at every (re)connection. Until it is welcome it gets no work.
struct Hello {
  Pool pool = Pool::ingest;
  std::string_view name;     ///< for people: host and process id
  std::uint32_t weight = 1;  ///< its share of a pool, relative to the others
  std::uint32_t credit = 0;  ///< requests (LOG: samples) it takes unanswered
  std::uint64_t credit_bytes = 0;
};
struct WorkerHeartbeat {
  bool ready = false;  ///< false: no valid lease; takes no new work until it says true again
};
/// The worker drains: no new work, please. What crossed it on the way is still answered.
struct Goodbye {};

struct Welcome {
  std::uint32_t heartbeat_ms = 0;  ///< how often each side speaks at least
};
struct GatewayHeartbeat {
  ByteView members;  ///< instance ids (u64) of the live, ready workers of the receiver's pool
};
/// Nothing comes after it: the answer to a goodbye, or the gateway's own end.
struct Farewell {};
/// The gateway does not know the sender (it restarted): say hello.
struct HelloAgain {};

/// Samples to store, in the order in which they were stamped. Three columns of equal length.
struct LogBatch {
  std::uint64_t batch = 0;
  ByteView ids;     ///< per sample: length in one byte, then the id
  ByteView stamps;  ///< per sample: i64, nanoseconds since the epoch
  ByteView values;  ///< per sample: f64
};
/// The outcome of some samples of a batch, as ranges of their positions. Several answers may
/// follow one batch, as samples whose lock is awaited do not hold back the rest; each position is
/// answered once.
struct LogAnswer {
  std::uint64_t batch = 0;
  ByteView ranges;  ///< per range: first u32, count u32, status u8
};

/// What a query's answer looks like.
enum class AnswerForm : std::uint8_t {
  text = 0,     ///< the reply's body as people read it: `[1.0, 2.5]`
  columns = 1,  ///< per window: start i64, then f64 (AVG, MAX, MIN) or u64 (COUNT)
};
struct QueryRequest {
  std::uint64_t request = 0;
  Op op = Op::avg;
  AnswerForm form = AnswerForm::text;
  nanoseconds window{0};  ///< 0: each sample is a window
  WallTime from = WallTime::min();
  WallTime to = WallTime::max();  ///< inclusive
  std::string_view id;
};
struct QueryBatch {
  ByteView requests;  ///< packed QueryRequests, see append_request and read_query_request
};
/// The query has noted the lengths of its files: what is logged from here on is not in its answer.
struct QueryNoted {
  std::uint64_t request = 0;
};
/// A piece of a query's answer. The first one implies QueryNoted.
struct QueryChunk {
  std::uint64_t request = 0;
  /// Other than done: nothing more comes. As the first chunk it is the reply; after others it says
  /// that the answer cannot be completed.
  Status status = Status::done;
  bool last = false;
  ByteView body;
};
struct QueryCredit {
  std::uint64_t request = 0;
  std::uint32_t chunks = 0;  ///< how many more chunks may come
};
/// Nobody waits for the answer any more.
struct QueryCancel {
  std::uint64_t request = 0;
};

struct AlertRequest {
  std::uint64_t request = 0;
  Op op = Op::avg;
  nanoseconds window{0};
  double limit = 0;
  WallTime registered;  ///< when the gateway read the line: earlier samples do not count
  std::string_view id;
};
struct AlertBatch {
  ByteView requests;  ///< packed AlertRequests
};
struct AlertAnswer {
  ByteView answers;  ///< per request: request u64, status u8
};
/// One firing of one rule, for the events port. At least once: `event` names it.
struct AlertFired {
  std::string_view event;  ///< rule and period, the same in every delivery
  std::string_view id;
  Op op = Op::avg;
  nanoseconds window{0};
  double limit = 0;
  WallTime period_start;
  WallTime period_end;  ///< not part of the period
};

void encode(Bytes& out, Envelope envelope, const Hello& message);
void encode(Bytes& out, Envelope envelope, const WorkerHeartbeat& message);
void encode(Bytes& out, Envelope envelope, const Goodbye& message);
void encode(Bytes& out, Envelope envelope, const Welcome& message);
void encode(Bytes& out, Envelope envelope, const GatewayHeartbeat& message);
void encode(Bytes& out, Envelope envelope, const Farewell& message);
void encode(Bytes& out, Envelope envelope, const HelloAgain& message);
void encode(Bytes& out, Envelope envelope, const LogBatch& message);
void encode(Bytes& out, Envelope envelope, const LogAnswer& message);
void encode(Bytes& out, Envelope envelope, const QueryBatch& message);
void encode(Bytes& out, Envelope envelope, const QueryNoted& message);
void encode(Bytes& out, Envelope envelope, const QueryChunk& message);
void encode(Bytes& out, Envelope envelope, const QueryCredit& message);
void encode(Bytes& out, Envelope envelope, const QueryCancel& message);
void encode(Bytes& out, Envelope envelope, const AlertBatch& message);
void encode(Bytes& out, Envelope envelope, const AlertAnswer& message);
void encode(Bytes& out, Envelope envelope, const AlertFired& message);

/// Each reads the fields behind an envelope whose type it is. Error::torn when a field is missing,
/// of the wrong kind or out of its range, or when columns disagree in length.
Result<void> decode(Decoder& in, Hello& message);
Result<void> decode(Decoder& in, WorkerHeartbeat& message);
Result<void> decode(Decoder& in, Welcome& message);
Result<void> decode(Decoder& in, GatewayHeartbeat& message);
Result<void> decode(Decoder& in, LogBatch& message);
Result<void> decode(Decoder& in, LogAnswer& message);
Result<void> decode(Decoder& in, QueryBatch& message);
Result<void> decode(Decoder& in, QueryNoted& message);
Result<void> decode(Decoder& in, QueryChunk& message);
Result<void> decode(Decoder& in, QueryCredit& message);
Result<void> decode(Decoder& in, QueryCancel& message);
Result<void> decode(Decoder& in, AlertBatch& message);
Result<void> decode(Decoder& in, AlertAnswer& message);
Result<void> decode(Decoder& in, AlertFired& message);

/// Rows of the packed lists. A read that finds nonsense leaves `in.ok()` false.
void append_request(Bytes& out, const QueryRequest& request);
void append_request(Bytes& out, const AlertRequest& request);
[[nodiscard]] QueryRequest read_query_request(ByteReader& in);
[[nodiscard]] AlertRequest read_alert_request(ByteReader& in);

struct LogRange {
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  Status status = Status::done;
};
void append_range(Bytes& out, const LogRange& range);
[[nodiscard]] LogRange read_range(ByteReader& in);

struct AlertOutcome {
  std::uint64_t request = 0;
  Status status = Status::done;
};
void append_outcome(Bytes& out, const AlertOutcome& outcome);
[[nodiscard]] AlertOutcome read_outcome(ByteReader& in);

/// Samples of a decoded batch (its columns agree in length).
[[nodiscard]] inline std::uint32_t sample_count(const LogBatch& batch) {
  return static_cast<std::uint32_t>(batch.stamps.size() / sizeof(std::int64_t));
}

}  // namespace mas
