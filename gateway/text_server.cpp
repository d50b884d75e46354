#include "gateway/text_server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "net/clock.hpp"

namespace mas {
namespace {

/// One read of one connection; with the others' turns in between, so none starves the rest.
constexpr std::size_t read_bytes_max = 64 * KiB;
/// After running out of descriptors: an accept in a busy loop would take a whole core.
constexpr auto accept_pause = std::chrono::milliseconds{100};

TurnTime now() { return {.wall = wall_now(), .mono = mono_now()}; }

}  // namespace

struct TextServer::Client {
  Client(std::uint64_t client_number, asio::ip::tcp::socket from, Intake& intake)
      : number(client_number), socket(std::move(from)), connection(client_number, intake) {}

  std::uint64_t number;
  asio::ip::tcp::socket socket;
  Connection connection;
  bool reading = false;  ///< a wait is under way
  bool writing = false;
  bool marked = false;
};

TextServer::TextServer(EventLoop& loop, Intake& intake, TextServerLimits limits)
    : intake_(intake),
      limits_(limits),
      acceptor_(loop.io()),
      accept_again_(loop.io()),
      buffer_(read_bytes_max) {}

TextServer::~TextServer() = default;

Result<void> TextServer::listen(const std::string& address, std::uint16_t port) {
  try {
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address), port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::ip::tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen();
  } catch (const std::system_error& error) {
    return fail(Error::io, "cannot listen on {}:{}: {}", address, port, error.code().message());
  }
  accept();
  return {};
}

void TextServer::accept() {
  acceptor_.async_accept([this](const asio::error_code& error, asio::ip::tcp::socket socket) {
    if (stopping_ || error == asio::error::operation_aborted) return;
    if (!error) {
      on_accepted(std::move(socket));
      accept();
      return;
    }
    if (const auto kept = warnings_.allows("not accepted", mono_now())) {
      spdlog::warn("connection not accepted kept_back={}: {}", *kept, error.message());
    }
    accept_again_.expires_after(accept_pause);
    accept_again_.async_wait([this](const asio::error_code& stopped) {
      if (!stopped && !stopping_) accept();
    });
  });
}

void TextServer::on_accepted(asio::ip::tcp::socket socket) {
  asio::error_code ignored;  // a client that is gone again shows at its first read
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (open_ >= limits_.connections_max) {
    socket.write_some(asio::buffer(reply_text(Reply::busy)), ignored);
    leaving_.take(std::move(socket), mono_now());
    return;
  }
  std::uint32_t index = 0;
  if (free_.empty()) {
    index = static_cast<std::uint32_t>(clients_.size());
    clients_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  const auto number = (std::uint64_t{reuses_++} << 32U) | index;
  clients_[index] = std::make_unique<Client>(number, std::move(socket), intake_);
  ++open_;
  wait(*clients_[index], Wait::read);
}

Connection* TextServer::find(std::uint64_t client) {
  const auto index = static_cast<std::uint32_t>(client);
  if (index >= clients_.size() || !clients_[index] || clients_[index]->number != client) {
    return nullptr;
  }
  mark(*clients_[index]);
  return &clients_[index]->connection;
}

void TextServer::mark(Client& client) {
  if (client.marked) return;
  client.marked = true;
  marked_.push_back(client.number);
}

std::size_t TextServer::pending_max() const {
  const auto share = limits_.pending_total_max / std::max<std::size_t>(open_, 1);
  return std::clamp<std::size_t>(share, 1, limits_.pending_max);
}

void TextServer::wait(Client& client, Wait what) {
  auto& under_way = what == Wait::read ? client.reading : client.writing;
  if (under_way) return;
  under_way = true;
  // By number: the client may be gone, and another in its place, when the wait is over.
  client.socket.async_wait(
      what == Wait::read ? asio::ip::tcp::socket::wait_read : asio::ip::tcp::socket::wait_write,
      [this, what, number = client.number](const asio::error_code& error) {
        if (find(number) == nullptr) return;
        auto& still = *clients_[static_cast<std::uint32_t>(number)];
        (what == Wait::read ? still.reading : still.writing) = false;
        // The write itself is the turn's end's.
        if (!error && what == Wait::read) read(still);
      });
}

void TextServer::read(Client& client) {
  // What a connection has no room for stays in the kernel, which slows its client.
  if (!client.connection.wants_input() || client.connection.pending() >= pending_max()) return;
  asio::error_code error;
  const auto size = client.socket.read_some(asio::buffer(buffer_), error);
  if (error == asio::error::would_block) return;
  if (error == asio::error::eof) {
    client.connection.on_input_end();
  } else if (error) {
    drop(client);
  } else {
    client.connection.on_input({buffer_.data(), size}, pending_max(), now());
  }
}

void TextServer::end_turn() {
  // Going on may answer at once (400, 503), and writing makes room, and so mark again: by index.
  for (std::size_t at = 0; at < marked_.size(); ++at) {
    const auto index = static_cast<std::uint32_t>(marked_[at]);
    if (!clients_[index] || clients_[index]->number != marked_[at]) continue;
    auto& client = *clients_[index];
    client.marked = false;
    client.connection.go_on(pending_max(), now());
    write(client);
  }
  marked_.clear();
  leaving_.end_turn();
}

void TextServer::write(Client& client) {
  if (const auto output = client.connection.output(); !output.empty() && !client.writing) {
    asio::error_code error;
    const auto size = client.socket.write_some(asio::buffer(output), error);
    if (error && error != asio::error::would_block) {
      drop(client);
      return;
    }
    // In this same turn: when all is written, no answer and no event may come to go on by.
    if (client.connection.on_written(size)) mark(client);
    if (!client.connection.output().empty()) wait(client, Wait::write);
  }
  if (client.connection.over()) {
    close(client);
  } else if (client.connection.wants_input() && client.connection.pending() < pending_max()) {
    wait(client, Wait::read);
  }
}

void TextServer::close(Client& client) {
  if (!client.connection.read_to_end()) leaving_.take(std::move(client.socket), mono_now());
  drop(client);
}

void TextServer::drop(Client& client) {
  client.connection.abandon();
  const auto index = static_cast<std::uint32_t>(client.number);
  clients_[index].reset();
  free_.push_back(index);
  --open_;
}

void TextServer::stop() {
  stopping_ = true;
  asio::error_code ignored;
  acceptor_.close(ignored);
  accept_again_.cancel();
  for (const auto& client : clients_) {
    if (!client) continue;
    client->connection.stop_input();
    mark(*client);
  }
}

}  // namespace mas
