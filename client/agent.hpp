#pragma once

namespace mas {

/// `mas agent`: logs this host's metrics every period, on an absolute schedule, until SIGTERM or
/// SIGINT, which end the process with 0. A server that is away, or has no address yet, is dialled
/// again with back-off; what could not be logged meanwhile is not made up for, as the server stamps
/// samples when it reads them. Returns only when an option makes no sense (2) or was --help (0).
[[nodiscard]] int run_agent(int argc, const char* const* argv);

}  // namespace mas
