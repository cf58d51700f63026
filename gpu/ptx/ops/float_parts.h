// SPDX-License-Identifier: Apache-2.0
// Small pieces that the floating-point families share. All are free of branches, so that the loops
// around them vectorise.
#ifndef ULPROOF_GPU_PTX_OPS_FLOAT_PARTS_H_
#define ULPROOF_GPU_PTX_OPS_FLOAT_PARTS_H_

#include <bit>
#include <cmath>
#include <cstdint>

#include "gpu/ptx/form.h"
#include "gpu/ptx/soft_float.h"

namespace ulproof::gpu::ptx::ops {

inline constexpr std::uint32_t kNan32 = 0x7FFFFFFF;
inline constexpr std::uint64_t kNan64 = 0xFFF8000000000000;
inline constexpr std::uint32_t kSign32 = 0x80000000;
inline constexpr std::uint64_t kSign64 = 0x8000000000000000;
inline constexpr std::uint32_t kInfinity32 = 0x7F800000;

inline float FloatOf(std::uint32_t bits) { return std::bit_cast<float>(bits); }
inline std::uint32_t BitsOfFloat(float x) { return std::bit_cast<std::uint32_t>(x); }

// Where a chip makes a NaN, x86 would keep a payload or set the sign.
inline float Canonical(float x) { return x == x ? x : FloatOf(kNan32); }
inline double Canonical(double x) { return x == x ? x : std::bit_cast<double>(kNan64); }

// .ftz: a subnormal becomes zero of its sign.
inline float Flush(float x) {
  const std::uint32_t bits = BitsOfFloat(x);
  return (bits & kInfinity32) == 0 ? FloatOf(bits & kSign32) : x;
}
template <bool kFlush>
float FlushIf(float x) {
  return kFlush ? Flush(x) : x;
}

// .sat: to [+0, 1]; NaN becomes +0.
inline float Saturate(float x) {
  const float positive = x > 0.0F ? x : 0.0F;
  return positive < 1.0F ? positive : 1.0F;
}

// The last steps of every binary32 result.
template <bool kFlush, bool kSaturate>
float Finish(float x) {
  if (kSaturate) return Saturate(FlushIf<kFlush>(x));
  return Canonical(FlushIf<kFlush>(x));
}

// a + b to odd: exact where a binary64 holds it, else the neighbour with an odd significand, so
// that a later rounding to 51 bits or fewer is the rounding of the exact sum. Specials as a + b.
// Precondition: no overflow and no underflow of the sum's error (sources no wider than binary32).
inline double AddToOdd(double a, double b) {
  const double sum = a + b;
  const double b_part = sum - a;
  const double error = (a - (sum - b_part)) + (b - b_part);  // TwoSum: exact.
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  // An error of the other sign means that the sum lies beyond the exact value: step back.
  const std::uint64_t back = (bits ^ std::bit_cast<std::uint64_t>(error)) >> 63;
  const bool inexact = error < 0.0 || error > 0.0;  // False for the NaN of infinite sums.
  return inexact ? std::bit_cast<double>((bits - back) | 1) : sum;
}

// x to binary32, to odd.
inline float NarrowToOdd(double x) {
  const auto rounded = static_cast<float>(x);
  const double back = rounded;
  const std::uint32_t bits = BitsOfFloat(rounded);
  const std::uint32_t beyond = std::fabs(back) > std::fabs(x) ? 1U : 0U;
  const bool inexact = back < x || back > x;
  return inexact ? FloatOf((bits - beyond) | 1) : rounded;
}

// binary32 bits to the code of a narrower format with fewer exponent bits, to nearest even.
// Magnitudes from `overflow_from` on give overflow_code, NaN gives nan_code without a sign.
template <int kExponentBits, int kTrailingBits>
std::uint32_t NarrowNearest(std::uint32_t bits, std::uint32_t nan_code, std::uint32_t overflow_from,
                            std::uint32_t overflow_code) {
  constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  constexpr int kDrop = 23 - kTrailingBits;
  constexpr std::uint32_t kRebias = static_cast<std::uint32_t>(127 - kBias) << 23;
  const std::uint32_t magnitude = bits & ~kSign32;
  // Normal results: add half a unit (less one where the last bit is even) and cut.
  const std::uint32_t last = magnitude >> kDrop & 1;
  const std::uint32_t normal = (magnitude - kRebias + ((1U << (kDrop - 1)) - 1) + last) >> kDrop;
  // Subnormal results: adding a constant whose unit in the last place is the format's finest step
  // makes the binary32 addition do the rounding.
  constexpr std::uint32_t kStep = static_cast<std::uint32_t>(127 + 1 - kBias + kDrop) << 23;
  const std::uint32_t subnormal = BitsOfFloat(FloatOf(magnitude) + FloatOf(kStep)) - kStep;
  std::uint32_t code = magnitude < kRebias + (1U << 23) ? subnormal : normal;
  code = magnitude >= overflow_from ? overflow_code : code;
  code = magnitude > kInfinity32 ? nan_code : code;
  const std::uint32_t sign = bits >> 31 << (kExponentBits + kTrailingBits);
  return magnitude > kInfinity32 ? code : code | sign;
}

inline std::uint32_t HalfFromFloat(std::uint32_t bits) {
  // From half a unit beyond 65504 (a tie goes to infinity, whose code is even).
  return NarrowNearest<5, 10>(bits, 0x7FFF, 0x477FF000, 0x7C00);
}
// The exponents are binary32's, so adding half a unit does it all, overflow included.
inline std::uint32_t BfloatFromFloat(std::uint32_t bits) {
  const std::uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  return (bits & ~kSign32) > kInfinity32 ? 0x7FFF : rounded;
}

// Exact. NaN becomes 0x7FFFFFFF.
inline std::uint32_t FloatFromHalf(std::uint32_t code) {
  const std::uint32_t magnitude = code & 0x7FFF;
  // Scaling by 2^112 rebiases normals and subnormals alike.
  const float scaled = FloatOf(magnitude << 13) * FloatOf(0x77800000);
  std::uint32_t bits = BitsOfFloat(scaled);
  bits = magnitude >= 0x7C00 ? kInfinity32 : bits;
  bits |= (code & 0x8000) << 16;
  return magnitude > 0x7C00 ? kNan32 : bits;
}
// Exact; keeps the bits of a NaN.
inline std::uint32_t FloatFromBfloat(std::uint32_t code) { return code << 16; }

// The rounding modifier of a form.
inline constexpr std::string_view kRoundingNames[] = {"rn", "rz", "rm", "rp", "rna", "rs"};
inline Rounding RoundingOf(const Form& form) {
  return static_cast<Rounding>(form.Find(kRoundingNames, 0));
}

// Flags for the functions that run lane by lane, packed in an operation's parameter.
struct FloatFlags {
  Rounding rounding;
  bool flush;
  bool saturate;
  bool relu;
  bool saturate_finite;

  static std::uint64_t Of(const Form& form) {
    return static_cast<std::uint64_t>(RoundingOf(form)) | (form.Has("ftz") ? 8U : 0U) |
           (form.Has("sat") ? 16U : 0U) | (form.Has("relu") ? 32U : 0U) |
           (form.Has("satfinite") ? 64U : 0U);
  }
  explicit FloatFlags(std::uint64_t word)
      : rounding(static_cast<Rounding>(word & 7)),
        flush((word & 8) != 0),
        saturate((word & 16) != 0),
        relu((word & 32) != 0),
        saturate_finite((word & 64) != 0) {}
};

}  // namespace ulproof::gpu::ptx::ops

#endif  // ULPROOF_GPU_PTX_OPS_FLOAT_PARTS_H_
