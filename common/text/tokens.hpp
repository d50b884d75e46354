#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace mas {

/// The longest metric id, in bytes.
inline constexpr std::size_t metric_id_bytes_max = 200;

/// Splits a line at runs of spaces and tabs; those at its ends are ignored. Puts the first
/// `out.size()` tokens into `out`, as views into `line`, and returns how many there are, counting
/// no further than `out.size() + 1`, which means: more. Never allocates. Thread-safe.
[[nodiscard]] std::size_t split_tokens(std::string_view line, std::span<std::string_view> out);

/// Whether `text` is well-formed UTF-8: no overlong forms, surrogates or values above U+10FFFF.
/// Thread-safe.
[[nodiscard]] bool is_utf8(std::string_view text);

/// Whether `text` may name a metric: 1 to 200 bytes of UTF-8 without white space or control
/// characters (Unicode categories Zs, Zl, Zp and Cc). Thread-safe.
[[nodiscard]] bool is_metric_id(std::string_view text);

}  // namespace mas
