// SPDX-License-Identifier: Apache-2.0
// Where results go that are no ordinary numbers of the target, as codes (contract section 2, from
// "After rounding"): the whole of the overflow policies, looked up before the first element.
#ifndef ULPROOF_CPU_OVERFLOW_CODES_H_
#define ULPROOF_CPU_OVERFLOW_CODES_H_

#include "formats/format_spec.h"
#include "formats/rounding.h"

namespace ulproof::cpu {

// Not always alike but for the sign: directed modes, and a NaN that stands for an infinity.
struct SignedCodes {
  formats::Code positive;
  formats::Code negative;

  friend constexpr bool operator==(const SignedCodes&, const SignedCodes&) = default;
  constexpr formats::Code Of(bool is_negative) const { return is_negative ? negative : positive; }
};

// The largest finite value of either sign; the smallest value where nothing lies below zero.
constexpr SignedCodes LargestFinite(const formats::FormatSpec& to) {
  const formats::Code largest = to.max_finite_code();
  return {.positive = largest, .negative = to.is_signed ? to.sign_mask() | largest : 0};
}

// The infinities; the NaN where there are none, the largest finite values where there is no NaN
// either.
constexpr SignedCodes Infinities(const formats::FormatSpec& to) {
  if (to.has_infinity()) return {to.infinity_code(), to.sign_mask() | to.infinity_code()};
  if (to.has_nan()) return {to.canonical_nan_code(), to.canonical_nan_code()};
  return LargestFinite(to);
}

// For a finite input whose rounded magnitude exceeds the largest finite value.
constexpr SignedCodes FiniteOverflowCodes(const formats::FormatSpec& to, formats::RoundingMode mode,
                                          formats::Overflow overflow) {
  using formats::Overflow;
  using formats::RoundingMode;
  const SignedCodes largest = LargestFinite(to);
  const SignedCodes infinities = Infinities(to);
  if (overflow == Overflow::kToInfinity) return infinities;
  if (overflow != Overflow::kIeee) return largest;
  switch (mode) {
    case RoundingMode::kTowardZero:
    case RoundingMode::kToOdd:
      return largest;
    case RoundingMode::kUp:
      return {infinities.positive, largest.negative};
    case RoundingMode::kDown:
      return {largest.positive, infinities.negative};
    default:
      return infinities;
  }
}

// For an infinite input.
constexpr SignedCodes InfinityCodes(const formats::FormatSpec& to, formats::Overflow overflow) {
  return overflow == formats::Overflow::kSaturate ? LargestFinite(to) : Infinities(to);
}

// For finite x <= 0 where the target is unsigned (float8_e8m0fnu): its smallest value under the
// saturating policies, else NaN.
constexpr formats::Code NonpositiveCode(const formats::FormatSpec& to, formats::Overflow overflow) {
  const bool saturates =
      overflow == formats::Overflow::kSaturate || overflow == formats::Overflow::kSaturateFinite;
  return saturates ? 0 : to.canonical_nan_code();
}

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_OVERFLOW_CODES_H_
