#pragma once

#include <cstdint>

#include "alerter/rule_book.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

// The bytes of a rule file: a header, then records; docs/alerts.md has the same as tables.
// Thread-safety: free functions.

namespace mas {

inline constexpr std::uint16_t rule_file_version = 1;
/// A file is rewritten long before; a longer one is none of ours.
inline constexpr std::size_t rule_file_bytes_max = 64 * MiB;

void append_rule_header(Bytes& out, std::uint32_t shard);
void append_record(Bytes& out, const BookedRule& rule);
void append_record(Bytes& out, const PeriodJudged& judged);
/// The whole file of this book: a header and a record for each rule.
void append_rule_file(Bytes& out, std::uint32_t shard, const RuleBook& book);

/// What a file holds. A tail that was cut by a crash, or damaged, was never acknowledged (it is
/// written and synced before anyone is told), so it is left out.
struct ReadRules {
  RuleBook book;
  std::size_t ignored_bytes = 0;
};
/// Errors: Error::torn (no header, or of another shard; files appear whole, so this is damage),
/// Error::unsupported (a later version).
[[nodiscard]] Result<ReadRules> read_rule_file(ByteView bytes, std::uint32_t shard);

}  // namespace mas
