#include "gateway/stamp_source.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace mas {

WallTime StampSource::next(WallTime reading) {
  MAS_CHECK(last_ < WallTime::max());
  last_ = std::max(reading, last_ + nanoseconds{1});
  return last_;
}

}  // namespace mas
