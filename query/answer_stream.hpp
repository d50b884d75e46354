#pragma once

#include <optional>
#include <span>
#include <string>

#include "aggregate/sample.hpp"
#include "aggregate/window.hpp"
#include "wire/worker_messages.hpp"

namespace mas {

/// Turns the samples of one query into its answer, chunk by chunk. It takes samples only while it
/// may send, so a reader that stops stops its query, and what it holds is bounded by one chunk and
/// what one step of samples renders to, whatever the size of the answer. No I/O. Thread-safety: one
/// owner.
class AnswerStream {
 public:
  AnswerStream(Op op, AnswerForm form, nanoseconds window);

  /// Whether samples, or finish(), are welcome now: there is credit and no whole chunk waits.
  [[nodiscard]] bool wants_samples() const;
  /// Takes the next samples, in stamp order; any number of them.
  void add(std::span<const Sample> samples);
  /// There are no more samples.
  void finish();

  /// The gateway asks for so many more chunks.
  void grant(std::uint32_t chunks);

  struct Chunk {
    ByteView body;  ///< at most chunk_bytes_max; valid until the next call
    bool last = false;
  };
  /// The next piece of the answer: a whole chunk, or what is left after finish(); costs one credit.
  /// Nothing while there is none or no credit for it.
  [[nodiscard]] std::optional<Chunk> next_chunk();

  /// The last chunk was given.
  [[nodiscard]] bool done() const { return done_; }
  /// There is something to do: samples to take or a chunk to give.
  [[nodiscard]] bool can_go_on() const { return !done_ && credit_ > 0; }

 private:
  void render(const Window& window);
  [[nodiscard]] std::size_t pending() const { return rendered_.size() - given_; }

  Op op_;
  AnswerForm form_;
  Windows windows_;
  std::uint32_t credit_ = chunk_window;
  std::string rendered_;
  std::size_t given_ = 0;  ///< bytes at the front of rendered_ that were given as chunks
  bool any_window_ = false;
  bool finished_ = false;
  bool done_ = false;
};

}  // namespace mas
