// SPDX-License-Identifier: Apache-2.0
// Which of two scales of a group of 4-bit elements has the smaller squared error (contract section
// 14), in integers of 128 bits: for the few groups where binary64 cannot tell.
#ifndef ULPROOF_CPU_BEST_SCALE_EXACT_H_
#define ULPROOF_CPU_BEST_SCALE_EXACT_H_

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "cpu/best_scale_kernels.h"

namespace ulproof::cpu {

__extension__ using Int128 = __int128;

// e2m1 of u by rne and sat, as a value.
inline float RoundToE2m1(float u) {
  const float magnitude = std::min(std::fabs(u), 8.0f);
  const float step = magnitude < 2 ? 0.5f : magnitude < 4 ? 1.0f : 2.0f;
  return std::copysign(std::min(std::nearbyint(magnitude / step) * step, 6.0f), u);
}

// Whether the error of b is smaller than that of a, in integers. With A and B an element's values
// under the two, (v - A)^2 - (v - B)^2 = (B - A)(2v - A - B). Where A = B the term is 0; else one
// of them is at least half a step, so |v| > 2^-12 and v, of 48 bits, is a multiple of 2^-60, and
// A and B are multiples of 2^-10.
inline bool IsSmallerExactly(const GroupView& group, const ScaleCandidate& a,
                             const ScaleCandidate& b, double unit) {
  Int128 sum = 0;
  for (std::size_t row = 0; row < group.rows; ++row) {
    for (std::size_t col = 0; col < group.cols; ++col) {
      const float w = group.elements[row * group.stride + col];
      const double value_a = double{RoundToE2m1(w * a.multiplier)} * a.step;
      const double value_b = double{RoundToE2m1(w * b.multiplier)} * b.step;
      if (value_a == value_b) continue;
      const auto difference = static_cast<Int128>(std::ldexp(value_b - value_a, 10));
      const auto rest = static_cast<Int128>(std::ldexp(w * unit, 61)) -
                        static_cast<Int128>(std::ldexp(value_a + value_b, 60));
      sum += difference * rest;
    }
  }
  return sum > 0;
}

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_BEST_SCALE_EXACT_H_
