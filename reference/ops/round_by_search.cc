// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/round_by_search.h"

#include <algorithm>

#include "base/check.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::FormatSpec;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using formats::ValueClass;
using Integer = Dyadic::Integer;

// What stands above every finite value.
enum class Beyond { kLargestFinite, kInfinity };

Code BeyondCode(const FormatSpec& to, bool negative, Beyond what) {
  if (what == Beyond::kInfinity && !to.has_infinity() && to.has_nan()) {
    return to.canonical_nan_code();
  }
  const Code magnitude =
      what == Beyond::kInfinity && to.has_infinity() ? to.infinity_code() : to.max_finite_code();
  // Only e1m0 has 0 as its largest magnitude, and then its sign is kept where there is a -0.
  return negative && (magnitude != 0 || to.has_negative_zero()) ? magnitude | to.sign_mask()
                                                                : magnitude;
}

// Whether the choice between the neighbours falls on the one away from zero.
// Precondition: x is strictly between them.
bool ChoosesAway(const Neighbours& neighbours, bool negative, const Rounding& rounding,
                 std::uint32_t random) {
  const auto [part, whole] = neighbours.fraction();
  const bool below_is_odd = neighbours.below % 2 == 1;
  const std::uint64_t range = std::uint64_t{1} << rounding.random_bits;  // 2^N
  switch (rounding.mode) {
    case RoundingMode::kNearestEven:
      return 2 * part > whole || (2 * part == whole && below_is_odd);
    case RoundingMode::kNearestAway:
      return 2 * part >= whole;
    case RoundingMode::kTowardZero:
      return false;
    case RoundingMode::kUp:
      return !negative;
    case RoundingMode::kDown:
      return negative;
    case RoundingMode::kToOdd:
      return !below_is_odd;
    case RoundingMode::kStochasticA: {
      const Integer floor = part * range / whole;
      return floor + random >= range;
    }
    case RoundingMode::kStochasticB: {
      const Integer floor = part * range * 2 / whole;
      return floor + 2 * std::uint64_t{random} + 1 >= 2 * range;
    }
    case RoundingMode::kStochasticC: {
      const Integer scaled = part * range;
      Integer nearest = scaled / whole;
      const Integer twice_rest = 2 * (scaled % whole);
      if (twice_rest > whole || (twice_rest == whole && bit_test(nearest, 0))) ++nearest;
      return nearest + random >= range;
    }
  }
  ULPROOF_CHECK(false, "no such rounding mode");
  return false;
}

// Finite x, rounded beyond the largest finite value (contract section 2).
Beyond WhereFiniteOverflowGoes(bool negative, const Rounding& rounding, Overflow overflow) {
  if (overflow == Overflow::kSaturate || overflow == Overflow::kSaturateFinite) {
    return Beyond::kLargestFinite;
  }
  if (overflow == Overflow::kToInfinity) return Beyond::kInfinity;
  const bool toward_zero = rounding.mode == RoundingMode::kTowardZero ||
                           rounding.mode == RoundingMode::kToOdd ||
                           rounding.mode == (negative ? RoundingMode::kUp : RoundingMode::kDown);
  return toward_zero ? Beyond::kLargestFinite : Beyond::kInfinity;
}

// x <= 0, in a format that has only positive values.
Code NotPositive(const FormatSpec& to, bool infinite, Overflow overflow) {
  if (overflow == Overflow::kSaturate) return 0;
  if (overflow == Overflow::kSaturateFinite && !infinite) return 0;
  return to.canonical_nan_code();
}

}  // namespace

Neighbours::Fraction Neighbours::fraction() const {
  const Dyadic part = magnitude - below_value;
  const Dyadic whole = above_value - below_value;
  const std::int64_t exponent =
      part.is_zero() ? whole.exponent() : std::min(part.exponent(), whole.exponent());
  return {part.significand() << (part.is_zero() ? 0 : part.exponent() - exponent),
          whole.significand() << (whole.exponent() - exponent)};
}

Neighbours FindNeighbours(const FormatSpec& to, const Dyadic& x) {
  ULPROOF_CHECK(!x.is_zero());
  Neighbours found = {
      .below = 0, .below_value = Dyadic::FromCode(to, 0), .above_value = {}, .magnitude = x.Abs()};
  if (found.magnitude < found.below_value) {
    found.underflow = true;
    found.above_value = found.below_value;
    return found;
  }
  // Invariant: value(low) <= |x|, and |x| < value(high) unless high is one past the last code.
  Code low = 0;
  Code high = to.max_finite_code() + 1;
  while (high - low > 1) {
    const Code middle = low + (high - low) / 2;
    if (Dyadic::FromCode(to, middle) <= found.magnitude) {
      low = middle;
    } else {
      high = middle;
    }
  }
  found.below = low;
  found.below_value = Dyadic::FromCode(to, low);
  if (low < to.max_finite_code()) {
    found.above_value = Dyadic::FromCode(to, low + 1);
    return found;
  }
  // One more last place: Decode keeps significands on the format's grid.
  const Decoded last = Decode(to, low);
  found.above_value = Dyadic::FromParts(false, last.significand + 1, last.exponent);
  found.beyond = found.magnitude >= found.above_value;
  return found;
}

RoundDetail RoundBetween(const FormatSpec& to, bool negative, const Neighbours& neighbours,
                         const Rounding& rounding, Overflow overflow, std::uint32_t random) {
  if (negative && !to.is_signed) {
    return {.code = NotPositive(to, false, overflow), .inexact = true};
  }
  if (neighbours.underflow) return {.code = 0, .inexact = true};
  const bool exact = neighbours.exact();
  const bool away =
      !exact && !neighbours.beyond && ChoosesAway(neighbours, negative, rounding, random);
  if (neighbours.beyond || (away && neighbours.below == to.max_finite_code())) {
    const Beyond where = WhereFiniteOverflowGoes(negative, rounding, overflow);
    return {.code = BeyondCode(to, negative, where), .inexact = true, .overflow = true};
  }
  const Code magnitude = away ? neighbours.below + 1 : neighbours.below;
  const bool keeps_sign = negative && (magnitude != 0 || to.has_negative_zero());
  return {.code = keeps_sign ? magnitude | to.sign_mask() : magnitude, .inexact = !exact};
}

RoundDetail RoundBySearch(const FormatSpec& to, const Decoded& x, const Rounding& rounding,
                          Overflow overflow, std::uint32_t random) {
  switch (x.value_class) {
    case ValueClass::kNan:
      return {.code = to.canonical_nan_code()};
    case ValueClass::kInfinity: {
      if (!to.is_signed && x.negative) {
        return {.code = NotPositive(to, true, overflow), .overflow = true};
      }
      const Beyond where =
          overflow == Overflow::kSaturate ? Beyond::kLargestFinite : Beyond::kInfinity;
      return {.code = BeyondCode(to, x.negative, where), .overflow = true};
    }
    default:
      break;
  }
  if (x.significand == 0) {
    if (!to.has_zero()) return {.code = NotPositive(to, false, overflow), .inexact = true};
    return {.code = x.negative && to.has_negative_zero() ? to.sign_mask() : 0};
  }
  const Dyadic value = Dyadic::FromParts(x.negative, x.significand, x.exponent);
  return RoundBetween(to, x.negative, FindNeighbours(to, value), rounding, overflow, random);
}

}  // namespace ulproof::reference
