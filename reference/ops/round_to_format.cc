// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/round_to_format.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "reference/exact/real.h"
#include "reference/ops/round_real.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::FormatSpec;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using formats::ValueClass;

// |integer| of an MPFR integer below 2^64, read from its leading limb.
Code IntegerMagnitude(mpfr_srcptr integer) {
  if (mpfr_zero_p(integer)) return 0;
  ULPROOF_CHECK(mpfr_get_exp(integer) <= 64);
  const auto* limbs = static_cast<const mp_limb_t*>(mpfr_custom_get_significand(integer));
  const mpfr_prec_t last_limb = (mpfr_get_prec(integer) - 1) / GMP_NUMB_BITS;
  return limbs[last_limb] >> (64 - mpfr_get_exp(integer));
}

// Where x stands among the codes. A format's codes count its magnitudes in order, so within a
// binade the code is |x| in units of the last place plus an integer, and it goes on so above the
// largest finite value, as if the exponent were unbounded.
struct Grid {
  std::int64_t exponent;  // The last place at x's binade is 2^exponent.
  Code offset;            // Code of x = |x| / 2^exponent + offset, modulo 2^64.
};
Grid GridAt(const FormatSpec& to, std::int64_t leading_exponent) {
  // Subnormals: the last place does not shrink below that of the smallest normal binade.
  const std::int64_t exponent =
      std::max<std::int64_t>(leading_exponent - to.trailing_bits, to.quantum_exponent());
  // Each binade above the lowest one starts 2^trailing_bits codes later.
  const auto binades = static_cast<Code>(exponent - to.quantum_exponent());
  // Where code 0 is not zero but the smallest power of two, all codes are one less.
  const Code first_code = to.has_zero() ? 0 : 1;
  return {exponent, (binades << to.trailing_bits) - first_code};
}

struct RoundedInteger {
  Code magnitude;
  bool inexact;
};

// Rounds `places` to an integer, in `integer`; both have the same precision. Overwrites both.
RoundedInteger RoundToInteger(mpfr_ptr integer, mpfr_ptr places, const Rounding& rounding,
                              std::uint32_t random) {
  int inexact = 0;
  switch (rounding.mode) {
    case RoundingMode::kNearestEven:
      inexact = mpfr_roundeven(integer, places);
      break;
    case RoundingMode::kNearestAway:
      inexact = mpfr_round(integer, places);
      break;
    case RoundingMode::kUp:
      inexact = mpfr_ceil(integer, places);
      break;
    case RoundingMode::kDown:
      inexact = mpfr_floor(integer, places);
      break;
    case RoundingMode::kTowardZero:
    case RoundingMode::kToOdd:
    case RoundingMode::kStochasticA:
    case RoundingMode::kStochasticB:
    case RoundingMode::kStochasticC:
      inexact = mpfr_trunc(integer, places);
      break;
  }
  const Code magnitude = IntegerMagnitude(integer);
  if (inexact == 0) return {magnitude, false};

  // The last modes choose between the neighbour toward zero, which `integer` is now, and the next
  // one away from it.
  const auto discarded_times_power = [&](int k) {  // nu 2^k
    mpfr_sub(places, places, integer, MPFR_RNDZ);  // Exact: the fraction of places.
    mpfr_setsign(places, places, 0, MPFR_RNDZ);
    mpfr_set_exp(places, mpfr_get_exp(places) + k);  // Not zero, as the rounding was inexact.
    return places;
  };
  const std::uint64_t range = std::uint64_t{1} << rounding.random_bits;  // 2^N
  bool away = false;
  switch (rounding.mode) {
    case RoundingMode::kToOdd:  // The neighbour whose code is odd.
      away = magnitude % 2 == 0;
      break;
    case RoundingMode::kStochasticA:  // floor(nu 2^N) + r >= 2^N
      mpfr_floor(integer, discarded_times_power(rounding.random_bits));
      away = IntegerMagnitude(integer) + random >= range;
      break;
    case RoundingMode::kStochasticB:  // floor(nu 2^(N+1)) + 2r + 1 >= 2^(N+1)
      mpfr_floor(integer, discarded_times_power(rounding.random_bits + 1));
      away = IntegerMagnitude(integer) + 2 * std::uint64_t{random} + 1 >= 2 * range;
      break;
    case RoundingMode::kStochasticC:  // RNE(nu 2^N) + r >= 2^N
      mpfr_roundeven(integer, discarded_times_power(rounding.random_bits));
      away = IntegerMagnitude(integer) + random >= range;
      break;
    default:  // Rounded above.
      break;
  }
  return {magnitude + (away ? 1 : 0), true};
}

