#include "gateway/connection.hpp"

#include <utility>

namespace mas {
namespace {

/// Written replies are dropped from the buffer's front when they are this much, not at each write.
constexpr std::size_t written_bytes_kept_max = 64 * KiB;

}  // namespace

bool Connection::wants_input() const {
  return !input_ended_ && !cut_ && unread_.empty() && output().size() < output_bytes_max;
}

void Connection::on_input(std::string_view bytes, std::size_t pending_max, TurnTime now) {
  splitter_.feed(bytes);
  read_lines(pending_max, now);
  unread_ = splitter_.take_rest();
}

void Connection::read_lines(std::size_t pending_max, TurnTime now) {
  while (pending() < pending_max && output().size() < output_bytes_max) {
    const auto line = splitter_.next();
    if (!line) return;
    on_line(*line, now);
  }
}

void Connection::on_line(const LineSplitter::Line& line, TurnTime now) {
  requests_.submit(
      line.too_long ? Command(BadRequest{Reply::line_too_long}) : parse_command(line.text, local_),
      now);
}

void Connection::on_chunk(std::uint64_t slot, ByteView body, bool last) {
  auto& stream = streams_[slot];
  stream.held += as_text(body);
  ++stream.held_chunks;
  stream.complete = last;
}

void Connection::on_cut(std::uint64_t slot) {
  const auto stream = streams_.find(slot);
  if (stream != streams_.end() && stream->second.begun) {
    stream->second.cut = true;
    return;
  }
  // The client has seen nothing of it yet: a plain 503 tells it all.
  streams_.erase(slot);
  on_outcome(slot, Status::busy);
}

void Connection::go_on(std::size_t pending_max, TurnTime now) {
  write_replies();
  while (!unread_.empty() && pending() < pending_max && output().size() < output_bytes_max) {
    const auto input = std::exchange(unread_, {});
    splitter_.feed(input);
    read_lines(pending_max, now);
    unread_ = splitter_.take_rest();
    write_replies();
  }
  if (!input_ended_ || !unread_.empty() || cut_) return;
  if (const auto line = splitter_.finish(); line && !input_stopped_) {
    on_line(*line, now);
    write_replies();
  }
}

void Connection::write_replies() {
  while (pending() > 0 && !cut_ && output().size() < output_bytes_max) {
    const auto slot = requests_.front();
    if (const auto stream = streams_.find(slot); stream != streams_.end()) {
      if (!write_stream(slot, stream->second)) return;
      streams_.erase(slot);
    } else if (requests_.front_over()) {
      output_ += reply_text(requests_.front_reply());
    } else {
      return;
    }
    requests_.forget_front();
  }
}

/// Moves what there is of the front request's answer into the output. True when that was the end
/// of it.
bool Connection::write_stream(std::uint64_t slot, Stream& stream) {
  if (!stream.begun) output_ += answer_begin;
  stream.begun = true;
  output_ += stream.held;
  stream.held.clear();
  const auto moved = std::exchange(stream.held_chunks, 0);
  if (stream.complete) {
    output_ += answer_end;
    requests_.finish(slot);
    return true;
  }
  cut_ = stream.cut;
  if (moved > 0) requests_.grant(slot, moved);
  return false;
}

bool Connection::on_written(std::size_t bytes) {
  const bool was_full = output().size() >= output_bytes_max;
  written_ += bytes;
  if (written_ == output_.size() || written_ >= written_bytes_kept_max) {
    output_.erase(0, written_);
    written_ = 0;
  }
  return was_full && output().size() < output_bytes_max;
}

bool Connection::over() const {
  if (!output().empty()) return false;
  return cut_ || (input_ended_ && unread_.empty() && pending() == 0 && !splitter_.holds());
}

}  // namespace mas
