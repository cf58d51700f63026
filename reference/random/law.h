// SPDX-License-Identifier: Apache-2.0
// The probabilities behind the noise laws (contract section 5): those of a threshold law are exact
// rationals, those of the exact law round(N(0,1) / 2) are enclosed in rational intervals as narrow
// as asked. Numbers are cpp_rational, so that nothing is lost on the way to a test or a report.
#ifndef ULPROOF_REFERENCE_RANDOM_LAW_H_
#define ULPROOF_REFERENCE_RANDOM_LAW_H_

#include <boost/multiprecision/cpp_int.hpp>

#include "formats/noise_law.h"

namespace ulproof::reference {

using Rational = boost::multiprecision::cpp_rational;

// A closed interval that holds the real number meant.
struct Interval {
  Rational low;
  Rational high;

  Rational width() const { return high - low; }
  bool Contains(const Rational& x) const { return low <= x && x <= high; }
};

// --- A threshold law (formats/noise_law.h), exactly

// P(|R| >= k), for every k: 1 for k <= 0, 0 beyond the thresholds.
Rational TailProbability(const formats::ThresholdLaw& law, int k);

// P(R = r), for every integer r.
Rational Probability(const formats::ThresholdLaw& law, int r);

// E[R^order]. Precondition: order >= 0.
Rational Moment(const formats::ThresholdLaw& law, int order);

// --- The exact law R = round(N(0,1) / 2)

// P(|R| >= k) = erfc((2k - 1) / sqrt 2), 1 for k <= 0. The interval is rounded outward and its
// width is below 2^(10 - precision_bits) times its value for k <= 8 (checked by test).
// Precondition: precision_bits >= 16.
Interval ExactTailProbability(int k, int precision_bits);

// P(R = r), for every integer r.
Interval ExactProbability(int r, int precision_bits);

// E[R^2] = sum over k >= 1 of (2k - 1) P(|R| >= k).
Interval ExactVariance(int precision_bits);

// --- Between them

// Total variation distance, 1/2 sum over r of |P_law(R = r) - P_exact(R = r)|: the largest
// difference in the probability of any event. Rounded outward.
Interval TotalVariation(const formats::ThresholdLaw& law, int precision_bits);

// The number of thresholds that are not 0 (the largest |R|).
int LargestMagnitude(const formats::ThresholdLaw& law);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_RANDOM_LAW_H_
