#pragma once

#include "text/time_zone.hpp"

namespace mas {

/// The server's local time: the zone that `TZ` names (POSIX and zoneinfo forms, by libc), UTC when
/// it is unset or empty, whatever /etc/localtime says: a container and its host then agree.
///
/// By localtime_r and not by mktime, whose answer for a time that is shown twice depends on what it
/// was asked before. libc has one zone for the whole process: make one of these at start, and do
/// not change `TZ` afterwards.
class SystemTimeZone final : public TimeZone {
 public:
  SystemTimeZone();
  [[nodiscard]] seconds utc_from_local(seconds shown) const override;

 private:
  bool utc_;
};

}  // namespace mas
