#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gateway/command.hpp"
#include "gateway/router.hpp"
#include "gateway/turn_batch.hpp"
#include "gateway/worker_pool.hpp"
#include "wire/worker_messages.hpp"

namespace mas {

/// What became of clients' requests. Called from inside the dispatcher's calls; an implementation
/// may ask for more (log, query, alert, grant) from inside, but not cancel.
class Answers {
 public:
  /// LOG and NEW-ALERT: over. QUERY: over without a body.
  virtual void on_outcome(Origin origin, Status status) = 0;
  /// QUERY: what is logged from here on is not in its answer. May come more than once.
  virtual void on_noted(Origin origin) = 0;
  /// QUERY: a piece of the answer, valid during the call. A grant() of one chunk is owed for each
  /// but the last one, once its bytes are on their way.
  virtual void on_chunk(Origin origin, ByteView body, bool last) = 0;
  /// QUERY: part of the answer was given out and the rest will never come.
  virtual void on_cut(Origin origin) = 0;

 protected:
  Answers() = default;
  Answers(const Answers&) = default;
  Answers& operator=(const Answers&) = default;
  ~Answers() = default;
};

/// Bounds of what waits in a gateway; above them the answer is 503 at once.
struct DispatcherLimits {
  std::uint32_t queued_samples_max = 65'536;  ///< per ingest worker, beyond its credit
  /// QUERYs, and NEW-ALERTs, beyond the credit: all that text connections together may have
  /// pending.
  std::uint32_t queued_requests_max = 65'536;
  nanoseconds log_timeout = seconds{2};       ///< a LOG without an answer by then is a 503
  nanoseconds request_timeout = seconds{10};  ///< the same for a QUERY's first sign and NEW-ALERT
};

/// For /metrics.
struct DispatcherCounters {
  std::uint64_t logs_stored = 0;
  std::uint64_t logs_busy = 0;
  std::uint64_t queries_done = 0;
  std::uint64_t queries_busy = 0;
  std::uint64_t queries_cut = 0;
  std::uint64_t alerts_done = 0;
  std::uint64_t alerts_busy = 0;
  std::uint64_t batches_sent = 0;
};

/// Brings requests to workers and answers back: routes, gathers a turn's samples into one message
/// per worker, keeps to the workers' credit, notices what will never be answered. A LOG is sent
/// once at most: when its worker dies or is late it is a 503. A QUERY is sent again once, unless
/// its worker had noted its lengths: LOGs that came after it may be stored since, and it would
/// count them.
///
/// Events and time in; messages, in take_messages(), and Answers out. No socket, clock or thread.
/// Thread-safety: one owner.
class Dispatcher {
 public:
  struct Message {
    WorkerId to = 0;
    Bytes frame;
  };

  Dispatcher(DispatcherLimits limits, std::string cluster, InstanceId instance, Answers& answers);

  // --- From clients.
  void log(Origin origin, const Log& log, std::uint64_t id_hash, WallTime stamp, MonoTime now);
  /// Gives the request's number, for grant() and cancel().
  std::uint64_t query(Origin origin, const Query& query, AnswerForm form, MonoTime now);
  void alert(Origin origin, const NewAlert& alert, std::uint64_t id_hash, WallTime stamp,
             MonoTime now);
  /// So many chunks of a QUERY's answer have left: as many more may come.
  void grant(std::uint64_t request, std::uint32_t chunks);
  /// Nobody waits for this QUERY any more.
  void cancel(std::uint64_t request);

  // --- From workers.
  /// A message over link `from`. Error: what is wrong with it; it was dropped.
  Result<void> on_message(WorkerId from, ByteView message, MonoTime now);
  /// The link is dead, as a send has shown.
  void on_unreachable(WorkerId worker, MonoTime now);

