// SPDX-License-Identifier: Apache-2.0
// How far two codes of a format are apart, counted in codes (ulps, across zero too), and classes
// of that distance for a histogram.
#ifndef ULPROOF_CLI_CODE_DISTANCE_H_
#define ULPROOF_CLI_CODE_DISTANCE_H_

#include <array>
#include <cstdint>
#include <string>

#include "formats/format_spec.h"

namespace ulproof::cli {

// The classes: 0 to 64 are distances (class c > 0 holds 2^(c-1) to 2^c - 1), then what has none.
inline constexpr int kDistanceZeroSign = 0;  // +0 and -0: two codes of one number.
inline constexpr int kDistanceOneNan = 65;   // A NaN and something else.
inline constexpr int kDistanceTwoNans = 66;  // Two NaNs of different codes.
inline constexpr int kDistanceClasses = 67;

// Precondition: the codes differ and fit the format.
int DistanceClass(const formats::FormatSpec& spec, formats::Code a, formats::Code b);
// The same for plain integers of that many bits, signed or not; 1 <= bits <= 64.
int IntegerDistanceClass(int bits, bool is_signed, std::uint64_t a, std::uint64_t b);

// "1", "2-3", "4-7", ..., "sign of zero", "a NaN", "NaN codes".
std::string DistanceClassName(int distance_class);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_CODE_DISTANCE_H_
