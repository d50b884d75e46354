#pragma once

#include <memory>
#include <string>
#include <vector>

#include "support/free_ports.hpp"
#include "support/process.hpp"
#include "support/system.hpp"
#include "support/temp_dir.hpp"

namespace mas {

/// A lock broker alone, on a port and with a directory of its own; it grants when this returns.
class LockBroker {
 public:
  explicit LockBroker(std::vector<std::string> flags = {}) : flags_(std::move(flags)) { start(); }

  /// Starts it again, after it has ended.
  void start() {
    std::vector<std::string> argv{program_path("mas-lockbroker"), "--locks-port",
                                  std::to_string(ports_[0]), "--state",
                                  (directory_.path() / "state").string()};
    argv.insert(argv.end(), flags_.begin(), flags_.end());
    process_.reset();
    process_ = std::make_unique<Process>(argv);
    process_->wait_for_stderr("listening");
  }

  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(ports_[0]); }

 private:
  std::vector<std::string> flags_;
  TempDir directory_;
  FreePorts ports_{1};
  std::unique_ptr<Process> process_;
};

}  // namespace mas
