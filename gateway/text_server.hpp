#pragma once

#include <asio.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "gateway/connection.hpp"
#include "gateway/lingering_close.hpp"
#include "net/event_loop.hpp"
#include "service/repeat_limit.hpp"

namespace mas {

/// Bounds of the text port.
struct TextServerLimits {
  std::uint32_t connections_max = 10'000;
  /// Requests of one connection that are not answered, above which it is not read.
  std::uint32_t pending_max = 4'096;
  /// The same of all connections together, shared out evenly: what workers' credit and the
  /// gateway's queue hold, so that pipelines alone never end in a 503.
  std::uint32_t pending_total_max = 65'536;
};

/// The text port: bytes in and out of each client's Connection. Thread-safety: the loop's thread.
class TextServer {
 public:
  TextServer(EventLoop& loop, Intake& intake, TextServerLimits limits);
  TextServer(const TextServer&) = delete;
  TextServer& operator=(const TextServer&) = delete;
  ~TextServer();

  /// Error::io when the address cannot be bound.
  Result<void> listen(const std::string& address, std::uint16_t port);

  /// The connection that an Origin names, to be told something; null when it is gone.
  [[nodiscard]] Connection* find(std::uint64_t client);
  /// Writes what this turn's answers have made, reads on where there is room again.
  void end_turn();
  /// Call about every 50 ms.
  void on_time(MonoTime now) { leaving_.on_time(now); }
  /// No new connections and no further input; each closes when all that was read is answered.
  void stop();
  [[nodiscard]] std::size_t connections() const { return open_; }
  /// After a stop: every client has got its replies, or had its time to.
  [[nodiscard]] bool over() const { return open_ == 0 && leaving_.size() == 0; }

 private:
  struct Client;
  enum class Wait : std::uint8_t { read, write };

  void accept();
  void on_accepted(asio::ip::tcp::socket socket);
  void wait(Client& client, Wait what);
  void read(Client& client);
  void write(Client& client);
  void mark(Client& client);
  /// All is written: the client gets it, whatever it still sends.
  void close(Client& client);
  /// Nothing can be written any more.
  void drop(Client& client);
  [[nodiscard]] std::size_t pending_max() const;

  Intake& intake_;
  TextServerLimits limits_;
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer accept_again_;
  /// By the low half of the client's number; the high half counts its reuses.
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::uint32_t> free_;
  std::uint32_t reuses_ = 0;
  std::size_t open_ = 0;
  LingeringClose leaving_;
  std::vector<std::uint64_t> marked_;  ///< something happened to them in this turn
  std::vector<char> buffer_;           ///< for every read; what is left of it, a Connection keeps
  RepeatLimit warnings_;
  bool stopping_ = false;
};

}  // namespace mas
