#pragma once

#include <string>

#include "base/result.hpp"
#include "locks/lock_session.hpp"
#include "store/file_system.hpp"

namespace mas {

/// The latest lock broker that any worker of a data directory has had a session with, kept in the
/// directory `epochs` there. Workers tell it to a broker whose own epoch file is missing or was
/// restored from a backup, which then raises its epoch above it before it grants anything. Each
/// broker is an empty file named by its epoch, instance and time to live, made with O_EXCL, so
/// workers that write at once do not undo each other's work. Thread-safety: one owner.
class EpochMemory {
 public:
  /// `data_directory` exists. `files` outlives it.
  EpochMemory(FileSystem& files, const std::string& data_directory);

  /// Epoch 0 when there was none. Error::io when the directory cannot be read.
  [[nodiscard]] Result<BrokerEpoch> latest();
  /// Durable when it returns without an error. Removes the names of earlier brokers.
  Result<void> remember(const BrokerEpoch& broker);

 private:
  FileSystem* files_;
  std::string data_directory_;
  std::string directory_;
};

}  // namespace mas
