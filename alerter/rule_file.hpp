#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "alerter/rule_record.hpp"
#include "store/file_system.hpp"

namespace mas {

/// One shard's rules on disk, for as long as one grant of its lock lasts. Each holder writes to a
/// file of its own, named by the grant's token, so that an earlier holder which wakes up late
/// writes to a file that nobody reads any more: the highest token counts, and it holds everything.
/// Thread-safety: one owner.
class RuleFile {
 public:
  /// `token` is the grant's. Touches nothing yet.
  RuleFile(FileSystem& files, const std::string& data_dir, std::uint32_t shard,
           std::uint64_t token);

  /// What the holders before have left; an empty book where there was none. Errors: Error::io;
  /// Error::torn and Error::unsupported for a file that cannot be read as a whole: rules are never
  /// guessed; Error::busy when a later holder has written already.
  [[nodiscard]] Result<ReadRules> load();

  /// Makes `records` durable, behind what `book` (as it is without them) says. When it returns
  /// without error they are on stable storage, and so is all of `book`; after an error they may or
  /// may not be there after a crash, and the next write replaces the file. Without records: makes
  /// the book this holder's own.
  [[nodiscard]] Result<void> write(const RuleBook& book, ByteView records);

  /// Whether a write has succeeded under this grant.
  [[nodiscard]] bool written() const { return written_; }
  /// Unlinks the files of earlier holders, which nobody needs once this one has written and its
  /// lease has been checked after that. What cannot be removed stays and does no harm.
  void drop_older();

 private:
  [[nodiscard]] std::string path_of(std::uint64_t token) const;
  [[nodiscard]] Result<void> replace(const RuleBook& book, ByteView records);

  FileSystem& files_;
  std::string data_dir_;
  std::string relative_;  ///< the shard's directory in the data directory
  std::uint32_t shard_;
  std::uint64_t token_;
  std::vector<std::uint64_t> older_;
  /// The own file while it may be appended to; null before the first write and after a failed one.
  std::unique_ptr<File> file_;
  std::size_t bytes_ = 0;
  std::size_t bytes_when_replaced_ = 0;
  bool written_ = false;
};

}  // namespace mas
