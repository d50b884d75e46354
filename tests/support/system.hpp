#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/free_ports.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"
#include "support/text_client.hpp"

namespace mas {

/// The path of one of our programs, `mas` or `mas-gateway` for instance.
[[nodiscard]] std::string program_path(const std::string& name);

/// The whole system under `mas up`, on ports and a data directory of its own.
class System {
 public:
  /// What `mas up` is started with: one worker in each pool and its own defaults.
  struct Options {
    /// Worker processes of each kind.
    Options& pools(int of_ingest, int of_query, int of_alerter);
    Options& option(const std::string& flag, const std::string& value);
    Options& environment(const std::string& name, const std::string& value);

    std::vector<std::string> flags;
    std::vector<std::string> variables;
  };

  /// Starts it and waits until it is ready.
  explicit System(Options options);
  System() : System(Options{}) {}

  /// Starts `mas up` again on the same ports and data, after it has ended.
  void start();
  /// The same without waiting until it is ready.
  void launch();
  /// SIGTERM; gives the exit after all processes are gone.
  ProcessEnd stop();

  [[nodiscard]] Process& up() { return *up_; }
  [[nodiscard]] TextClient connect() const { return TextClient(text_port()); }
  /// One request on a connection of its own.
  [[nodiscard]] std::string ask(std::string_view line) const { return connect().ask(line); }
  [[nodiscard]] std::string ask_until_served(std::string_view line) const {
    return mas::ask_until_served(text_port(), line);
  }

  [[nodiscard]] std::uint16_t text_port() const { return ports_[0]; }
  [[nodiscard]] std::uint16_t native_port() const { return ports_[1]; }
  [[nodiscard]] std::uint16_t workers_port() const { return ports_[2]; }
  [[nodiscard]] std::uint16_t events_port() const { return ports_[3]; }
  [[nodiscard]] std::uint16_t locks_port() const { return ports_[4]; }
  [[nodiscard]] std::uint16_t http_port() const { return ports_[5]; }
  [[nodiscard]] std::filesystem::path data() const { return directory_.path() / "data"; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

  /// The options of `mas up`, for a second one.
  [[nodiscard]] std::vector<std::string> arguments() const;
  /// A worker as `mas up` would start it, for starting one by hand.
  [[nodiscard]] std::vector<std::string> worker_arguments(const std::string& program) const;

  /// Processes of that program that `mas up` runs now.
  [[nodiscard]] std::vector<pid_t> pids_of(const std::string& program) const;
  /// SIGKILL to all of them; waits until they are gone. There must be some.
  void kill_all_of(const std::string& program) const;

 private:
  Options options_;
  TempDir directory_;
  FreePorts ports_{6};
  std::unique_ptr<Process> up_;
};

}  // namespace mas
