// SPDX-License-Identifier: Apache-2.0
// Box-Muller decided from the exact real z (contract section 5): MPFR encloses z / 2 ever more
// tightly until both ends of the enclosure round alike.
//
// Why that loop ends. With u = (2 w0 + 1) 2^-33 and v = (2 w1 + 1) 2^-33,
//   z^2 = -2 ln(u) cos^2(2 pi v)   (or sin^2).
// u is rational and not 1, so ln(u) is transcendental (Lindemann-Weierstrass). cos and sin of a
// rational multiple of pi are algebraic, and not 0 here: 2 v is an odd multiple of 2^-32, never a
// multiple of 1/2. So z^2, hence z / 2, is transcendental: never an integer plus a half, never 0,
// never a binary32 value or the midpoint of two. Some finite precision separates it from every
// such point. There are 2^65 inputs and each further bit halves how many are undecided, so about
// 65 + 24 bits and a few more are expected to be enough for all; the cap is far beyond.
#include <mpfr.h>

#include "base/check.h"
#include "formats/catalogue.h"
#include "formats/codec.h"
#include "reference/exact/real.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

// Small on purpose: about one normal2 element in 2^13 needs a second round, so any long test walks
// the retry too. At least 33, for u and v to be exact.
constexpr int kFirstPrecisionBits = 40;
constexpr int kMaxPrecisionBits = 1024;

// Sets lower < z / 2 < upper, apart by a relative 2^(3 - p) at most, p being their precision.
//
// Each of the four functions below is correctly rounded, so each adds a relative error of at most
// 2^-p, halved by the root for what comes before it: 3.5 * 2^-p in sum, and below 2^(2-p) with the
// products of errors. Setting u and the scalings by powers of two are exact (p >= 33).
void EncloseHalfNormal(const BoxMullerWords& words, Real& lower, Real& upper) {
  const mpfr_prec_t precision_bits = mpfr_get_prec(lower);
  Real radius(precision_bits), turn(precision_bits), error(precision_bits);
  // radius = sqrt(-2 ln u)
  mpfr_set_ui_2exp(radius, 2 * std::uint64_t{words.radius} + 1, -33, MPFR_RNDN);
  mpfr_log(radius, radius, MPFR_RNDN);
  mpfr_mul_si(radius, radius, -2, MPFR_RNDN);
  mpfr_sqrt(radius, radius, MPFR_RNDN);
  // mpfr_cosu(x, 2^33) = cos(2 pi x / 2^33): the reduction of the angle is exact.
  mpfr_set_ui(turn, 2 * std::uint64_t{words.angle} + 1, MPFR_RNDN);
  constexpr std::uint64_t kTurn = std::uint64_t{1} << 33;
  (words.is_sine ? mpfr_sinu : mpfr_cosu)(turn, turn, kTurn, MPFR_RNDN);
  mpfr_mul(radius, radius, turn, MPFR_RNDN);
  mpfr_div_2ui(radius, radius, 1, MPFR_RNDN);

  mpfr_abs(error, radius, MPFR_RNDN);
  mpfr_mul_2si(error, error, 2 - precision_bits, MPFR_RNDN);
  mpfr_sub(lower, radius, error, MPFR_RNDD);
  mpfr_add(upper, radius, error, MPFR_RNDU);
}

// Raises the precision until `round` takes both ends of the enclosure to the same point.
template <typename Round>
auto DecideHalfNormal(const BoxMullerWords& words, Round round) {
  for (int precision_bits = kFirstPrecisionBits;; precision_bits *= 2) {
    ULPROOF_CHECK(precision_bits <= kMaxPrecisionBits, "z / 2 is too near a rounding boundary");
    Real lower(precision_bits), upper(precision_bits);
    EncloseHalfNormal(words, lower, upper);
    const auto rounded = round(lower);
    if (rounded == round(upper)) return rounded;
  }
}

// RN32. |z / 2| lies in 2^-49..2^2, so the result is a normal number.
formats::Code RoundToFloat32(mpfr_ptr x) {
  constexpr int kSignificandBits = formats::kFloat32.trailing_bits + 1;
  Real rounded(kSignificandBits);
  mpfr_set(rounded, x, MPFR_RNDN);
  const mpfr_exp_t exponent = mpfr_get_exp(rounded) - kSignificandBits;
  mpfr_mul_2si(rounded, rounded, -exponent, MPFR_RNDN);
  const long significand = mpfr_get_si(rounded, MPFR_RNDN);
  const auto code = formats::EncodeExact(formats::kFloat32, significand < 0,
                                         significand < 0 ? -significand : significand,
                                         static_cast<int>(exponent));
  ULPROOF_CHECK(code.has_value());
  return *code;
}

}  // namespace

int BoxMullerInteger(const BoxMullerWords& words) {
  // MPFR_RNDN is ties-to-even; no tie exists (above).
  return DecideHalfNormal(words,
                          [](mpfr_ptr x) { return static_cast<int>(mpfr_get_si(x, MPFR_RNDN)); });
}

formats::Code BoxMullerHalf(const BoxMullerWords& words) {
  return DecideHalfNormal(words, RoundToFloat32);
}

}  // namespace ulproof::reference
