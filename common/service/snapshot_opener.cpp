#include "service/snapshot_opener.hpp"

#include <utility>

#include "locks/lock_link.hpp"

namespace mas {
namespace {

class LinkedLocks final : public SnapshotLocks {
 public:
  explicit LinkedLocks(LockLink& link) : link_(link) {}

  const Grant* begin_use(const LockName& name) override { return link_.begin_use(name); }
  void acquire(const LockName& name, LockTicket ticket, milliseconds wait_max) override {
    link_.acquire(name, LockMode::shared, ticket, wait_max);
  }
  void end_use(const LockName& name, LockToken token) override { link_.end_use(name, token); }
  bool lease_valid() const override { return link_.lease_valid(); }

 private:
  LockLink& link_;
};

}  // namespace

std::unique_ptr<SnapshotLocks> snapshot_locks(LockLink& locks) {
  return std::make_unique<LinkedLocks>(locks);
}

SnapshotOpener::SnapshotOpener(SnapshotLocks& locks, FileSystem& files, std::string data_dir)
    : locks_(locks), files_(files), data_dir_(std::move(data_dir)) {}

SnapshotOpener::Request SnapshotOpener::open(const std::string& id, WallTime from, WallTime to,
                                             Done done) {
  const LockName name{LockSpace::metric, id};
  if (const Grant* grant = locks_.begin_use(name)) {
    const LockToken token = grant->token;
    auto snapshot = take(id, from, to);
    locks_.end_use(name, token);
    done(std::move(snapshot));
    return 0;
  }
  auto& line = waiting_[id];
  const bool first = line.empty();
  const Request request = next_request_++;
  line.push_back({request, from, to, std::move(done)});
  if (first) locks_.acquire(name, next_ticket_++, snapshot_lock_wait_max);
  return request;
}

void SnapshotOpener::cancel(Request request) {
  if (request == 0) return;
  for (auto& [id, line] : waiting_) {
    for (auto& waiting : line) {
      // Its place stays: the acquire is under way, and who comes next shares it.
      if (waiting.request == request) waiting.done = nullptr;
    }
  }
}

void SnapshotOpener::on_lock_event(const LockEvent& event) {
  if (const auto* granted = std::get_if<LockGranted>(&event)) {
    if (granted->name.space == LockSpace::metric) on_granted(*granted);
  } else if (const auto* refused = std::get_if<LockRefused>(&event)) {
    if (refused->name.space == LockSpace::metric) on_refused(*refused);
  }
}

void SnapshotOpener::on_granted(const LockGranted& granted) {
  auto line = waiting_.extract(granted.name.text);
  std::vector<std::pair<Done, Result<MetricSnapshot>>> taken;
  if (!line.empty()) {
    for (auto& waiting : line.mapped()) {
      if (!waiting.done) continue;
      taken.emplace_back(std::move(waiting.done),
                         take(granted.name.text, waiting.from, waiting.to));
    }
  }
  // Before anyone hears of it: what they do with their snapshots needs no lock.
  locks_.end_use(granted.name, granted.grant.token);
  for (auto& [done, snapshot] : taken) done(std::move(snapshot));
}

void SnapshotOpener::on_refused(const LockRefused& refused) {
  auto line = waiting_.extract(refused.name.text);
  if (line.empty()) return;
  for (auto& waiting : line.mapped()) {
    if (waiting.done) waiting.done(fail(Error::busy, "no lock: {}", refused.error.text));
  }
}

Result<MetricSnapshot> SnapshotOpener::take(const std::string& id, WallTime from, WallTime to) {
  auto snapshot = open_metric(files_, data_dir_, id, from, to);
  if (!locks_.lease_valid()) return fail(Error::busy, "the lease ended while files were opened");
  return snapshot;
}

std::size_t SnapshotOpener::waiting() const {
  std::size_t count = 0;
  for (const auto& [id, line] : waiting_) {
    for (const auto& waiting : line) count += waiting.done ? 1U : 0U;
  }
  return count;
}

}  // namespace mas
