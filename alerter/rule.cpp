#include "alerter/rule.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include "base/bytes.hpp"
#include "text/number.hpp"

namespace mas {

std::string rule_name(const Rule& rule) {
  Bytes fields;
  append_le(fields, rule.op);
  append_le(fields, rule.window.count());
  append_le(fields, rule.limit == 0 ? 0.0 : rule.limit);  // one zero
  append(fields, as_bytes(rule.id));
  const auto hash = XXH3_128bits(fields.data(), fields.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string event_name(const Rule& rule, WallTime period_end) {
  return fmt::format("{}@{}", rule_name(rule), to_int(period_end));
}

std::string alert_text(const Rule& rule) {
  auto text = fmt::format("ALERT {}: {} is over ", rule.id, op_name(rule.op));
  append_number(rule.limit, text);
  return text;
}

}  // namespace mas
