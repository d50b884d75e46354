// record_lock_corpus DIRECTORY: lets a lock broker and its clients talk, and writes what they said
// below DIRECTORY as inputs for the fuzz targets: each frame alone for lock_messages, all that the
// broker got for lock_service, all that one client got and did for lock_session.

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "fuzz/script.hpp"
#include "lockbroker/lock_service.hpp"
#include "locks/lock_session.hpp"
#include "wire/lock_report.hpp"

namespace mas {
namespace {

constexpr std::uint8_t from_broker = 9;
constexpr std::uint8_t restarted = 0x80;

LockName name(std::uint8_t n) { return {LockSpace::metric, "m" + std::to_string(n)}; }

void write(const std::filesystem::path& directory, const std::string& file, const Bytes& bytes) {
  std::filesystem::create_directories(directory);
  std::ofstream out(directory / file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

/// Two clients and a broker, as the targets have them.
class Talk {
 public:
  Talk(std::filesystem::path directory, std::string title)
      : directory_(std::move(directory)), title_(std::move(title)) {
    start(7);
    for (std::size_t n = 0; n < clients_.size(); ++n) {
      LockSessionOptions options;
      options.cluster = "test";
      options.instance = 11 + n;
      options.worker = "fuzz";
      clients_.at(n) = std::make_unique<LockSession>(options, now_);
    }
    pass(milliseconds{0});
  }
  ~Talk() {
    write(directory_ / "lock_service", title_, broker_script_);
    write(directory_ / "lock_session", title_, client_script_);
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  void restart() {
    write(directory_ / "lock_service", title_ + "_before", broker_script_);
    broker_script_.clear();
    start(8);
  }

  void pass(milliseconds time) {
    now_ += time;
    const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(time.count()),
                                            static_cast<std::uint8_t>(time.count() >> 8)};
    FuzzScript::append(broker_script_, first_, bytes);
    FuzzScript::append(client_script_, 0, bytes);
    first_ = 0;
    broker_->on_time(now_);
    for (auto& client : clients_) client->on_time(now_);
    talk();
  }
  /// The first client does as the script of lock_session says.
  void act(std::uint8_t what, const std::vector<std::uint8_t>& bytes,
           const std::function<void(LockSession&)>& call) {
    FuzzScript::append(client_script_, what, bytes);
    call(*clients_[0]);
    talk();
  }
  void other(const std::function<void(LockSession&)>& call) {
    call(*clients_[1]);
    talk();
  }
  void inspect(LockReportKind what) {
    Bytes frame;
    encode(frame, Envelope{0, "test", 99, any_instance}, LockInspect{1, what, 0, 100, ""});
    to_broker(2, frame);
    talk();
  }
  [[nodiscard]] MonoTime now() const { return now_; }

 private:
  void start(std::uint32_t epoch) {
    LockServiceOptions options;
    options.cluster = "test";
    options.instance = 1000;
    options.table.epoch = epoch;
    if (epoch > 7) {
      options.instance = 1001;
      options.table.grants_from = now_ + seconds{3};
      options.table.after_unclean_stop = true;
      first_ = restarted;
    }
    broker_ = std::make_unique<LockService>(options);
  }
  void to_broker(std::size_t client, const Bytes& frame) {
    write(directory_ / "lock_messages", fmt::format("{}_{:03}", title_, frames_count_++), frame);
    FuzzScript::append(broker_script_,
                       static_cast<std::uint8_t>(first_ | static_cast<std::uint8_t>(4 + client)),
                       frame);
    first_ = 0;
    static_cast<void>(
        broker_->on_frame(std::string(1, static_cast<char>('a' + client)), frame, now_));
  }
  void talk() {
    for (bool said = true; said;) {
      said = false;
      for (std::size_t n = 0; n < clients_.size(); ++n) {
        std::vector<Bytes> frames;
        clients_.at(n)->take_frames(frames);
        for (const auto& frame : frames) {
          to_broker(n, frame);
          said = true;
        }
        std::vector<LockEvent> events;
        clients_.at(n)->take_events(events);
      }
      std::vector<LockServiceFrame> frames;
      broker_->take_frames(frames);
      for (const auto& frame : frames) {
        write(directory_ / "lock_messages", fmt::format("{}_{:03}", title_, frames_count_++),
              frame.frame);
        const auto n = static_cast<std::size_t>(frame.peer.front() - 'a');
        if (n >= clients_.size()) continue;
        if (n == 0) FuzzScript::append(client_script_, from_broker, frame.frame);
        static_cast<void>(clients_.at(n)->on_frame(frame.frame, now_));
        said = true;
      }
    }
  }

  std::filesystem::path directory_;
  std::string title_;
  MonoTime now_{seconds{1000}};
  std::unique_ptr<LockService> broker_;
  std::array<std::unique_ptr<LockSession>, 2> clients_;
  Bytes broker_script_;
  Bytes client_script_;
  std::uint8_t first_ = 0;
  int frames_count_ = 0;
};

void record(const std::filesystem::path& directory) {
  const auto acquire = [](Talk& talk, std::uint8_t n, LockMode mode, LockTicket ticket) {
    talk.act(1, {n, static_cast<std::uint8_t>(static_cast<int>(mode) - 1), 50},
             [&](LockSession& session) {
               session.acquire(name(n), mode, ticket, seconds{5}, talk.now());
             });
  };
  {
    Talk talk(directory, "recall");
    acquire(talk, 0, LockMode::exclusive, 1);
    talk.other([&](LockSession& session) {
      session.acquire(name(0), LockMode::shared, 1, seconds{5}, talk.now());
      session.acquire(name(1), LockMode::append, 2, seconds{5}, talk.now());
    });
    talk.pass(milliseconds{50});
    talk.inspect(LockReportKind::names);
    talk.act(3, {0, 1}, [&](LockSession& session) {
      session.convert_down(name(0), LockMode::append, talk.now());
    });
    talk.act(4, {0, 10},
             [&](LockSession& session) { session.convert_up(name(0), 2, seconds{1}, talk.now()); });
    acquire(talk, 1, LockMode::append, 3);
    talk.pass(milliseconds{100});
    talk.other([&](LockSession& session) { session.unable(name(1)); });
    talk.act(2, {0, 0}, [&](LockSession& session) {
      session.release(name(0), talk.now(), LockEnd::clean, LockValue{true, "value"});
    });
    talk.inspect(LockReportKind::sessions);
    talk.pass(milliseconds{800});
    talk.act(8, {}, [&](LockSession& session) { session.goodbye(talk.now()); });
  }
  {
    Talk talk(directory, "restart");
    acquire(talk, 0, LockMode::exclusive, 1);
    acquire(talk, 1, LockMode::shared, 2);
    talk.other([&](LockSession& session) {
      session.acquire(name(1), LockMode::append, 1, seconds{5}, talk.now());
      session.acquire(name(0), LockMode::exclusive, 2, seconds{5}, talk.now());
    });
    talk.restart();
    talk.pass(milliseconds{760});
    talk.pass(milliseconds{760});
    talk.pass(milliseconds{760});
    talk.pass(milliseconds{760});
    talk.pass(milliseconds{760});
  }
  {
    Talk talk(directory, "expiry");
    acquire(talk, 2, LockMode::exclusive, 1);
    talk.act(5, {2, 2}, [&](LockSession& session) {
      session.unable(name(2));
      session.keep(name(2));
    });
    talk.pass(milliseconds{4000});
    talk.pass(milliseconds{4000});
  }
}

}  // namespace
}  // namespace mas

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  mas::record(argv[1]);
  return 0;
}
