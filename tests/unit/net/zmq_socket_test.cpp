#include "net/zmq_socket.hpp"

#include <sys/time.h>

#include <atomic>
#include <csignal>

#include "support/catch.hpp"

using namespace mas;

namespace {

std::atomic<int> signals_seen{0};
extern "C" void count_signal(int) { ++signals_seen; }

/// SIGALRM every 50 µs, as long as it lives.
class Alarms {
 public:
  Alarms() {
    struct sigaction action {};
    action.sa_handler = count_signal;  // without SA_RESTART, as a loop's own handlers are
    ::sigaction(SIGALRM, &action, &before_);
    const itimerval often{.it_interval = {0, 50}, .it_value = {0, 50}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
  }
  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;
  ~Alarms() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
};

}  // namespace

TEST_CASE("a signal while a socket is asked, read or written changes nothing") {
  zmq::context_t context;
  auto socket = ZmqSocket::dealer(context, {.message_bytes_max = 1024, .queued_messages_max = 10});
  const Alarms alarms;
  ZmqMessage message;
  const Bytes body(10);
  bool any = false;
  while (signals_seen < 2000) {
    any = socket.readable() || socket.receive(message) || any;
    any = socket.send(body) != Sent::full || any;  // nobody is connected
  }
  CHECK_FALSE(any);
}
