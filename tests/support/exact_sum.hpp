#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <compare>
#include <cstdint>

namespace mas {

/// A number of at least zero, a multiple of 2^-1074, up to beyond 2^1024 * 2^64: sums of doubles
/// without any rounding, to hold the rounded ones against. (Kulisch's long accumulator.)
class ExactMagnitude {
 public:
  /// Adds |value| * times.
  void add(double value, std::uint32_t times = 1) {
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(value), &exponent);
    auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
    int bit = exponent - 53 + 1074;
    if (bit < 0) {  // a denormal: its low bits are zero
      mantissa >>= -bit;
      bit = 0;
    }
    add_at(static_cast<unsigned>(bit), (mantissa & 0xffffffffU) * times);
    add_at(static_cast<unsigned>(bit) + 32, (mantissa >> 32) * times);
  }
  /// |this - other|
  [[nodiscard]] ExactMagnitude distance(const ExactMagnitude& other) const {
    const bool larger = *this >= other;
    const ExactMagnitude& from = larger ? *this : other;
    const ExactMagnitude& take = larger ? other : *this;
    ExactMagnitude result;
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < limbs_.size(); ++i) {
      borrow += std::int64_t{from.limbs_[i]} - std::int64_t{take.limbs_[i]};
      result.limbs_[i] = static_cast<std::uint32_t>(borrow);
      borrow >>= 32;
    }
    return result;
  }
  friend std::strong_ordering operator<=>(const ExactMagnitude& a, const ExactMagnitude& b) {
    for (std::size_t i = a.limbs_.size(); i-- > 0;)
      if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] <=> b.limbs_[i];
    return std::strong_ordering::equal;
  }
  friend bool operator==(const ExactMagnitude&, const ExactMagnitude&) = default;

  /// value * times
  [[nodiscard]] static ExactMagnitude product(double value, std::uint32_t times) {
    ExactMagnitude result;
    result.add(value, times);
    return result;
  }

 private:
  void add_at(unsigned bit, std::uint64_t value) {
    // `value` may have 64 bits, and moves by up to 31 within its limb: three limbs.
    const unsigned shift = bit % 32;
    const std::uint64_t low = (value & 0xffffffffU) << shift;
    const std::uint64_t high = (value >> 32) << shift;
    std::uint64_t carry = 0;
    std::size_t i = bit / 32;
    const std::uint64_t parts[3] = {low & 0xffffffffU, (low >> 32) + (high & 0xffffffffU),
                                    high >> 32};
    for (std::size_t part = 0; i < limbs_.size() && (part < 3 || carry != 0); ++part, ++i) {
      carry += limbs_[i] + (part < 3 ? parts[part] : 0);
      limbs_[i] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }

  std::array<std::uint32_t, 70> limbs_{};
};

/// The exact sum of doubles, of their absolute values, and what a mean of them may be.
class ExactSum {
 public:
  void add(double value) {
    ++count_;
    (std::signbit(value) ? negative_ : positive_).add(value);
    absolute_.add(value);
  }

  /// Whether `mean` is within one unit in the last place of the mean of the absolute values, per
  /// 1,000 values or part of it, of the exact mean.
  [[nodiscard]] bool mean_may_be(double mean) const {
    // All times count, so that nothing has to be divided.
    ExactMagnitude plus = positive_;
    ExactMagnitude minus = negative_;
    (std::signbit(mean) ? plus : minus).add(mean, count_);
    const std::uint32_t thousands = (count_ + 999) / 1000;
    return plus.distance(minus) <= ExactMagnitude::product(unit(), count_ * thousands);
  }

 private:
  /// The unit in the last place of the mean of the absolute values: 2^(e - 52) where
  /// 2^e <= mean < 2^(e + 1).
  [[nodiscard]] double unit() const {
    int least = -1074;
    int most = 1023;
    while (least < most) {  // the largest e with 2^e * count <= sum
      const int middle = least + (most - least + 1) / 2;
      if (ExactMagnitude::product(std::ldexp(1.0, middle), count_) <= absolute_)
        least = middle;
      else
        most = middle - 1;
    }
    return std::ldexp(1.0, std::max(least - 52, -1074));
  }

  ExactMagnitude positive_;
  ExactMagnitude negative_;
  ExactMagnitude absolute_;
  std::uint32_t count_ = 0;
};

}  // namespace mas
