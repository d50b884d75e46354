#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time_types.hpp"

namespace mas {

// Numbers as clients write and read them. The grammar, the whole text and nothing else:
//   [+-]? ( digits [. [digits]] | .digits ) ( [eE] [+-]? digits )?
// Never nan, inf, hex floats, separators or white space; no locale. All thread-safe.

/// The double nearest to `text`. Nothing when it breaks the grammar or rounds beyond the largest
/// double; what is too small for a double is a zero of its sign.
/// Source of the short path: Clinger, "How to Read Floating Point Numbers Accurately", PLDI 1990.
[[nodiscard]] std::optional<double> parse_number(std::string_view text);

/// The length of a window from a number of seconds, zero or more, taken exactly as written and
/// never through a double. Stamps are whole nanoseconds, so `t < t0 + secs` is the same as
/// `t < t0 + ceil(secs in ns)`: rounded up, so that `1e-400` is 1 ns, and nanoseconds::max() (no
/// end, see Windows) from there on. Nothing for negative numbers, except `-0`, and for what
/// parse_number refuses.
[[nodiscard]] std::optional<nanoseconds> parse_window(std::string_view text);

/// Appends the shortest decimal that reads back as `value`, the closest of several, always with a
/// fraction or an exponent: `1.0`, `-2.5`, `1e+16`, `1e-05`. Exponent form below 1e-4 and from 1e16
/// on (Python's repr). `value` is finite.
void append_number(double value, std::string& out);

/// Appends a count, an integer without a fraction: `4`.
void append_count(std::uint64_t count, std::string& out);

}  // namespace mas
