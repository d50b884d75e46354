#include "alerter/rule_record.hpp"

#include <cmath>
#include <limits>

#include "base/byte_reader.hpp"
#include "base/crc32c.hpp"

namespace mas {
namespace {

constexpr std::string_view magic = "masrules";

enum class RecordType : std::uint8_t { rule = 1, judged = 2 };

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();

/// A record's frame: length of the body, the body (its type first), a checksum over both.
template <typename Write>
void append_framed(Bytes& out, RecordType type, Write write) {
  const auto start = out.size();
  append_le(out, std::uint32_t{0});
  const auto body = out.size();
  append_le(out, type);
  write();
  const auto size = static_cast<std::uint32_t>(out.size() - body);
  std::memcpy(out.data() + start, &size, sizeof size);
  append_le(out, crc32c(ByteView(out).subspan(start)));
}

void append_numbers(Bytes& out, const std::vector<RuleNumber>& numbers) {
  append_varint(out, numbers.size());
  RuleNumber before = 0;
  for (const auto number : numbers) {
    append_varint(out, number - before);
    before = number;
  }
}

std::vector<RuleNumber> read_numbers(ByteReader& in) {
  std::vector<RuleNumber> numbers;
  const auto count = in.varint();
  if (count > rules_per_shard_max || count > in.left()) in.fail();
  std::uint64_t number = 0;
  for (std::uint64_t left = in.ok() ? count : 0; left > 0; --left) {
    number += in.varint();
    if (!in.ok() || number >= rules_per_shard_max) {
      in.fail();
      break;
    }
    numbers.push_back(static_cast<RuleNumber>(number));
  }
  return numbers;
}

bool apply_rule(ByteReader& in, RuleBook& book) {
  BookedRule rule;
  rule.registered = wall_time(in.i64());
  rule.judged_until = wall_time(in.i64());
  const auto fired_until = in.i64();
  if (fired_until != never) rule.fired_until = wall_time(fired_until);
  const auto op = op_from_number(in.u8());
  if (!op) return false;
  rule.rule.op = *op;
  rule.rule.window = nanoseconds{in.i64()};
  rule.rule.limit = in.f64();
  rule.rule.id = in.short_text();
  if (!in.done() || rule.rule.id.empty() || rule.rule.window < nanoseconds::zero() ||
      !std::isfinite(rule.rule.limit)) {
    return false;
  }
  return book.apply(std::move(rule));
}

bool apply_judged(ByteReader& in, RuleBook& book) {
  PeriodJudged judged;
  judged.until = wall_time(in.i64());
  judged.judged = read_numbers(in);
  judged.fired = read_numbers(in);
  return in.done() && book.apply(judged);
}

/// One record at the front of `in`; false at the first that does not check.
bool apply_next(ByteReader& in, RuleBook& book) {
  ByteReader ahead = in;
  const auto size = ahead.u32();
  const auto body = ahead.take(size);
  const auto checksum = ahead.u32();
  if (!ahead.ok() || size == 0) return false;
  Bytes length;
  append_le(length, size);
  if (crc32c(body, crc32c(length)) != checksum) return false;
  ByteReader fields(body);
  const auto type = fields.u8();
  const bool applied =
      type == static_cast<std::uint8_t>(RecordType::rule)     ? apply_rule(fields, book)
      : type == static_cast<std::uint8_t>(RecordType::judged) ? apply_judged(fields, book)
                                                              : false;
  if (applied) in = ahead;
  return applied;
}

}  // namespace

void append_rule_header(Bytes& out, std::uint32_t shard) {
  const auto start = out.size();
  append(out, as_bytes(magic));
  append_le(out, rule_file_version);
  append_le(out, static_cast<std::uint16_t>(shard));
  append_le(out, crc32c(ByteView(out).subspan(start)));
}

void append_record(Bytes& out, const BookedRule& rule) {
  append_framed(out, RecordType::rule, [&] {
    append_le(out, to_int(rule.registered));
    append_le(out, to_int(rule.judged_until));
    append_le(out, rule.fired_until ? to_int(*rule.fired_until) : never);
    append_le(out, rule.rule.op);
    append_le(out, rule.rule.window.count());
    append_le(out, rule.rule.limit);
    append_short_text(out, rule.rule.id);
  });
}

void append_record(Bytes& out, const PeriodJudged& judged) {
  append_framed(out, RecordType::judged, [&] {
    append_le(out, to_int(judged.until));
    append_numbers(out, judged.judged);
    append_numbers(out, judged.fired);
  });
}

void append_rule_file(Bytes& out, std::uint32_t shard, const RuleBook& book) {
  append_rule_header(out, shard);
  for (const auto& rule : book.rules()) append_record(out, rule);
}

Result<ReadRules> read_rule_file(ByteView bytes, std::uint32_t shard) {
  ByteReader in(bytes);
  const auto name = in.take(magic.size());
  const auto version = in.u16();
  const auto its_shard = in.u16();
  const auto header_bytes = in.offset();
  const auto checksum = in.u32();
  if (!in.ok() || as_text(name) != magic) return fail(Error::torn, "not a file of rules");
  if (version != rule_file_version) {
    return fail(Error::unsupported, "rules of version {}, known is {}", version, rule_file_version);
  }
  if (checksum != crc32c(bytes.first(header_bytes)) || its_shard != shard) {
    return fail(Error::torn, "the header is damaged, or of another shard than {}", shard);
  }
  ReadRules read;
  while (in.left() > 0 && apply_next(in, read.book)) {
  }
  read.ignored_bytes = in.left();
  return read;
}

}  // namespace mas
