// SPDX-License-Identifier: Apache-2.0
// What a cast from binary32 does, reduced to a few integers before the first element is touched:
// the SIMD kernels (cpu/cast-inl.h) then know no formats and no policies, only these constants.
#ifndef ULPROOF_CPU_CAST_PLAN_H_
#define ULPROOF_CPU_CAST_PLAN_H_

#include <cstdint>
#include <string>

#include "cpu/overflow_codes.h"
#include "formats/format_spec.h"
#include "formats/rounding.h"

namespace ulproof::cpu {

// How the magnitude of the result is found.
enum class CastMethod : std::uint8_t {
  kAnyShift,    // Shift the significand right by an amount of its own: any format, any mode.
  kAlignedAdd,  // rne: one floating-point addition of a power of two rounds at the right place.
  kUpperBits,   // rne to a binary32 with fewer trailing bits (bfloat16, tfloat32): integer add.
};

struct CastPlan {
  formats::Rounding rounding;
  CastMethod method;
  int storage_bytes;  // 1, 2 or 4 a code.

  int trailing_bits;       // m of the target.
  int discarded_bits;      // 23 - m: bits cut off a normal result.
  std::int32_t rebias;     // Biased exponent of binary32 + rebias = biased exponent of target - 1.
  std::int32_t min_field;  // Smallest (biased exponent - 1): 0, or no limit without subnormals.
  // The target's smallest exponent is below binary32's, so that subnormals must be normalised.
  bool resolves_subnormals;
  std::uint32_t max_finite;      // Magnitude code.
  std::uint32_t sign_mask;       // 0 for an unsigned target.
  std::uint32_t zero_sign_mask;  // Sign bit of a zero result: 0 where there is no negative zero.
  SignedCodes overflow;          // A finite input whose rounded magnitude exceeds max_finite.
  SignedCodes infinity;          // An infinite input.
  std::uint32_t nan;
  bool positive_only;  // float8_e8m0fnu: finite x <= 0 gives `nonpositive`.
  std::uint32_t nonpositive;
  // kAlignedAdd only, as binary32: a power of two that overflows, and the smallest normal value.
  std::uint32_t clamp = 0;
  std::uint32_t min_exponent = 0;
};

// Why no plan exists for this target, or empty. Planned: every signed format of at most 32 storage
// bits with trailing_bits <= 23 whose code arithmetic stays below 2^31 for every binary32 (all
// formats of up to 16 bits, float32, tfloat32), and float8_e8m0fnu.
std::string WhyNotPlanned(const formats::FormatSpec& to);

// Precondition: WhyNotPlanned(to) is empty.
CastPlan MakeCastPlan(const formats::FormatSpec& to, const formats::Rounding& rounding,
                      formats::Overflow overflow);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_CAST_PLAN_H_
