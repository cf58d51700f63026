// SPDX-License-Identifier: Apache-2.0
// The scale of a block from its maximum and bitwidth (contract section 6).
#ifndef ULPROOF_CPU_BLOCK_SCALE_H_
#define ULPROOF_CPU_BLOCK_SCALE_H_

#include <bit>
#include <cstdint>

#include "cpu/exp2.h"

namespace ulproof::cpu {

// e = RN32(2^RN32(1 - bits)).
inline float BitsFactor(float bits) { return Exp2(1.0f - bits); }

// Finite x to the power of two at or above |x|, with x's sign, infinity beyond 2^127; zero,
// infinity and NaN stay. Exact.
inline float RoundUpToPowerOfTwo(float x) {
  constexpr std::uint32_t kSign = 0x80000000;
  constexpr std::uint32_t kMinNormal = 0x00800000;
  constexpr std::uint32_t kInfinity = 0x7F800000;
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(x) & kSign;
  const std::uint32_t code = std::bit_cast<std::uint32_t>(x) & ~kSign;
  if (code >= kInfinity || code == 0) return x;
  // A subnormal's code counts 2^-149; a normal one's rounds up to an empty significand.
  return std::bit_cast<float>(
      sign |
      (code < kMinNormal ? std::bit_ceil(code) : (code + kMinNormal - 1) & ~(kMinNormal - 1)));
}

// s = RN32(M * factor), M rounded up first when `pow2`; M = 0 gives +0 whatever the factor.
inline float BlockScale(float maximum, float factor, bool pow2) {
  if (maximum == 0) return 0;
  return (pow2 ? RoundUpToPowerOfTwo(maximum) : maximum) * factor;
}

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_BLOCK_SCALE_H_
