#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/answer_stream.hpp"
#include "query/query_plan.hpp"
#include "query/query_turns.hpp"
#include "service/repeat_limit.hpp"
#include "service/snapshot_opener.hpp"
#include "service/worker.hpp"
#include "store/posix_file.hpp"

namespace mas {

/// Requests that one gateway may leave unanswered with a query worker.
inline constexpr std::uint32_t query_credit = 256;
inline constexpr std::uint64_t query_credit_bytes = 1 * MiB;

/// Answers queries: opens each one's files under the shared lock, tells the gateway that the
/// lengths are noted, then streams from them in small steps, in turn with all others, and only as
/// far as each reader has room. Holds nothing between queries but cached locks, so a query worker
/// may die at any moment. Thread-safety: the loop's thread.
class QueryLoop final : public Worker {
 public:
  explicit QueryLoop(WorkerContext& context);

  void on_request(InstanceId gateway, WorkerMessage type, Decoder& in) override;
  void on_gateway_lost(InstanceId gateway) override;
  void on_lock_event(const LockEvent& event) override;
  void on_turn_end() override;
  void on_tick() override;
  [[nodiscard]] bool idle() const override { return queries_.empty(); }
  void metrics(std::string& page) const override;

 private:
  using Number = QueryTurns::Number;
  /// A gateway's own number for a query.
  using Address = std::pair<InstanceId, std::uint64_t>;
  struct Query {
    Query(Address where, QueryPlan what)
        : address(where), plan(std::move(what)), answer(plan.op, plan.form, plan.window) {}

    Address address;
    QueryPlan plan;
    AnswerStream answer;
    SnapshotOpener::Request opening = 0;
    std::optional<SampleStream> samples;
    bool told = false;   ///< the gateway knows that the lengths are noted
    bool begun = false;  ///< part of the answer is with the gateway
  };
  struct Counters {
    std::uint64_t done = 0;
    std::uint64_t not_found = 0;
    std::uint64_t busy = 0;
    std::uint64_t cut = 0;
    std::uint64_t dropped = 0;
    std::uint64_t samples = 0;
    std::uint64_t chunks = 0;
  };

  void take_batch(InstanceId gateway, const QueryBatch& batch);
  void open_next();
  void on_opened(Number number, Result<MetricSnapshot> snapshot);
  void step(Number number);
  /// Ends a query that cannot be answered, or not to its end.
  void fail_query(Number number, const Error& error);
  /// Forgets it and whatever it holds.
  void drop(Number number);
  [[nodiscard]] Query* find(Number number);
  [[nodiscard]] std::optional<Number> number_of(const Address& address) const;

  EventLoop& loop_;
  GatewayLink& gateways_;
  PosixFileSystem files_;
  std::unique_ptr<SnapshotLocks> locks_;
  SnapshotOpener opener_;
  QueryTurns turns_;
  std::unordered_map<Number, Query> queries_;
  std::map<Address, Number> numbers_;
  Number next_number_ = 1;
  /// Opened in this turn; told about at its end unless an answer says it already.
  std::vector<Number> just_opened_;
  std::vector<Sample> step_samples_;
  RepeatLimit warnings_;
  Counters counters_;
};

}  // namespace mas
