// SPDX-License-Identifier: Apache-2.0
#include "trainer/methods/error_histogram.h"

#include <algorithm>
#include <numeric>

namespace ulproof::trainer {

ErrorHistogram::ErrorHistogram(std::span<const float> errors) {
  up_to_.fill(0);
  for (const float error : errors) {
    if (!(-0.5f <= error && error <= 0.5f)) continue;
    // Exact: a sum of 1/2 and a float in this range, times a power of two, cut to a whole number.
    const auto bin = static_cast<std::size_t>((double{error} + 0.5) * kBins);
    ++up_to_[std::min(bin, kBins - 1)];
  }
  if (std::all_of(up_to_.begin(), up_to_.end(), [](std::uint64_t n) { return n == 0; }))
    up_to_.fill(1);
  std::partial_sum(up_to_.begin(), up_to_.end(), up_to_.begin());
}

float ErrorHistogram::Draw(std::uint64_t bits) const {
  // A whole number below the total (of at most 2^32 errors), even but for 2^-32 of it.
  const std::uint64_t drawn = (bits >> 32) * up_to_.back() >> 32;
  const auto bin = std::upper_bound(up_to_.begin(), up_to_.end(), drawn) - up_to_.begin();
  // 16 bits of place: the sum has 24 and is exact in binary32.
  const auto place = static_cast<std::int64_t>(bits >> 16 & 0xFFFF);
  return static_cast<float>((bin << 16) + place) * 0x1p-24f - 0.5f;
}

}  // namespace ulproof::trainer
