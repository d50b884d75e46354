#pragma once

#include <string>

namespace mas {

/// Sends spdlog's default logger to stderr, a line a message: time, program and process id, level,
/// text. `level` is debug, info, warn or error. Call once, before any thread is started.
void start_logging(const std::string& program, const std::string& level);

}  // namespace mas
