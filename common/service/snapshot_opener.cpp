#include "service/snapshot_opener.hpp"

#include <algorithm>
#include <utility>

#include "locks/lock_link.hpp"
#include "store/take_over.hpp"

namespace mas {
namespace {

static_assert(segment_list_bytes_max <= lock_value_bytes_max);

class LinkedLocks final : public SnapshotLocks {
 public:
  explicit LinkedLocks(LockLink& link) : link_(link) {}

  const Grant* begin_use(const LockName& name) override { return link_.begin_use(name); }
  void acquire(const LockName& name, LockMode mode, LockTicket ticket,
               milliseconds wait_max) override {
    link_.acquire(name, mode, ticket, wait_max);
  }
  void end_use(const LockName& name, LockToken token) override { link_.end_use(name, token); }
  void release(const LockName& name, LockEnd end) override { link_.release(name, end); }
  void convert_down(const LockName& name, LockMode mode, std::optional<LockValue> value) override {
    link_.convert_down(name, mode, std::move(value));
  }
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
    if (grant->previous_end_clean) {
      auto snapshot = take(id, from, to, grant->value);
      locks_.end_use(name, token);
      done(std::move(snapshot));
      return 0;
    }
    locks_.end_use(name, token);
  }
  auto& line = waiting_[id].waiting;
  const bool first = line.empty();
  const Request request = next_request_++;
  line.push_back({request, from, to, std::move(done)});
  if (first) acquire(name, LockMode::shared);
  return request;
}

void SnapshotOpener::acquire(const LockName& name, LockMode mode) {
  locks_.acquire(name, mode, next_ticket_++, snapshot_lock_wait_max);
}

void SnapshotOpener::cancel(Request request) {
  if (request == 0) return;
  for (auto& [id, line] : waiting_) {
    for (auto& waiting : line.waiting) {
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
  const auto& [ticket, name, grant] = granted;
  auto node = waiting_.extract(name.text);
  Line line = node.empty() ? Line{} : std::move(node.mapped());
  if (line.taking_over) return on_granted_exclusive(granted, std::move(line));
  const bool wanted = std::any_of(line.waiting.begin(), line.waiting.end(),
                                  [](const Waiting& waiting) { return waiting.done != nullptr; });
  if (wanted && !grant.previous_end_clean) {
    locks_.end_use(name, grant.token);
    line.taking_over = true;
    waiting_.emplace(name.text, std::move(line));
    return acquire(name, LockMode::exclusive);
  }
  auto taken = take_all(line, name.text, grant.value);
  // Before anyone hears of it: what they do with their snapshots needs no lock.
  locks_.end_use(name, grant.token);
  for (auto& [done, snapshot] : taken) done(std::move(snapshot));
}

void SnapshotOpener::on_granted_exclusive(const LockGranted& granted, Line line) {
  const auto& [ticket, name, grant] = granted;
  LockValue value = grant.value;
  bool changed = false;
  Result<void> ready;
  if (!grant.previous_end_clean) {
    auto list = locks_.lease_valid()
                    ? take_over_for_reading(files_, data_dir_, name.text, grant.token)
                    : fail(Error::busy, "the lease ended before the metric was taken over");
    if (!list) {
      // A file that is not there any more is no sign that the metric never was.
      ready = fail(list.error().kind == Error::not_found ? Error::io : list.error().kind,
                   "not taken over: {}", list.error().text);
    } else if (*list) {
      value = {true, encode_segment_list({grant.token, 1}, std::move((*list)->segments))};
      changed = true;
    }
  }
  Taken taken;
  if (ready) {
    taken = take_all(line, name.text, value);
  } else {
    for (auto& waiting : line.waiting) {
      if (waiting.done) taken.emplace_back(std::move(waiting.done), pass_on(ready));
    }
  }
  if (changed) {
    locks_.convert_down(name, LockMode::shared, std::move(value));
  } else if (grant.previous_end_clean) {
    locks_.convert_down(name, LockMode::shared, std::nullopt);
  } else {
    // Nothing to take over, or it failed: whoever comes next is to be told so too.
    locks_.release(name, LockEnd::as_found);
  }
  for (auto& [done, snapshot] : taken) done(std::move(snapshot));
}

SnapshotOpener::Taken SnapshotOpener::take_all(Line& line, const std::string& id,
                                               const LockValue& value) {
  Taken taken;
  for (auto& waiting : line.waiting) {
    if (!waiting.done) continue;
    taken.emplace_back(std::move(waiting.done), take(id, waiting.from, waiting.to, value));
  }
  return taken;
}

void SnapshotOpener::on_refused(const LockRefused& refused) {
  auto line = waiting_.extract(refused.name.text);
  if (line.empty()) return;
  for (auto& waiting : line.mapped().waiting) {
    if (waiting.done) waiting.done(fail(Error::busy, "no lock: {}", refused.error.text));
  }
}

Result<MetricSnapshot> SnapshotOpener::take(const std::string& id, WallTime from, WallTime to,
                                            const LockValue& value) {
  const std::string_view handed_list = value.valid ? value.bytes : std::string_view{};
  auto snapshot = open_metric(files_, data_dir_, id, from, to, handed_list);
  if (!locks_.lease_valid()) return fail(Error::busy, "the lease ended while files were opened");
  return snapshot;
}

std::size_t SnapshotOpener::waiting() const {
  std::size_t count = 0;
  for (const auto& [id, line] : waiting_) {
    for (const auto& waiting : line.waiting) count += waiting.done ? 1U : 0U;
  }
  return count;
}

}  // namespace mas
