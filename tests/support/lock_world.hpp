#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/time_types.hpp"
#include "lockbroker/lock_service.hpp"
#include "locks/lock_session.hpp"

namespace mas {

/// A lock broker and its clients in one process and in virtual time, with a network between them
/// that tests can delay, cut, and replay. Every frame is encoded and decoded as in the service.
class LockWorld {
 public:
  /// One process that holds locks.
  struct Client {
    std::string peer;  ///< how the broker names its connection
    std::unique_ptr<LockSession> session;
    std::vector<LockEvent> events;  ///< not looked at yet
    bool stopped = false;           ///< gets no processor: neither time nor frames come in
    bool up_cut = false;            ///< its frames are lost on the way to the broker
    bool down_cut = false;          ///< the broker's are lost on the way to it
    double clock_rate = 1;          ///< how fast its clock runs
    std::deque<Bytes> queue;        ///< frames that wait while it is stopped
  };

  explicit LockWorld(LockTableOptions table = {}, std::uint32_t epoch = 1);

  /// A process that begins now; its index.
  std::size_t add_client();
  /// The same place gets a new process: a new instance that knows nothing.
  void replace_client(std::size_t index);

  [[nodiscard]] Client& client(std::size_t index) { return *clients_[index]; }
  [[nodiscard]] LockSession& session(std::size_t index) { return *clients_[index]->session; }
  [[nodiscard]] std::size_t size() const { return clients_.size(); }
  [[nodiscard]] LockService& broker() { return *broker_; }
  [[nodiscard]] MonoTime now() const { return now_; }
  /// What a client's own clock shows.
  [[nodiscard]] MonoTime now_of(std::size_t index) const;
  /// What it has been told since the last call.
  [[nodiscard]] std::vector<LockEvent> take_events(std::size_t index);

  /// The broker's process stands still, or goes on.
  void stop_broker() { broker_stopped_ = true; }
  void continue_broker() { broker_stopped_ = false; }
  /// The broker dies and another one starts, with the next epoch; it grants nothing for
  /// `wait` as leases may be alive.
  void restart_broker(nanoseconds wait);
  /// The same with a broker whose epoch file is missing: it takes itself for the first.
  void restart_broker_without_its_file();
  /// How brokers that start from now on behave.
  [[nodiscard]] LockTableOptions& table_options() { return table_; }

  /// Lets time pass: everything happens when it is due, in order.
  void run(nanoseconds span);
  /// Delivers all that can be delivered now.
  void settle() { run(nanoseconds{0}); }

  /// How long a frame takes; none by default.
  std::function<nanoseconds()> delay = [] { return nanoseconds{0}; };
  /// Whether a frame is lost; never by default.
  std::function<bool()> lost = [] { return false; };
  /// Whether a frame arrives once more, with a delay of its own; never by default.
  std::function<bool()> twice = [] { return false; };
  /// Called after each step, with time standing still.
  std::function<void()> after_step = [] {};

 private:
  struct Flight {
    MonoTime due;
    std::uint64_t order;
    bool to_broker;
    std::size_t client;
    Bytes frame;
  };
  void start_broker(const LockTableOptions& table);
  void send_frames();
  void fly(bool to_broker, std::size_t client, Bytes frame);
  [[nodiscard]] MonoTime next_due() const;
  void step();
  [[nodiscard]] MonoTime global_time(const Client& client, MonoTime local) const;

  LockTableOptions table_;
  std::unique_ptr<LockService> broker_;
  std::uint32_t epoch_;        ///< of the next broker
  BrokerEpoch highest_epoch_;  ///< kept where all processes see it, as the data directory is
  std::uint64_t next_instance_ = 1000;
  bool broker_stopped_ = false;
  std::vector<std::unique_ptr<Client>> clients_;
  MonoTime now_{seconds{1000}};
  std::vector<Flight> flights_;
  std::uint64_t flight_order_ = 0;
};

}  // namespace mas
