#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time_types.hpp"
#include "text/time_zone.hpp"

namespace mas {

/// Reads `2022-04-26` (its midnight) or `2022-04-26T00:00:05`, the second with an optional fraction
/// of one to nine digits and an optional `Z`, `+hh:mm` or `-hh:mm`; without a zone it is `local`
/// time. Nothing for any other form, for impossible dates, hours from 24 and seconds from 60. Years
/// 0001 to 9999; moments that WallTime cannot hold become its first or last. Thread-safe.
/// Source: the extended format of ISO 8601-1:2019.
[[nodiscard]] std::optional<WallTime> parse_iso_time(std::string_view text, const TimeZone& local);

/// Appends a moment as `2026-01-01T00:00:00.000000000Z`, which parse_iso_time reads back.
/// Thread-safe.
void append_iso_time(WallTime time, std::string& out);

}  // namespace mas
