// SPDX-License-Identifier: Apache-2.0
// Conversions between binary32 and the storage formats, on integer bits: no intrinsic decides a
// rounding. Source formats widen exactly; output formats are types that narrow a binary32 (contract
// sections 2, 3).
#ifndef ULPROOF_GPU_KERNELS_CONVERT_CUH_
#define ULPROOF_GPU_KERNELS_CONVERT_CUH_

#include <cstdint>
#include <type_traits>

namespace ulproof::gpu {

inline constexpr std::uint32_t kInfinityBits = 0x7F800000u;

// --- Sources: codes in memory to binary32 bits, exactly
// -------------------------------------------
struct Float32 {
  using Storage = std::uint32_t;
  static __device__ __forceinline__ std::uint32_t ToFloat32Bits(Storage code) { return code; }
};
struct Bfloat16 {
  using Storage = std::uint16_t;
  static __device__ __forceinline__ std::uint32_t ToFloat32Bits(Storage code) {
    return static_cast<std::uint32_t>(code) << 16;
  }
};

// --- Outputs: a narrow format and its overflow policy as compile-time numbers
// ----------------------- kOverflow is the magnitude code that replaces what is beyond kMaxFinite:
// the infinity or the largest finite value, with the sign of the input, or (kOverflowIsNan) the
// canonical NaN without it.
template <int kExponentBits, int kTrailingBits, int kBias, std::uint32_t kMaxFinite,
          std::uint32_t kOverflow, bool kOverflowIsNan, std::uint32_t kNan>
struct Narrow {
  static constexpr int kSignBit = kExponentBits + kTrailingBits;
  using Storage = std::conditional_t<(kSignBit >= 8), std::uint16_t, std::uint8_t>;
  // Trailing bits of binary32 that a normal result drops.
  static constexpr int kShift = 23 - kTrailingBits;
  // Biased binary32 exponent of the smallest normal value.
  static constexpr int kMinNormalExponent = 128 - kBias;
  // bfloat16 has binary32's own exponents, so its subnormals need no care.
  static constexpr bool kSharesExponents = kExponentBits == 8 && kBias == 127;

  static __device__ __forceinline__ Storage FromFloat32Rne(std::uint32_t bits) {
    return Finish(bits, RoundNearestEven(bits & 0x7FFFFFFFu));
  }
  // The same of what is not NaN.
  static __device__ __forceinline__ Storage FromNumberRne(std::uint32_t bits) {
    return static_cast<Storage>(Bounded(bits, RoundNearestEven(bits & 0x7FFFFFFFu)));
  }
  // sra16: away from zero iff floor(nu 2^16) + r >= 2^16, nu the discarded fraction of the last
  // place.
  static __device__ __forceinline__ Storage FromFloat32Sra16(std::uint32_t bits, std::uint32_t r) {
    return Finish(bits, RoundStochasticA16(bits & 0x7FFFFFFFu, r));
  }

  // The rounded magnitude as a code, with the exponent unbounded above; meaningless for NaN.
  static __device__ __forceinline__ std::uint32_t RoundNearestEven(std::uint32_t magnitude) {
    const std::uint32_t odd = magnitude >> kShift & 1u;
    const std::uint32_t nearest = (magnitude + ((1u << (kShift - 1)) - 1u) + odd) >> kShift;
    if constexpr (kSharesExponents) {
      return nearest;
    } else {
      // Below the smallest normal the grid is fixed. Adding the power of two whose last place is
      // the grid step lets the binary32 addition round, and leaves the code in the low bits.
      constexpr std::uint32_t kMagic = static_cast<std::uint32_t>(151 - kBias - kTrailingBits)
                                       << 23;
      const float sum = __fadd_rn(__uint_as_float(magnitude), __uint_as_float(kMagic));
      const std::uint32_t subnormal = __float_as_uint(sum) - kMagic;
      const std::uint32_t normal =
          nearest - (static_cast<std::uint32_t>(127 - kBias) << kTrailingBits);
      return magnitude < static_cast<std::uint32_t>(kMinNormalExponent) << 23 ? subnormal : normal;
    }
  }

 private:
  static __device__ __forceinline__ std::uint32_t RoundStochasticA16(std::uint32_t magnitude,
                                                                     std::uint32_t r) {
    const int field = static_cast<int>(magnitude >> 23);
    const int exponent = field == 0 ? 1 : field;
    const std::uint32_t significand = (magnitude & 0x7FFFFFu) | (field == 0 ? 0u : 0x800000u);
    const int below = kMinNormalExponent - exponent;
    // Fixed point with 40 places keeps every bit that floor(nu 2^16) sees; beyond a drop of 40
    // places nu is below 2^-16 and so is the value at 40.
    const int dropped = min(kShift + max(below, 0), 40);
    const std::uint64_t fixed_point = static_cast<std::uint64_t>(significand) << 40 >> dropped;
    const std::uint32_t whole = static_cast<std::uint32_t>(fixed_point >> 40);
    const std::uint32_t fraction = static_cast<std::uint32_t>(fixed_point >> 24) & 0xFFFFu;
    // `whole` counts steps of the grid, the implicit bit included: exponent field less one plus
    // whole.
    const std::uint32_t code =
        whole + (static_cast<std::uint32_t>(max(-below, 0)) << kTrailingBits);
    return code + (fraction + r >= 0x10000u ? 1u : 0u);
  }

  // Infinity lies beyond the largest finite value as numbers do, and needs no test of its own.
  static __device__ __forceinline__ std::uint32_t Bounded(std::uint32_t bits,
                                                          std::uint32_t rounded) {
    const std::uint32_t sign = bits >> 31 << kSignBit;
    if constexpr (kSharesExponents) {
      static_assert(kOverflow == kMaxFinite + 1 && !kOverflowIsNan);
      return sign | rounded;  // What rounds up from the largest finite value has become infinity.
    } else if constexpr (kOverflow == kMaxFinite && !kOverflowIsNan) {
      return sign | min(rounded, kMaxFinite);
    } else {
      const std::uint32_t beyond = kOverflowIsNan ? kNan : (sign | kOverflow);
      return rounded > kMaxFinite ? beyond : (sign | rounded);
    }
  }

  static __device__ __forceinline__ Storage Finish(std::uint32_t bits, std::uint32_t rounded) {
    const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
    std::uint32_t code = Bounded(bits, rounded);
    if (magnitude > kInfinityBits) code = kNan;
    return static_cast<Storage>(code);
  }
};

using Bfloat16Ovf = Narrow<8, 7, 127, 0x7F7F, 0x7F80, false, 0x7FC0>;
using Float8E4m3fnOvf = Narrow<4, 3, 7, 0x7E, 0x7F, true, 0x7F>;
using Float8E4m3fnSat = Narrow<4, 3, 7, 0x7E, 0x7E, false, 0x7F>;
using Float8E5m2Ovf = Narrow<5, 2, 15, 0x7B, 0x7C, false, 0x7E>;
using Float8E5m2Sat = Narrow<5, 2, 15, 0x7B, 0x7B, false, 0x7E>;
// Without infinity and NaN, `ovf` and `sat` are the same, and NaN becomes the largest finite value.
using Float6E3m2fn = Narrow<3, 2, 3, 0x1F, 0x1F, false, 0x1F>;
using Float6E2m3fn = Narrow<2, 3, 1, 0x1F, 0x1F, false, 0x1F>;
using Float4E2m1fn = Narrow<2, 1, 1, 0x07, 0x07, false, 0x07>;

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_CONVERT_CUH_
