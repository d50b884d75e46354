#pragma once

#include "base/time_types.hpp"

namespace mas {

/// One value of one metric at one moment. Equal stamps are two samples: a stamp is no identity.
struct Sample {
  WallTime stamp;
  double value = 0;

  friend bool operator==(const Sample&, const Sample&) = default;
};
static_assert(sizeof(Sample) == 16);

}  // namespace mas
