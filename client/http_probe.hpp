#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "base/time_types.hpp"

namespace mas {

/// Asks an HTTP server for `path` and gives the status of its answer (200 to 599 in practice).
/// Error::lost when nobody answers in time, Error::invalid when the answer is not HTTP. Blocks.
[[nodiscard]] Result<int> http_status(const std::string& host, std::uint16_t port,
                                      const std::string& path, MonoTime deadline);

}  // namespace mas
