#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alerter/period_check.hpp"
#include "alerter/rule_file.hpp"
#include "alerter/schedule.hpp"
#include "alerter/shard_claims.hpp"
#include "service/repeat_limit.hpp"
#include "service/snapshot_opener.hpp"
#include "service/worker.hpp"
#include "store/posix_file.hpp"

namespace mas {

struct AlerterOptions {
  nanoseconds period = seconds{60};
  nanoseconds lag = seconds{2};
};

/// NEW-ALERTs that one gateway may leave unanswered with an alerter.
inline constexpr std::uint32_t alerter_credit = 1024;
inline constexpr std::uint64_t alerter_credit_bytes = 1 * MiB;

/// Keeps rules and judges them. For each rule shard whose lock it holds: writes new rules to the
/// shard's file before it answers; at the end of each period reads the shard's metrics, writes the
/// mark, checks its lease, and only then lets the alerts out, so a rule fires at most once a period
/// whoever dies when. Thread-safety: the loop's thread.
class AlerterLoop final : public Worker {
 public:
  AlerterLoop(WorkerContext& context, AlerterOptions options);

  void on_request(InstanceId gateway, WorkerMessage type, Decoder& in) override;
  void on_members() override;
  void on_lock_event(const LockEvent& event) override;
  void on_turn_end() override;
  void on_tick() override;
  [[nodiscard]] bool idle() const override { return unanswered_ == 0; }
  void finish() override;
  void metrics(std::string& page) const override;

 private:
  /// One NEW-ALERT on its way.
  struct Registration {
    InstanceId gateway = any_instance;
    std::uint64_t request = 0;
    Rule rule;
    WallTime registered;
    MonoTime answer_by;
  };
  /// A shard whose lock is held and whose file is read.
  struct Shard {
    Shard(RuleFile its_file, RuleBook its_book, LockToken its_token)
        : file(std::move(its_file)), book(std::move(its_book)), token(its_token) {}

    RuleFile file;
    RuleBook book;
    LockToken token;
    PeriodCheck check;
    std::vector<Registration> to_write;
  };
  /// One metric of one shard, as of one grant of the shard's lock.
  struct Reading {
    std::uint32_t shard = 0;
    LockToken token = 0;
    std::string id;
  };
  struct OpenReading {
    Reading what;
    MetricVerdict verdict;
    SampleStream samples;
  };
  struct Granted {
    std::uint32_t shard = 0;
    Grant grant;
  };
  /// Since the log last told; shards come by the dozen.
  struct Taken {
    std::size_t shards = 0;
    std::size_t rules = 0;
    std::size_t unclean = 0;
  };
  struct Counters {
    std::uint64_t registered = 0;
    std::uint64_t not_found = 0;
    std::uint64_t busy = 0;
    std::uint64_t checks = 0;
    std::uint64_t checks_failed = 0;
    std::uint64_t samples = 0;
    std::uint64_t fired = 0;
    nanoseconds lateness{0};
  };

  // Registrations.
  void take_batch(InstanceId gateway, const AlertBatch& batch);
  void go_on(Registration registration);
  void on_looked_up(Registration registration, const Result<MetricSnapshot>& found);
  void write_rules(std::uint32_t shard);
  void answer(const Registration& registration, Status status);
  void flush_answers();

  // Shards.
  void act(const ShardClaims::Actions& actions);
  void load(const Granted& granted);
  void give_back(std::uint32_t shard);
  void forget_shards();

  // Checks.
  void start_checks(std::uint32_t shard);
  void enqueue(std::uint32_t shard, const std::vector<std::string>& ids);
  void open_next();
  void on_opened(const Reading& what, MetricVerdict verdict, Result<MetricSnapshot> snapshot);
  void read_step();
  void unreadable(const Reading& what, const Error& error);
  void write_marks(std::uint32_t shard);
  void let_out(const BookedRule& booked, const RuleJudged& verdict);
  [[nodiscard]] Shard* find(const Reading& what);

  void warn_now_and_then(std::string_view cause, const std::string& text);

  EventLoop& loop_;
  GatewayLink& gateways_;
  LockLink& locks_;
  InstanceId self_;
  std::string data_dir_;
  Schedule schedule_;
  PosixFileSystem files_;
  std::unique_ptr<SnapshotLocks> snapshot_locks_;
  SnapshotOpener opener_;

  ShardClaims claims_;
  std::deque<Granted> to_load_;
  Taken taken_;
  std::array<std::unique_ptr<Shard>, rule_shard_count> shards_;

  std::array<std::deque<Registration>, rule_shard_count> waiting_for_shard_;
  std::size_t unanswered_ = 0;
  std::map<InstanceId, Bytes> answers_;

  std::deque<Reading> to_open_;
  std::size_t opening_ = 0;
  std::deque<OpenReading> to_read_;
  std::vector<Sample> step_samples_;

  RepeatLimit warnings_;
  Counters counters_;
};

}  // namespace mas
