#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "locks/lock_session.hpp"
#include "store/metric_reader.hpp"

namespace mas {

class LockLink;

/// What taking snapshots asks of the locks: the part of LockLink that is used, so that tests can
/// play the broker. Thread-safety: one owner.
class SnapshotLocks {
 public:
  SnapshotLocks() = default;
  SnapshotLocks(const SnapshotLocks&) = delete;
  SnapshotLocks& operator=(const SnapshotLocks&) = delete;
  virtual ~SnapshotLocks() = default;

  /// As LockSession's calls of these names say.
  [[nodiscard]] virtual const Grant* begin_use(const LockName& name) = 0;
  virtual void acquire(const LockName& name, LockMode mode, LockTicket ticket,
                       milliseconds wait_max) = 0;
  virtual void end_use(const LockName& name, LockToken token) = 0;
  virtual void release(const LockName& name, LockEnd end) = 0;
  virtual void convert_down(const LockName& name, LockMode mode,
                            std::optional<LockValue> value) = 0;
  [[nodiscard]] virtual bool lease_valid() const = 0;
};

/// The locks of a process' own link to the broker.
[[nodiscard]] std::unique_ptr<SnapshotLocks> snapshot_locks(LockLink& locks);

/// How long a snapshot waits for its metric's lock before it is refused as busy: a recall is
/// honoured within milliseconds, and a writer that died is recovered within its lease.
inline constexpr milliseconds snapshot_lock_wait_max{2000};

/// The opener's tickets begin here, so that those of its process do not meet them.
inline constexpr LockTicket snapshot_ticket_first = LockTicket{1} << 63U;

/// Takes snapshots of metrics for whoever reads them: under the cached shared lock where there is
/// one, else it acquires it. The lock is used only while the files are opened and their lengths
/// noted; the lease is checked after that, since a lock that was lost in between proves nothing.
/// Several requests for one metric share one acquire.
///
/// A grant after an unclean end is not read under: the old writer may still be writing what a
/// take-over makes void later. Then it acquires the lock as exclusive, takes the metric over itself
/// (see store/take_over.hpp) unless somebody else has meanwhile, and keeps it as shared.
/// Thread-safety: one owner.
class SnapshotOpener {
 public:
  /// Error::not_found: the metric was never logged. Error::busy: no lock in time, or the lease was
  /// over. Error::io.
  using Done = std::function<void(Result<MetricSnapshot>)>;
  /// Names a request that waits; 0 is none.
  using Request = std::uint64_t;

  /// The locks and the files must outlive it.
  SnapshotOpener(SnapshotLocks& locks, FileSystem& files, std::string data_dir);

  /// Calls `done` once: at once from inside this call where the lock is cached (then 0 is
  /// returned), else from on_lock_event(). Samples stamped from `from` to `to` inclusive.
  Request open(const std::string& id, WallTime from, WallTime to, Done done);
  /// Nobody waits for it any more: `done` is not called. Ignored for 0 and for one that is done.
  void cancel(Request request);

  /// To be told every lock event; those that are not about metrics are none of its business.
  void on_lock_event(const LockEvent& event);

  /// Requests that wait for a lock.
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiting {
    Request request = 0;
    WallTime from;
    WallTime to;
    Done done;
  };
  /// What waits for one metric: for its shared lock, or for the exclusive one to take it over. Each
  /// has one acquire under way, which its answer ends.
  struct Line {
    std::vector<Waiting> waiting;
    bool taking_over = false;
  };
  using Taken = std::vector<std::pair<Done, Result<MetricSnapshot>>>;

  [[nodiscard]] Result<MetricSnapshot> take(const std::string& id, WallTime from, WallTime to,
                                            const LockValue& value);
  /// Takes one for each in the line that was not cancelled.
  [[nodiscard]] Taken take_all(Line& line, const std::string& id, const LockValue& value);
  void acquire(const LockName& name, LockMode mode);
  void on_granted(const LockGranted& granted);
  void on_granted_exclusive(const LockGranted& granted, Line line);
  void on_refused(const LockRefused& refused);

  SnapshotLocks& locks_;
  FileSystem& files_;
  std::string data_dir_;
  std::unordered_map<std::string, Line> waiting_;  ///< by metric
  Request next_request_ = 1;
  LockTicket next_ticket_ = snapshot_ticket_first;
};

}  // namespace mas
