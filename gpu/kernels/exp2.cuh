// SPDX-License-Identifier: Apache-2.0
// Correctly rounded exp2 for every binary32 input (contract section 6), in deterministic binary64
// arithmetic, and the block scale made of it.
//
// c = n + f with n the nearest integer and |f| <= 1/2, exactly. 2^f = 1 + f ln2 + f^2 P(f): the
// linear term is kept to twice binary64's precision, f^2 P(f) < 0.08 in one binary64, so the error
// stays below 2^-56. The sum is rounded to odd at 53 bits, scaled by 2^n exactly, and rounded once
// more to binary32: as 53 is at least 24 + 2, only that rounding shows, subnormal results included.
// No input comes closer to a rounding boundary than the error: the claim exp2-of-the-kernels
// (`ulproof prove`) decides it for all of them.
#ifndef ULPROOF_GPU_KERNELS_EXP2_CUH_
#define ULPROOF_GPU_KERNELS_EXP2_CUH_

#include <cstdint>

namespace ulproof::gpu {

// RN32(2^c). NaN for NaN, +inf from c >= 128 on, +0 for c <= -150.
__device__ __forceinline__ float Exp2Rn(float c) {
  if (!(c == c)) return __uint_as_float(0x7FC00000u);
  if (c >= 128.0f) return __uint_as_float(0x7F800000u);
  if (c <= -150.0f) return 0.0f;
  const double x = c;
  const double n = rint(x);
  const double f = __dadd_rn(x, -n);

  // P by Horner: (ln 2)^k / k!, k from 14 down to 2, each the nearest binary64 (recomputed by a
  // test). The terms left out are below 2^-62.
  double p = 0x1.314964d5878a9p-44;
  p = __fma_rn(p, f, 0x1.816193166d0f9p-40);
  p = __fma_rn(p, f, 0x1.c3bd650fc2986p-36);
  p = __fma_rn(p, f, 0x1.e8cac7351bb25p-32);
  p = __fma_rn(p, f, 0x1.e4cf5158b8ecap-28);
  p = __fma_rn(p, f, 0x1.b5253d395e7c4p-24);
  p = __fma_rn(p, f, 0x1.62c0223a5c824p-20);
  p = __fma_rn(p, f, 0x1.ffcbfc588b0c7p-17);
  p = __fma_rn(p, f, 0x1.430912f86c787p-13);
  p = __fma_rn(p, f, 0x1.5d87fe78a6731p-10);
  p = __fma_rn(p, f, 0x1.3b2ab6fba4e77p-7);
  p = __fma_rn(p, f, 0x1.c6b08d704a0c0p-5);
  p = __fma_rn(p, f, 0x1.ebfbdff82c58fp-3);

  // 1 + f ln2 + f^2 P as an unevaluated sum high + low. f has at most 24 significant bits: f * f is
  // exact.
  const double kLn2High = 0x1.62e42fefa39efp-1, kLn2Low = 0x1.abc9e3b39803fp-56;
  const double linear = __dmul_rn(f, kLn2High);
  const double linear_error = __fma_rn(f, kLn2Low, __fma_rn(f, kLn2High, -linear));
  const double one_plus = __dadd_rn(1.0, linear);
  const double one_plus_error = __dadd_rn(linear, -__dadd_rn(one_plus, -1.0));
  const double rest =
      __dadd_rn(one_plus_error, __dadd_rn(linear_error, __dmul_rn(__dmul_rn(f, f), p)));
  const double high = __dadd_rn(one_plus, rest);
  const double low = __dadd_rn(rest, -__dadd_rn(high, -one_plus));

  // Round to odd, then times 2^n in the exponent field; n is between -150 and 128, high about 1.
  std::int64_t bits = __double_as_longlong(high);
  if (low != 0.0 && (bits & 1) == 0) bits += low > 0.0 ? 1 : -1;
  bits += static_cast<std::int64_t>(__double2int_rn(n)) << 52;
  return __double2float_rn(__longlong_as_double(bits));
}

// s = RN32(M e), e = RN32(2^RN32(1 - b)); M = 0 gives 0 whatever b is. `max_bits` are M's binary32
// bits.
__device__ __forceinline__ float BlockScale(std::uint32_t max_bits, float bitwidth) {
  if (max_bits == 0) return 0.0f;
  return __fmul_rn(__uint_as_float(max_bits), Exp2Rn(__fadd_rn(1.0f, -bitwidth)));
}

// M rounded up to a power of two (the pow2 option); infinity and NaN stay.
__device__ __forceinline__ std::uint32_t RoundUpToPowerOfTwo(std::uint32_t max_bits) {
  if (max_bits >= 0x7F800000u || max_bits == 0) return max_bits;
  if (max_bits >= 0x00800000u) return (max_bits + 0x007FFFFFu) & 0x7F800000u;
  // Subnormal: the trailing bits are an integer; its next power of two may be the smallest normal.
  return max_bits == 1 ? 1u : 1u << (32 - __clz(max_bits - 1));
}

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_EXP2_CUH_
