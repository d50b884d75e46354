#include "query/answer_stream.hpp"

#include <algorithm>
#include <limits>

#include "base/check.hpp"
#include "text/number.hpp"

namespace mas {
namespace {

constexpr std::string_view separator = ", ";

template <typename T>
void append_raw(T value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

AnswerStream::AnswerStream(Op op, AnswerForm form, nanoseconds window)
    : op_(op), form_(form), windows_(window) {
  if (form_ == AnswerForm::text) rendered_ += '[';
}

bool AnswerStream::wants_samples() const {
  return !finished_ && credit_ > 0 && pending() < chunk_bytes_max;
}

void AnswerStream::add(std::span<const Sample> samples) {
  MAS_CHECK(!finished_);
  rendered_.erase(0, given_);
  given_ = 0;
  for (const auto& sample : samples) {
    if (const auto closed = windows_.add(sample)) render(*closed);
  }
}

void AnswerStream::finish() {
  MAS_CHECK(!finished_);
  if (const auto closed = windows_.finish()) render(*closed);
  if (form_ == AnswerForm::text) rendered_ += ']';
  finished_ = true;
}

void AnswerStream::grant(std::uint32_t chunks) {
  credit_ += std::min(chunks, std::numeric_limits<std::uint32_t>::max() - credit_);
}

std::optional<AnswerStream::Chunk> AnswerStream::next_chunk() {
  if (done_ || credit_ == 0) return std::nullopt;
  if (pending() < chunk_bytes_max && !finished_) return std::nullopt;
  const std::size_t size = std::min(pending(), chunk_bytes_max);
  const ByteView body = as_bytes(std::string_view(rendered_).substr(given_, size));
  given_ += size;
  --credit_;
  done_ = finished_ && pending() == 0;
  return Chunk{body, done_};
}

void AnswerStream::render(const Window& window) {
  if (form_ == AnswerForm::columns) {
    append_raw(to_int(window.start), rendered_);
    if (op_ == Op::count) {
      append_raw(window.aggregate.count(), rendered_);
    } else {
      append_raw(window.aggregate.result(op_), rendered_);
    }
    return;
  }
  if (any_window_) rendered_ += separator;
  any_window_ = true;
  if (op_ == Op::count) {
    append_count(window.aggregate.count(), rendered_);
  } else {
    append_number(window.aggregate.result(op_), rendered_);
  }
}

}  // namespace mas
