// SPDX-License-Identifier: Apache-2.0
// What a quantizer with a fitted scale rounds to (contract section 14), as types that kernels are
// templated on: any range of integers, or the values of a narrow format. The outermost levels are
// arguments, so one kernel serves int4, uint8, sym3 and all integers (whose ends are infinite).
#ifndef ULPROOF_GPU_KERNELS_LEVELS_CUH_
#define ULPROOF_GPU_KERNELS_LEVELS_CUH_

#include <cstdint>

namespace ulproof::gpu {

// Q(u): a zero is +0, and NaN stays. Comparisons instead of fminf and fmaxf, which drop a NaN.
struct IntegerLevels {
  float lowest, highest;

  __device__ __forceinline__ float Round(float u) const {
    float q = rintf(u);
    q = q < lowest ? lowest : q;
    q = highest < q ? highest : q;
    return __fadd_rn(q, 0.0f);
  }
};

// A format of 1 + kTrailingBits significant bits; kMinNormal is the binary32 exponent field of its
// smallest normal value. The result is a value, so no code is made and taken apart again.
template <int kTrailingBits, int kMinNormal>
struct FormatLevels {
  float lowest, highest;

  __device__ __forceinline__ float Round(float u) const {
    constexpr int kShift = 23 - kTrailingBits;
    constexpr std::uint32_t kHalf = (1u << (kShift - 1)) - 1u;
    // Below the smallest normal value the grid is fixed: the binary32 addition of a power of two
    // whose last place is the grid step rounds to it, and the subtraction is exact.
    constexpr std::uint32_t kMagicBits = static_cast<std::uint32_t>(kMinNormal + kShift) << 23;
    const std::uint32_t magnitude = __float_as_uint(u) & 0x7FFFFFFFu;
    const std::uint32_t odd = magnitude >> kShift & 1u;
    const std::uint32_t normal = (magnitude + kHalf + odd) >> kShift << kShift;
    const float magic = __uint_as_float(kMagicBits);
    const float subnormal = __fsub_rn(__fadd_rn(__uint_as_float(magnitude), magic), magic);
    const bool is_normal = magnitude >= static_cast<std::uint32_t>(kMinNormal) << 23;
    const std::uint32_t rounded = is_normal ? normal : __float_as_uint(subnormal);
    const std::uint32_t bounded = min(rounded, __float_as_uint(highest));
    const std::uint32_t sign = __float_as_uint(u) & 0x80000000u;
    return u == u ? __fadd_rn(__uint_as_float(bounded | sign), 0.0f) : u;
  }
};
using Float4E2m1Levels = FormatLevels<1, 127>;
using Float8E4m3Levels = FormatLevels<3, 121>;

// d = x - z, u = d / s, q = Q(u); u is +0 where s is zero and d is a number.
struct Leveled {
  float d, u, q;
};
template <typename Levels>
__device__ __forceinline__ Leveled Level(const Levels& levels, float x, float s, float z) {
  Leveled element;
  element.d = __fsub_rn(x, z);
  const float collapsed = element.d == element.d ? 0.0f : element.d;
  element.u = s == 0.0f ? collapsed : __fdiv_rn(element.d, s);
  element.q = levels.Round(element.u);
  return element;
}

// What fit and refit give a block: not a finite scale, then neither a scale nor a zero point.
struct FittedScale {
  float scale, zero;

  __device__ __forceinline__ FittedScale OrNan() const {
    const bool is_finite = (__float_as_uint(scale) & 0x7FFFFFFFu) < 0x7F800000u;
    const float nan = __uint_as_float(0x7FC00000u);
    return is_finite ? *this : FittedScale{nan, nan};
  }
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_LEVELS_CUH_
