#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "base/time_types.hpp"

namespace mas {

/// A restarted process waits this long before the next start, doubled at each early death.
inline constexpr nanoseconds restart_delay_min = milliseconds(100);
inline constexpr nanoseconds restart_delay_max = seconds(5);
/// A process that lived this long has started well: its next restart waits the minimum again.
inline constexpr nanoseconds healthy_life = seconds(10);
/// How long a drain may take altogether; what is alive then is killed. Nothing acknowledged is
/// lost by that: killing any process is a tested path.
inline constexpr nanoseconds drain_time_max = seconds(10);
/// Pause between two questions whether the system is ready.
inline constexpr nanoseconds probe_interval = milliseconds(50);
/// What a program exits with when its configuration cannot work, as `mas` itself does.
inline constexpr int configuration_error_exit = 2;

/// Decides when the processes of one machine are started, restarted, drained and killed, and when
/// the system counts as ready. Forks nothing, asks no clock, knows no program: children are
/// numbered as the roles that the constructor was given.
///
/// Invariants: a child is started only while none of its number runs; nothing starts once a stop
/// was asked for; a role is drained when nothing of the roles before it runs; Finish is the last
/// action and comes once. Thread-safety: one owner.
class Supervisor {
 public:
  /// In the order of draining: a gateway stops reading and answers what it has read while its
  /// workers are there, and these give their locks back while their lock broker is.
  enum class Role : unsigned char { gateway, worker, lockbroker };

  // Events.
  /// The shell is ready: start everything.
  struct Begin {};
  /// A started child is gone. `exit_code` is empty when a signal ended it or it could not start.
  struct Exited {
    std::size_t child = 0;
    std::optional<int> exit_code;
  };
  /// The answer to AskReady.
  struct ReadyAnswered {
    bool ready = false;
  };
  /// SIGTERM or Ctrl-C; a second one ends the patience.
  struct StopAsked {};
  /// next_deadline() has come.
  struct TimePassed {};
  using Event = std::variant<Begin, Exited, ReadyAnswered, StopAsked, TimePassed>;

  // Actions.
  struct Start {
    std::size_t child = 0;
  };
  /// Told for the log: the child will be started again after `delay`.
  struct RestartLater {
    std::size_t child = 0;
    nanoseconds delay{};
  };
  /// SIGTERM.
  struct Drain {
    std::size_t child = 0;
  };
  /// SIGKILL.
  struct Kill {
    std::size_t child = 0;
  };
  /// Ask the system whether it is ready; answered by ReadyAnswered.
  struct AskReady {};
  /// Say it, once.
  struct AnnounceReady {};
  /// All children are gone: exit with this code.
  struct Finish {
    int exit_code = 0;
  };
  using Action = std::variant<Start, RestartLater, Drain, Kill, AskReady, AnnounceReady, Finish>;

  /// Child i has roles[i]; they are started in this order.
  explicit Supervisor(const std::vector<Role>& roles);

  /// `now` never decreases. Appends to `out` in the order of doing.
  void on(const Event& event, MonoTime now, std::vector<Action>& out);

  /// When TimePassed is due, if ever.
  [[nodiscard]] std::optional<MonoTime> next_deadline() const;

 private:
  struct Child {
    Role role = Role::worker;
    bool running = false;
    MonoTime started{};
    nanoseconds next_delay = restart_delay_min;
    std::optional<MonoTime> restart_at;
  };

  void start(std::size_t child, MonoTime now, std::vector<Action>& out);
  void exited(const Exited& event, MonoTime now, std::vector<Action>& out);
  void begin_drain(MonoTime now, std::vector<Action>& out);
  /// Goes on to the first role that still has running children; finishes when there is none.
  void drain_next_role(std::vector<Action>& out);
  void drain_role(Role role, std::vector<Action>& out);
  void kill_all(std::vector<Action>& out);
  void time_passed(MonoTime now, std::vector<Action>& out);
  [[nodiscard]] bool any_running(Role role) const;

  std::vector<Child> children_;
  std::optional<MonoTime> ask_ready_at_;
  bool announced_ = false;
  std::optional<Role> draining_;     ///< set once a stop was asked for
  std::optional<MonoTime> kill_at_;  ///< while a drain has patience left
  bool finished_ = false;
  int exit_code_ = 0;
};

}  // namespace mas
