#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/envelope.hpp"

namespace mas {

/// A new life's instance id, from the kernel's random numbers; never any_instance.
[[nodiscard]] InstanceId random_instance();
/// An instance id as a process is told it: hex digits. Nothing for any other text, or 0.
[[nodiscard]] std::optional<InstanceId> parse_instance(std::string_view text);

/// Says on stderr, in one line, why the program does not run, and gives the exit status for it, 2.
[[nodiscard]] int refuse(std::string_view program, std::string_view why);

}  // namespace mas
