#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/time_types.hpp"

namespace mas {

/// A fuzz input as a list of steps: what to do (u8), how long its bytes are (u16, little-endian),
/// its bytes. Whatever the input, it is some list: what is cut off is shorter.
class FuzzScript {
 public:
  struct Step {
    std::uint8_t what = 0;
    ByteView bytes;

    /// A byte of it, 0 beyond its end.
    [[nodiscard]] std::uint8_t at(std::size_t index) const {
      return index < bytes.size() ? bytes[index] : 0;
    }
    [[nodiscard]] milliseconds time() const { return milliseconds{at(0) | (at(1) << 8)}; }
  };

  explicit FuzzScript(ByteView input) : rest_(input) {}

  [[nodiscard]] bool next(Step& step) {
    if (rest_.size() < 3) return false;
    step.what = rest_[0];
    const auto size =
        std::min<std::size_t>(rest_[1] | (std::size_t{rest_[2]} << 8), rest_.size() - 3);
    step.bytes = rest_.subspan(3, size);
    rest_ = rest_.subspan(3 + size);
    return true;
  }
  static void append(Bytes& script, std::uint8_t what, ByteView bytes) {
    script.push_back(what);
    script.push_back(static_cast<std::uint8_t>(bytes.size()));
    script.push_back(static_cast<std::uint8_t>(bytes.size() >> 8));
    script.insert(script.end(), bytes.begin(), bytes.end());
  }

 private:
  ByteView rest_;
};

}  // namespace mas
