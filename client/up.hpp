#pragma once

namespace mas {

/// `mas up`: runs the whole system on this machine until SIGTERM, SIGINT or SIGHUP, then drains it.
/// Says `mas is ready: ...` once on stdout; its own log and that of all processes go to stderr.
/// The processes end with it, however it ends.
///
/// The exit code is 0 after a drain, and 2 after one line on stderr when the options, the data
/// directory or a port cannot work.
[[nodiscard]] int run_up(int argc, const char* const* argv);

}  // namespace mas
