// SPDX-License-Identifier: Apache-2.0
// THE definition of rounding (contract section 2): an exact number to a code of a format. Every
// other rounding of the reference is a call of this one. The rounding itself is MPFR's; what is
// ours is where the number stands on the format's grid, and what happens beyond its ends.
//
// A second definition, built on other ground, stands in round_by_search.h; its header says what
// each of the two catches.
#ifndef ULPROOF_REFERENCE_OPS_ROUND_TO_FORMAT_H_
#define ULPROOF_REFERENCE_OPS_ROUND_TO_FORMAT_H_

#include <cstdint>

#include "formats/codec.h"
#include "formats/format_spec.h"
#include "formats/rounding.h"
#include "reference/exact/dyadic.h"

namespace ulproof::reference {

// What a rounding did, besides its code.
struct RoundDetail {
  formats::Code code;
  // x is a number (not NaN, not infinite), and the code does not have exactly its value.
  bool inexact = false;
  // x is infinite, or its rounded magnitude exceeds the largest finite value: the overflow policy
  // gave the code.
  bool overflow = false;

  friend bool operator==(const RoundDetail&, const RoundDetail&) = default;
};

// Rounds x once to `to`. Total over formats, modes and policies; does not allocate.
//   x        any value class; a finite value may use all 64 bits of its significand
//   random   the r of a stochastic mode, below 2^random_bits; ignored by the other modes
// NaN gives the canonical NaN code, zero keeps its sign where the format has a negative zero. See
// RoundSpecial for these and for infinities.
RoundDetail RoundToFormatDetail(const formats::FormatSpec& to, const formats::Decoded& x,
                                const formats::Rounding& rounding, formats::Overflow overflow,
                                std::uint32_t random = 0);

// The same for an exact number of any size. A Dyadic zero has no sign: `negative_zero` gives it
// one.
RoundDetail RoundToFormatDetail(const formats::FormatSpec& to, const Dyadic& x,
                                const formats::Rounding& rounding, formats::Overflow overflow,
                                std::uint32_t random = 0, bool negative_zero = false);

inline formats::Code RoundToFormat(const formats::FormatSpec& to, const formats::Decoded& x,
                                   const formats::Rounding& rounding, formats::Overflow overflow,
                                   std::uint32_t random = 0) {
  return RoundToFormatDetail(to, x, rounding, overflow, random).code;
}
inline formats::Code RoundToFormat(const formats::FormatSpec& to, const Dyadic& x,
                                   const formats::Rounding& rounding, formats::Overflow overflow,
                                   std::uint32_t random = 0, bool negative_zero = false) {
  return RoundToFormatDetail(to, x, rounding, overflow, random, negative_zero).code;
}

// What is not a matter of rounding: NaN gives the canonical NaN code (the largest positive finite
// value where no code is NaN); infinity gives what the overflow policy says; zero gives zero with
// its sign, +0 where the format has no -0. A format without zero (float8_e8m0fnu) takes every
// x <= 0 here: finite ones to its smallest value under `sat` and `satprop` and to NaN otherwise,
// -infinity to its smallest value under `sat` and to NaN otherwise.
// Precondition: value_class is kZero, kInfinity or kNan, or the format is unsigned and x negative.
formats::Code RoundSpecial(const formats::FormatSpec& to, formats::ValueClass value_class,
                           bool negative, formats::Overflow overflow);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_ROUND_TO_FORMAT_H_
