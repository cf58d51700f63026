// SPDX-License-Identifier: Apache-2.0
// A noise law as a small table for reports: the probability of each R, and the moments that say
// what the noise does to a weight. Made from the exact rationals of reference/random/law.h.
#ifndef ULPROOF_REFERENCE_INSPECT_LAW_TABLE_H_
#define ULPROOF_REFERENCE_INSPECT_LAW_TABLE_H_

#include <string>
#include <vector>

#include "formats/noise_law.h"

namespace ulproof::reference {

struct LawValue {
  int r;
  double probability;  // The nearest binary64 number.
  std::string exact;   // "10310/32768", not reduced; "" for boxmuller, whose law is not rational.
};

struct LawTable {
  formats::NoiseLaw law;
  std::vector<LawValue> values;  // Integer laws: all R of positive probability, in order.
  double intact = 0;             // P(R = 0): 2^-24 for uniform, 0 (in real numbers) for normal2.
  double variance = 0;           // E[R^2]; the mean of every law is 0, but -2^-25 for uniform.
  double fourth_moment = 0;      // E[R^4].
};

// boxmuller: the exact law round(N(0,1) / 2) up to |R| = 3, which misses less than 10^-11. The real
// laws have no values; uniform's moments are those of its 2^24 points.
LawTable LawTableOf(formats::NoiseLaw law);

// P(low <= R < high) of a real law (uniform, normal2), as for a continuous variable.
double RealLawProbability(formats::NoiseLaw law, double low, double high);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_INSPECT_LAW_TABLE_H_
