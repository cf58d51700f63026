// SPDX-License-Identifier: Apache-2.0
#include "cpu/round_scalar.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "cpu/overflow_codes.h"

namespace ulproof::cpu {
namespace {

using formats::Code;
using formats::Decoded;
using formats::FormatSpec;
using formats::RoundingMode;
using formats::ValueClass;

// A significand cut off at the target's last place.
struct Split {
  std::uint64_t kept;
  bool half;  // The first bit cut off.
  bool rest;  // Any bit after it.
};

Split SplitAt(std::uint64_t significand, int cut) {
  if (cut <= 0) return {significand << -cut, false, false};
  if (cut > 64) return {0, false, true};
  const std::uint64_t half = std::uint64_t{1} << (cut - 1);
  return {cut == 64 ? 0 : significand >> cut, (significand & half) != 0,
          (significand & (half - 1)) != 0};
}

bool RoundsAway(RoundingMode mode, const Split& split, bool odd, bool negative) {
  const bool inexact = split.half || split.rest;
  switch (mode) {
    case RoundingMode::kNearestEven:
      return split.half && (split.rest || odd);
    case RoundingMode::kNearestAway:
      return split.half;
    case RoundingMode::kTowardZero:
      return false;
    case RoundingMode::kUp:
      return inexact && !negative;
    case RoundingMode::kDown:
      return inexact && negative;
    case RoundingMode::kToOdd:
      return inexact && !odd;
    default:
      ULPROOF_CHECK(false, "stochastic rounding has no scalar form here");
  }
  return false;
}

}  // namespace

Code RoundScalar(const FormatSpec& to, const Decoded& x, const formats::Rounding& rounding,
                 formats::Overflow overflow) {
  if (x.value_class == ValueClass::kNan) return to.canonical_nan_code();
  if (x.value_class == ValueClass::kInfinity) return InfinityCodes(to, overflow).Of(x.negative);
  const bool zero = x.significand == 0;
  if (!to.is_signed && (zero || x.negative)) return NonpositiveCode(to, overflow);
  if (zero) return x.negative && to.has_negative_zero() ? to.sign_mask() : 0;

  const int leading = x.exponent + static_cast<int>(std::bit_width(x.significand)) - 1;
  int last_place = leading - to.trailing_bits;
  if (to.has_subnormals()) last_place = std::max(last_place, to.quantum_exponent());
  const Split split = SplitAt(x.significand, last_place - x.exponent);
  // The significand's leading bit adds 1 to the exponent field, and so does a carry.
  const std::int64_t field = std::int64_t{last_place} + to.trailing_bits + to.bias - 1;
  const std::int64_t truncated =
      (field << to.trailing_bits) + static_cast<std::int64_t>(split.kept);
  const bool away = RoundsAway(rounding.mode, split, (truncated & 1) != 0, x.negative);
  // Below a format without zero and subnormals all that is left is its smallest value, code 0.
  const auto magnitude = static_cast<Code>(std::max<std::int64_t>(truncated + (away ? 1 : 0), 0));
  if (magnitude > to.max_finite_code()) {
    return FiniteOverflowCodes(to, rounding.mode, overflow).Of(x.negative);
  }
  if (magnitude == 0 && !to.has_negative_zero()) return 0;
  return (x.negative ? to.sign_mask() : 0) | magnitude;
}

}  // namespace ulproof::cpu
