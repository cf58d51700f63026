// SPDX-License-Identifier: Apache-2.0
#include "reference/random/law.h"

#include <algorithm>

#include "base/check.h"
#include "reference/exact/dyadic.h"
#include "reference/exact/real.h"

namespace ulproof::reference {
namespace {

using boost::multiprecision::cpp_int;
using formats::ThresholdLaw;

cpp_int PowerOfTwo(std::int64_t exponent) { return cpp_int(1) << exponent; }

Rational ToRational(const Dyadic& x) {
  return x.exponent() < 0 ? Rational(x.significand(), PowerOfTwo(-x.exponent()))
                          : Rational(x.significand() << x.exponent());
}

// One end of the enclosure of erfc((2k - 1) / sqrt 2) for k >= 1. erfc decreases, so a lower bound
// needs the argument rounded up: every step is rounded toward the side that is asked for.
Rational ErfcBound(int k, int precision_bits, bool upper) {
  const mpfr_rnd_t outward = upper ? MPFR_RNDU : MPFR_RNDD;
  const mpfr_rnd_t inward = upper ? MPFR_RNDD : MPFR_RNDU;
  Real x(precision_bits);
  // (2k - 1) / sqrt 2 = sqrt((2k - 1)^2 / 2): the radicand is exact.
  mpfr_set_ui_2exp(x, (2ul * k - 1) * (2ul * k - 1), -1, inward);
  mpfr_sqrt(x, x, inward);
  mpfr_erfc(x, x, outward);
  return ToRational(ToDyadic(x));
}

Interval ExactlyOne() { return {1, 1}; }

// An enclosure of |p - q|.
Interval Distance(const Rational& p, const Interval& q) {
  return {std::max({Rational(0), Rational(p - q.high), Rational(q.low - p)}),
          std::max(Rational(p - q.low), Rational(q.high - p))};
}

}  // namespace

int LargestMagnitude(const ThresholdLaw& law) {
  return static_cast<int>(std::ranges::count_if(law.thresholds, [](auto t) { return t != 0; }));
}

Rational TailProbability(const ThresholdLaw& law, int k) {
  if (k <= 0) return 1;
  if (k > static_cast<int>(law.thresholds.size())) return 0;
  return Rational(law.thresholds[k - 1], PowerOfTwo(law.magnitude_bits));
}

Rational Probability(const ThresholdLaw& law, int r) {
  const int magnitude = std::abs(r);
  const Rational both_signs = TailProbability(law, magnitude) - TailProbability(law, magnitude + 1);
  return r == 0 ? both_signs : Rational(both_signs / 2);
}

Rational Moment(const ThresholdLaw& law, int order) {
  ULPROOF_CHECK(order >= 0);
  Rational moment = 0;
  const int largest = LargestMagnitude(law);
  for (int r = -largest; r <= largest; ++r) {
    moment += Probability(law, r) * boost::multiprecision::pow(cpp_int(r), order);
  }
  return moment;
}

Interval ExactTailProbability(int k, int precision_bits) {
  ULPROOF_CHECK(precision_bits >= 16);
  if (k <= 0) return ExactlyOne();
  return {ErfcBound(k, precision_bits, false), ErfcBound(k, precision_bits, true)};
}

Interval ExactProbability(int r, int precision_bits) {
  const int magnitude = std::abs(r);
  const Interval from = ExactTailProbability(magnitude, precision_bits);
  const Interval beyond = ExactTailProbability(magnitude + 1, precision_bits);
  const Rational share = r == 0 ? Rational(1) : Rational(1, 2);
  return {(from.low - beyond.high) * share, (from.high - beyond.low) * share};
}

Interval ExactVariance(int precision_bits) {
  // erfc is log-concave, so the ratio of successive terms decreases from its first value, 0.0255:
  // all terms after one sum to less than that one.
  const Rational negligible(1, PowerOfTwo(precision_bits));
  Interval sum = {0, 0};
  for (int k = 1;; ++k) {
    const Interval tail = ExactTailProbability(k, precision_bits);
    sum.low += tail.low * (2 * k - 1);
    sum.high += tail.high * (2 * k - 1);
    const Rational last = tail.high * (2 * k - 1);
    if (last < negligible) return {sum.low, sum.high + last};
  }
}

Interval TotalVariation(const ThresholdLaw& law, int precision_bits) {
  // Both laws are symmetric, so |R| is enough; beyond the largest |R| of the law its probability
  // is 0 and the exact law's sums to one tail.
  const int largest = LargestMagnitude(law);
  Interval sum = ExactTailProbability(largest + 1, precision_bits);
  for (int magnitude = 0; magnitude <= largest; ++magnitude) {
    const int signs = magnitude == 0 ? 1 : 2;
    const Interval distance =
        Distance(Probability(law, magnitude), ExactProbability(magnitude, precision_bits));
    sum.low += signs * distance.low;
    sum.high += signs * distance.high;
  }
  return {sum.low / 2, sum.high / 2};
}

}  // namespace ulproof::reference
