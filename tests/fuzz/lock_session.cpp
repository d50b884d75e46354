// Frames of any bytes, calls and time for a client of the lock broker. It drops what makes no
// sense, answers each request once at most, and goes on.

#include <array>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "fuzz/script.hpp"
#include "locks/lock_session.hpp"

namespace mas {
namespace {

LockName name(std::uint8_t n) {
  constexpr std::array names{"m0", "m1", "m2", "m3"};
  return {LockSpace::metric, names.at(n % names.size())};
}
LockMode mode(std::uint8_t n) { return static_cast<LockMode>(1 + n % 3); }

class Play {
 public:
  Play() : session_(options(), now_) {}

  void run(ByteView input) {
    FuzzScript script(input);
    FuzzScript::Step step;
    while (script.next(step)) {
      take(step);
      session_.take_frames(frames_);
      for (const auto& frame : frames_) MAS_CHECK(frame.size() <= lock_message_bytes_max);
      frames_.clear();
      hear();
      MAS_CHECK(!session_.lease_valid(now_) || now_ < session_.lease_until());
      MAS_CHECK(session_.waiting_count() == asked_.size());
      MAS_CHECK(session_.next_deadline() > MonoTime{});
    }
  }

 private:
  static LockSessionOptions options() {
    LockSessionOptions options;
    options.cluster = "test";
    options.instance = 11;
    options.worker = "fuzz";
    return options;
  }

  void take(const FuzzScript::Step& step) {
    switch (step.what) {
      case 0:
        now_ += step.time();
        session_.on_time(now_);
        break;
      case 1:
        asked_.insert(++ticket_);
        session_.acquire(name(step.at(0)), mode(step.at(1)), ticket_,
                         milliseconds{step.at(2) * 100}, now_);
        break;
      case 2:
        session_.release(name(step.at(0)), now_, static_cast<LockEnd>(1 + step.at(1) % 3),
                         LockValue{true, "value"});
        break;
      case 3:
        session_.convert_down(name(step.at(0)), mode(step.at(1)), now_);
        break;
      case 4:
        asked_.insert(++ticket_);
        session_.convert_up(name(step.at(0)), ticket_, milliseconds{step.at(1) * 100}, now_);
        break;
      case 5:
        session_.unable(name(step.at(0)));
        session_.keep(name(step.at(1)));
        break;
      case 6:
        session_.cancel(step.at(0));
        asked_.erase(step.at(0));
        break;
      case 7:
        if (const auto* held = session_.begin_use(name(step.at(0)), now_); held != nullptr) {
          session_.end_use(name(step.at(0)), held->token, now_);
        }
        break;
      case 8:
        session_.goodbye(now_);
        break;
      default:
        static_cast<void>(session_.on_frame(step.bytes, now_));
        break;
    }
  }

  void hear() {
    // Ending a use may bring more.
    for (session_.take_events(events_); !events_.empty(); session_.take_events(events_)) {
      for (const auto& event : std::exchange(events_, {})) {
        if (const auto* granted = std::get_if<LockGranted>(&event)) {
          MAS_CHECK(asked_.erase(granted->ticket) == 1);
          session_.end_use(granted->name, granted->grant.token, now_);
        } else if (const auto* refused = std::get_if<LockRefused>(&event)) {
          MAS_CHECK(asked_.erase(refused->ticket) == 1);
        }
      }
    }
  }

  MonoTime now_{seconds{1000}};
  LockSession session_;
  LockTicket ticket_ = 0;
  std::set<LockTicket> asked_;  ///< and neither granted nor refused
  std::vector<Bytes> frames_;
  std::vector<LockEvent> events_;
};

}  // namespace
}  // namespace mas

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mas::Play().run({data, size});
  return 0;
}
