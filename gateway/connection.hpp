#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/client_requests.hpp"
#include "gateway/line_splitter.hpp"

namespace mas {

/// Unsent reply bytes above which a connection is not read and asks for no more chunks.
inline constexpr std::size_t output_bytes_max = 1 * MiB;

/// One text client: lines in, replies out in the order of the lines, whatever order their answers
/// come in. Bounded: above `pending_max` requests or output_bytes_max of replies it wants no more
/// input until some have left, so a client that pipelines more is slowed and not refused.
/// No socket, clock or thread. Thread-safety: one owner.
class Connection {
 public:
  /// `client` names it in Origins.
  Connection(std::uint64_t client, Intake& intake)
      : requests_(client, AnswerForm::text, intake), local_(intake.local) {}

  /// The next bytes of the stream. What is beyond the bounds is kept, and read by later calls of
  /// go_on(). Not to be called while !wants_input().
  void on_input(std::string_view bytes, std::size_t pending_max, TurnTime now);
  /// The client has closed its writing side: what is left is a line too.
  void on_input_end() { input_ended_ = true; }
  /// The client is not listened to any more: what has come of a line whose end is not there is no
  /// request, as the rest of it could say anything.
  void stop_input() {
    input_stopped_ = !input_ended_;
    input_ended_ = true;
  }
  /// At the end of a turn in which anything happened here: writes replies whose turn it is, reads
  /// on in what was kept.
  void go_on(std::size_t pending_max, TurnTime now);
  [[nodiscard]] bool wants_input() const;

  /// As in Answers.
  void on_outcome(std::uint64_t slot, Status status) { requests_.on_outcome(slot, status); }
  void on_noted(std::uint64_t slot) { requests_.on_noted(slot); }
  void on_chunk(std::uint64_t slot, ByteView body, bool last);
  void on_cut(std::uint64_t slot);

  /// Replies to write; valid until the next call of anything else.
  [[nodiscard]] std::string_view output() const {
    return std::string_view(output_).substr(written_);
  }
  /// The first `bytes` of output() are written. True when that made room which replies, or input
  /// that is kept, may be waiting for: call go_on() again, as nothing else might.
  bool on_written(std::size_t bytes);
  /// All is answered and written, and no more will come; or a reply was cut. Close it.
  [[nodiscard]] bool over() const;
  /// Nothing that the client sent is left unread.
  [[nodiscard]] bool read_to_end() const { return input_ended_ && !input_stopped_; }
  /// The client is gone: its queries need no answer.
  void abandon() { requests_.abandon(); }
  [[nodiscard]] std::size_t pending() const { return requests_.pending(); }

 private:
  /// A QUERY's answer that is not wholly written.
  struct Stream {
    std::string held;  ///< not yet in the output; bounded by chunk_window
    std::uint32_t held_chunks = 0;
    bool begun = false;  ///< its first bytes are in the output
    bool complete = false;
    bool cut = false;
  };

  void read_lines(std::size_t pending_max, TurnTime now);
  void on_line(const LineSplitter::Line& line, TurnTime now);
  void write_replies();
  [[nodiscard]] bool write_stream(std::uint64_t slot, Stream& stream);

  ClientRequests requests_;
  const TimeZone& local_;
  LineSplitter splitter_;
  std::string unread_;  ///< input beyond the bounds, less than one read of the socket
  std::unordered_map<std::uint64_t, Stream> streams_;
  std::string output_;
  std::size_t written_ = 0;
  bool input_ended_ = false;
  bool input_stopped_ = false;
  bool cut_ = false;
};

}  // namespace mas
