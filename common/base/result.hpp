#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace mas {

/// What went wrong with something that is expected to go wrong now and then (bad input, a full
/// disk, a peer that is gone), told once to whoever can act on it.
struct Error {
  /// What a caller can act on; the text is for people.
  enum Kind : unsigned char {
    invalid,      ///< input or configuration that breaks its rules
    torn,         ///< data cut short or failing its checksum
    unsupported,  ///< a version or format this build does not know
    not_found,    ///< the named thing does not exist
    exists,       ///< the named thing is there already and must not be
    busy,         ///< a bound was reached, or a lock or lease is not held: try again later
    lost,         ///< the peer, session or connection is gone
    io,           ///< the operating system refused; the text names the path and errno
  };
  Kind kind = invalid;
  std::string text;
};

/// The value of an operation, or why there is none. A [[nodiscard]] tl::expected (std::expected
/// needs C++23). Thread-safety: as its value.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

/// Makes the failed side of any Result: `return fail(Error::torn, "cut at byte {}", at);`
template <typename... Args>
[[nodiscard]] tl::unexpected<Error> fail(Error::Kind kind, fmt::format_string<Args...> text,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{kind, fmt::format(text, std::forward<Args>(args)...)});
}

/// Hands an error on unchanged: `if (!opened) return pass_on(opened);`
template <typename T>
[[nodiscard]] tl::unexpected<Error> pass_on(const Result<T>& failed) {
  return tl::unexpected<Error>(failed.error());
}

}  // namespace mas