// Whether IEEE 754 overflow under this mode stops at the largest finite value.
bool StopsAtLargest(const Rounding& rounding, bool negative) {
  switch (rounding.mode) {
    case RoundingMode::kTowardZero:
    case RoundingMode::kToOdd:
      return true;
    case RoundingMode::kUp:
      return negative;
    case RoundingMode::kDown:
      return !negative;
    default:  // The nearest and the stochastic modes.
      return false;
  }
}

Code SignedCode(const FormatSpec& to, bool negative, Code magnitude) {
  if (magnitude == 0 && !to.has_negative_zero()) return 0;
  return negative ? to.sign_mask() | magnitude : magnitude;
}

Code LargestFinite(const FormatSpec& to, bool negative) {
  return SignedCode(to, negative, to.max_finite_code());
}

// Infinity, or NaN where there is none, or the largest finite value where there is neither.
Code InfinityOf(const FormatSpec& to, bool negative) {
  if (to.has_infinity()) return SignedCode(to, negative, to.infinity_code());
  return to.has_nan() ? to.canonical_nan_code() : LargestFinite(to, negative);
}

// A finite x whose rounded magnitude exceeds the largest finite value.
Code OverflowOf(const FormatSpec& to, bool negative, const Rounding& rounding, Overflow overflow) {
  switch (overflow) {
    case Overflow::kIeee:
      return StopsAtLargest(rounding, negative) ? LargestFinite(to, negative)
                                                : InfinityOf(to, negative);
    case Overflow::kSaturate:
    case Overflow::kSaturateFinite:
      return LargestFinite(to, negative);
    case Overflow::kToInfinity:
      break;
  }
  return InfinityOf(to, negative);
}

// The rounding of a finite x != 0. `x` and `integer` have the same precision, one bit more than x
// needs; both are overwritten.
RoundDetail RoundFinite(const FormatSpec& to, mpfr_ptr x, mpfr_ptr integer,
                        const Rounding& rounding, Overflow overflow, std::uint32_t random) {
  const bool negative = mpfr_signbit(x) != 0;
  if (negative && !to.is_signed) {
    return {.code = RoundSpecial(to, ValueClass::kNormal, negative, overflow), .inexact = true};
  }
  // 2^leading_exponent <= |x| < 2^(leading_exponent + 1): MPFR's significands are in [1/2, 1).
  const std::int64_t leading_exponent = mpfr_get_exp(x) - 1;
  // Below its smallest value, a format without zero has that one neighbour only.
  if (!to.has_zero() && leading_exponent < to.quantum_exponent()) {
    return {.code = 0, .inexact = true};
  }
  const auto overflowed = [&] {
    return RoundDetail{
        .code = OverflowOf(to, negative, rounding, overflow), .inexact = true, .overflow = true};
  };
  // Beyond the binade of the largest finite value every mode overflows.
  if (leading_exponent > to.max_exponent()) return overflowed();

  // 1. Scale x, exactly, so that its last place in the format is 1.
  const Grid grid = GridAt(to, leading_exponent);
  mpfr_set_exp(x, mpfr_get_exp(x) - grid.exponent);
  // 2. Parity is that of the code. It differs from that of the scaled x only in formats without
  // trailing bits, where a binade has one code: then count one more place.
  const Code parity = grid.offset % 2;
  if (parity != 0) {
    const FixedReal<64> one(negative, 1, 0);
    const int rounded = mpfr_add(x, x, one, MPFR_RNDZ);
    ULPROOF_CHECK(rounded == 0);
  }
  // 3. Round to an integer, the exponent unbounded above; the code follows.
  const RoundedInteger places = RoundToInteger(integer, x, rounding, random);
  const Code magnitude = places.magnitude + (grid.offset - parity);
  // 4. Overflow is decided after rounding.
  if (magnitude > to.max_finite_code()) return overflowed();
  return {.code = SignedCode(to, negative, magnitude), .inexact = places.inexact};
}

