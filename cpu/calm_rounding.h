// SPDX-License-Identifier: Apache-2.0
// Rounding to nearest even of numbers that cannot overflow, as numbers and not as codes: by adding
// and subtracting a power of two whose last place is the format's (cpu/calm_rounding-inl.h).
#ifndef ULPROOF_CPU_CALM_ROUNDING_H_
#define ULPROOF_CPU_CALM_ROUNDING_H_

#include <cstdint>

#include "formats/operation.h"

namespace ulproof::cpu {

struct CalmRounding {
  bool usable = false;
  std::int32_t min_exponent = 0;  // Biased, in its place in a binary32 code, as is
  std::int32_t addend = 0;        // what makes the power of two from a number's exponent.
  float limit = 0;                // Numbers up to it are rounded right.
};

// For the cast of a sample. Not usable: other modes, and formats without trailing bits, with hardly
// fewer than binary32, without subnormals or beyond the exponents of binary32.
CalmRounding CalmRoundingOf(const formats::Operation& op);

// The value of a code as a binary32 number. Precondition: formats::IsExactInFloat32(spec).
float Float32ValueOf(const formats::FormatSpec& spec, formats::Code code);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_CALM_ROUNDING_H_
