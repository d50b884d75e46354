// Frames of any bytes, from clients of any kind, and time, for a lock broker without its socket. It
// refuses what makes no sense, keeps its invariants and its bounds, and goes on.

#include <cstdint>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "fuzz/script.hpp"
#include "lockbroker/lock_service.hpp"

namespace mas {
namespace {

constexpr std::size_t peers_max = 4;
/// Small, so that they are reached.
constexpr std::size_t sessions_max = 8;
constexpr std::size_t unseen_bytes_max = 4 * KiB;

void play(ByteView input) {
  LockServiceOptions options;
  options.cluster = "test";
  options.instance = 1000;
  options.table.epoch = 7;
  options.table.sessions_max = sessions_max;
  options.table.waiters_per_name_max = 4;
  options.table.names_per_session_max = 16;
  options.table.remembered_names_max = 4;
  options.unseen_bytes_max = unseen_bytes_max;
  MonoTime now{seconds{1000}};
  // The first byte chooses between a first start and a restart.
  if (!input.empty() && (input.front() & 0x80U) != 0) {
    options.table.grants_from = now + seconds{3};
    options.table.after_unclean_stop = true;
  }
  LockService service(std::move(options));
  std::vector<LockServiceFrame> frames;
  std::vector<LockServiceNote> notes;

  FuzzScript script(input);
  FuzzScript::Step step;
  while (script.next(step)) {
    const auto what = step.what & 0x7fU;
    if (what == 0) {
      now += step.time();
      service.on_time(now);
    } else {
      static_cast<void>(service.on_frame(std::string(1, static_cast<char>('a' + what % peers_max)),
                                         step.bytes, now));
    }
    if (const auto epoch = service.wanted_epoch()) service.raise_epoch(*epoch, now);
    service.take_frames(frames);
    service.take_notes(notes);
    for (const auto& frame : frames) MAS_CHECK(frame.frame.size() <= lock_message_bytes_max);
    for (const auto& note : notes) {
      for (const char c : note.text) MAS_CHECK(c != '\n' && c != '\0');  // one line of the log
    }
    frames.clear();
    notes.clear();
    service.table().verify();
    MAS_CHECK(service.table().figures().sessions <= sessions_max);
  }
}

}  // namespace
}  // namespace mas

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mas::play({data, size});
  return 0;
}
