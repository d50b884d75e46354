#include "text/system_time_zone.hpp"

#include <cstdlib>
#include <ctime>

namespace mas {
namespace {

[[nodiscard]] seconds east_of_utc_at(seconds moment) {
  const auto time = static_cast<std::time_t>(moment.count());
  std::tm local{};
  if (::localtime_r(&time, &local) == nullptr) return seconds{0};
  return seconds{local.tm_gmtoff};
}

}  // namespace

SystemTimeZone::SystemTimeZone() {
  const char* const zone = std::getenv("TZ");  // NOLINT(concurrency-mt-unsafe): once, at start
  utc_ = zone == nullptr || *zone == '\0';
  if (!utc_) ::tzset();
}

seconds SystemTimeZone::utc_from_local(seconds shown) const {
  if (utc_) return shown;
  // No zone is a day or more from UTC, so these lie before and after any change that matters here.
  constexpr seconds day{86'400};
  const seconds east_before = east_of_utc_at(shown - day);
  const seconds east_after = east_of_utc_at(shown + day);
  const seconds before = shown - east_before;
  const seconds after = shown - east_after;
  if (east_of_utc_at(before) == east_before) return before;
  if (east_of_utc_at(after) == east_after) return after;
  return before;
}

}  // namespace mas