  /// Deadlines, heartbeats; call about every 50 ms.
  void on_time(MonoTime now);
  /// The end of a turn: what was gathered goes out as far as credit allows.
  void end_turn(MonoTime now);
  /// Everything open is answered 503, and what comes from now on too. For the gateway's own end.
  void close();
  /// The last message to every worker, so that none waits to find out that the gateway is gone.
  void say_farewell();

  /// Appends the messages to send, in order, and forgets them.
  void take_messages(std::vector<Message>& out);
  /// Fired alerts that came since, as encoded events with their topic, for the events port.
  struct Event {
    std::string topic;
    Bytes body;
  };
  void take_events(std::vector<Event>& out);

  [[nodiscard]] const WorkerPool& workers() const { return workers_; }
  [[nodiscard]] const DispatcherCounters& counters() const { return counters_; }
  /// Every pool has a worker that serves.
  [[nodiscard]] bool ready() const;

 private:
  struct OpenQuery {
    Origin origin;
    QueryRequest request;
    std::string id;  ///< what request.id views
    WorkerId worker = 0;
    MonoTime asked{};
    bool sent = false;
    bool heard = false;    ///< noted or answered in part: alive, no deadline
    bool touched = false;  ///< part of the answer was given out: can only be cut
    bool again = false;    ///< this is the second try
  };
  struct OpenAlert {
    Origin origin;
    AlertRequest request;
    std::string id;
    WorkerId worker = 0;
    MonoTime asked{};
    bool sent = false;
  };

  template <typename M>
  void send(WorkerId to, const M& message);
  void on_now(MonoTime now) { now_ = std::max(now_, now); }
  [[nodiscard]] Envelope envelope_to(WorkerId worker) const;
  void send_heartbeats();
  void send_queries();
  void send_alerts();
  void drop_worker(WorkerId worker);
  void fail_logs();
  Result<void> on_hello(WorkerId from, InstanceId instance, Decoder& in, MonoTime now);
  void withdraw(WorkerId worker);
  Result<void> on_log_answer(WorkerId from, Decoder& in);
  Result<void> on_query_noted(WorkerId from, Decoder& in);
  Result<void> on_query_chunk(WorkerId from, Decoder& in);
  Result<void> on_alert_answer(WorkerId from, Decoder& in);
  Result<void> on_alert_fired(Decoder& in);
  using QueryEntry = std::map<std::uint64_t, OpenQuery>::iterator;
  using AlertEntry = std::map<std::uint64_t, OpenAlert>::iterator;
  /// Ends a query without (more of) an answer: its outcome, or a cut where part of it is out.
  QueryEntry fail_query(QueryEntry open, Status status);
  QueryEntry forget_query(QueryEntry open);
  AlertEntry end_alert(AlertEntry open, Status status);
  [[nodiscard]] QueryEntry find_query(std::uint64_t request, WorkerId from);

  DispatcherLimits limits_;
  std::string cluster_;
  InstanceId instance_;
  Answers& answers_;
  WorkerPool workers_;
  Router router_{workers_};
  std::map<WorkerId, TurnBatches> batches_;  ///< of the ingest workers
  /// By request number, which counts up, so in the order of their asking.
  std::map<std::uint64_t, OpenQuery> queries_;
  std::map<std::uint64_t, OpenAlert> alerts_;
  /// For credit. By number, so what is asked again comes before all that came later.
  std::set<std::uint64_t> queries_waiting_;
  std::set<std::pair<WorkerId, std::uint64_t>> alerts_waiting_;
  std::uint64_t next_request_ = 1;
  std::vector<Message> messages_;
  std::vector<Event> events_;
  std::uint64_t next_event_ = 0;
  std::map<WorkerId, Bytes> packed_;  ///< a turn's requests per worker
  std::vector<Origin> origins_;       ///< whose fate a call has found out
  /// The latest that was told. A request's own `now` is when its line was read: one that waited for
  /// an earlier request has its time from here on, and batches open in the order of time.
  MonoTime now_{};
  MonoTime heartbeat_at_{};
  bool closed_ = false;
  DispatcherCounters counters_;
};

}  // namespace mas
