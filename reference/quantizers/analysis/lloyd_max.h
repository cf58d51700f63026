// SPDX-License-Identifier: Apache-2.0
// The best levels that any quantizer of so many levels can have (Lloyd and Max): each level is the
// mean of its cell, each edge the middle between two levels.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_LLOYD_MAX_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_LLOYD_MAX_H_

#include <vector>

#include "reference/quantizers/analysis/scale_error.h"

namespace ulproof::reference {

struct LloydMax {
  std::vector<Dyadic> levels;  // Increasing, symmetric around 0.
  Dyadic mse;
};

inline constexpr int kMaxLloydMaxLevels = 4096;

// The optimum is unique: the three laws have log-concave densities. Solved by Newton's method on
// the positive half, with the tridiagonal system solved exactly as the recurrence that it is.
// Precondition: 1 <= levels <= kMaxLloydMaxLevels.
LloydMax LloydMaxLevels(WeightLaw law, int levels, int digits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_LLOYD_MAX_H_
