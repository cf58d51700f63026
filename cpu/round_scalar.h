// SPDX-License-Identifier: Apache-2.0
// One exact number to one code, in plain integers: for tables and for formats of up to 64 bits,
// where vectors of 32-bit lanes do not reach.
#ifndef ULPROOF_CPU_ROUND_SCALAR_H_
#define ULPROOF_CPU_ROUND_SCALAR_H_

#include <cstdint>

#include "formats/codec.h"
#include "formats/rounding.h"

namespace ulproof::cpu {

// x rounded once to `to` (contract section 2); every value class and policy, deterministic modes.
// A finite value may use all 64 bits of its significand and any exponent within +-10^6.
// Precondition: !rounding.is_stochastic().
formats::Code RoundScalar(const formats::FormatSpec& to, const formats::Decoded& x,
                          const formats::Rounding& rounding, formats::Overflow overflow);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_ROUND_SCALAR_H_