RoundDetail RoundSpecialDetail(const FormatSpec& to, ValueClass value_class, bool negative,
                               Overflow overflow) {
  return {.code = RoundSpecial(to, value_class, negative, overflow),
          .inexact = value_class == ValueClass::kZero && !to.has_zero(),
          .overflow = value_class == ValueClass::kInfinity};
}

}  // namespace

Code RoundSpecial(const FormatSpec& to, ValueClass value_class, bool negative, Overflow overflow) {
  if (value_class == ValueClass::kNan) return to.canonical_nan_code();
  const bool infinite = value_class == ValueClass::kInfinity;
  if (!to.has_zero() && (negative || !infinite)) {
    const bool saturates =
        overflow == Overflow::kSaturate || (overflow == Overflow::kSaturateFinite && !infinite);
    return saturates ? 0 : to.canonical_nan_code();
  }
  if (infinite) {
    return overflow == Overflow::kSaturate ? LargestFinite(to, negative) : InfinityOf(to, negative);
  }
  ULPROOF_CHECK(value_class == ValueClass::kZero);
  return SignedCode(to, negative, 0);
}

RoundDetail RoundToFormatDetail(const FormatSpec& to, const Decoded& x, const Rounding& rounding,
                                Overflow overflow, std::uint32_t random) {
  if (x.value_class == ValueClass::kNan || x.value_class == ValueClass::kInfinity) {
    return RoundSpecialDetail(to, x.value_class, x.negative, overflow);
  }
  if (x.significand == 0) return RoundSpecialDetail(to, ValueClass::kZero, x.negative, overflow);
  FixedReal<128> value(x.negative, x.significand, x.exponent);
  FixedReal<128> integer;
  return RoundFinite(to, value, integer, rounding, overflow, random);
}

RoundDetail RoundRealDetail(const FormatSpec& to, mpfr_srcptr x, const Rounding& rounding,
                            Overflow overflow, std::uint32_t random) {
  if (!mpfr_regular_p(x)) {
    const ValueClass value_class = mpfr_nan_p(x)   ? ValueClass::kNan
                                   : mpfr_inf_p(x) ? ValueClass::kInfinity
                                                   : ValueClass::kZero;
    return RoundSpecialDetail(to, value_class, mpfr_signbit(x) != 0, overflow);
  }
  constexpr int kUsualBits = 640;  // Every sum of binary32 values and products of two.
  if (mpfr_get_prec(x) < kUsualBits) {
    FixedReal<kUsualBits> value, integer;
    mpfr_set(value, x, MPFR_RNDZ);  // Exact.
    return RoundFinite(to, value, integer, rounding, overflow, random);
  }
  Real value(mpfr_get_prec(x) + 1), integer(mpfr_get_prec(x) + 1);
  mpfr_set(value, x, MPFR_RNDZ);  // Exact.
  return RoundFinite(to, value, integer, rounding, overflow, random);
}

RoundDetail RoundToFormatDetail(const FormatSpec& to, const Dyadic& x, const Rounding& rounding,
                                Overflow overflow, std::uint32_t random, bool negative_zero) {
  if (x.is_zero()) return RoundSpecialDetail(to, ValueClass::kZero, negative_zero, overflow);
  if (x.SignificandBits() <= 64 && x.exponent() == static_cast<int>(x.exponent())) {
    const Decoded small = {.value_class = ValueClass::kNormal,
                           .negative = x.is_negative(),
                           .significand = static_cast<std::uint64_t>(x.Abs().significand()),
                           .exponent = static_cast<int>(x.exponent())};
    return RoundToFormatDetail(to, small, rounding, overflow, random);
  }
  const Real real = ToReal(x);
  return RoundRealDetail(to, real, rounding, overflow, random);
}

}  // namespace ulproof::reference
