#include "alerter/schedule.hpp"

namespace mas {

WallTime Schedule::due(WallTime now) const {
  const auto since_epoch = (now - lag_).time_since_epoch();
  auto ends = since_epoch / period_;
  if (since_epoch % period_ < nanoseconds::zero()) --ends;  // division rounds towards zero
  return WallTime{ends * period_};
}

}  // namespace mas
