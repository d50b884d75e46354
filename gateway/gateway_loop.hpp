#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "gateway/event_server.hpp"
#include "gateway/native_server.hpp"
#include "gateway/text_server.hpp"
#include "gateway/worker_server.hpp"
#include "text/system_time_zone.hpp"

namespace mas {

/// What a gateway is told at its start.
struct GatewayOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t text_port = 12345;
  std::uint16_t native_port = 5555;
  std::uint16_t workers_port = 5556;
  std::uint16_t events_port = 5557;
  std::string cluster = "mas";
  TextServerLimits text_limits;
  DispatcherLimits dispatcher_limits;
};

/// One gateway: its four ports around one dispatcher, in turns: all that has come is read and
/// decided, then what follows from it is sent. Thread-safety: the loop's thread.
class GatewayLoop final : private Answers {
 public:
  GatewayLoop(EventLoop& loop, const GatewayOptions& options);
  GatewayLoop(const GatewayLoop&) = delete;
  GatewayLoop& operator=(const GatewayLoop&) = delete;
  ~GatewayLoop() = default;

  /// Error::io names the address that cannot be bound.
  Result<void> listen();
  /// Stops listening, answers what was read (with 503 what has no answer in time), ends the loop.
  void drain();

  [[nodiscard]] bool ready() const { return dispatcher_.ready(); }
  /// The /metrics page.
  [[nodiscard]] std::string metrics() const;

 private:
  void on_outcome(Origin origin, Status status) override;
  void on_noted(Origin origin) override;
  void on_chunk(Origin origin, ByteView body, bool last) override;
  void on_cut(Origin origin) override;
  /// Calls `tell` with the client of an Origin, whichever port it came by, if it is still there.
  template <typename Tell>
  void with_client(std::uint64_t client, Tell tell);

  void end_turn();
  void tick();

  EventLoop& loop_;
  GatewayOptions options_;
  SystemTimeZone local_;
  StampSource stamps_;
  Dispatcher dispatcher_;
  Intake intake_;
  TextServer text_;
  NativeServer native_;
  WorkerServer workers_;
  EventServer events_;
  bool draining_ = false;
  MonoTime fail_at_{};  ///< of a drain: when what is still open gets its 503
  MonoTime end_at_{};   ///< of a drain: when clients that do not read are left
};

}  // namespace mas
