// SPDX-License-Identifier: Apache-2.0
// StatQAT's error model for N(0, 1) weights [StatQAT]: clipping beyond C standard deviations, and
// inside a rounding error that is uniform in each step. The model is not the truth: ErrorAtScale
// (scale_error.h) is, and the difference is a claim of proofs/.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_STATQAT_MODEL_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_STATQAT_MODEL_H_

#include "reference/quantizers/analysis/scale_error.h"

namespace ulproof::reference {

// --- N uniform levels between -C and C; the scale is 2 C / (N - 1)

// 1 / SNR = 2 (1 + C^2) Q(C) - C sqrt(2 / pi) exp(-C^2 / 2) + C^2 / (3 (N - 1)^2).
// Preconditions: levels >= 2, clip > 0.
Dyadic StatqatUniformNoise(int levels, const Dyadic& clip, int digits);

// The C of least noise, by phi(C) / C - Q(C) = 1 / (6 (N - 1)^2), whose left side falls.
Dyadic StatqatUniformClip(int levels, int digits);

// --- A symmetric grid with C at its largest value C_max; the scale is s = C / C_max

// The same clipping term, and the sum over runs of equal step v of (s v)^2 P(x in the run) / 12.
Dyadic StatqatGridNoise(const Grid& grid, const Dyadic& clip, int digits);

// The C of least noise of all minima between 1/4 and 256, found where the derivative (closed form)
// changes its sign between points of ratio 2^(1/32), then to `digits` digits.
// Precondition: the grid is symmetric.
Dyadic StatqatGridClip(const Grid& grid, int digits);

// --- What the authors' public code takes instead of the optimum

// The best of the 10,000 points 1 + 99 k / 9999 (torch.linspace(1, 100, 10000)): off by up to half
// a step of 0.0099 from the optimum, never below 1. Here in exact arithmetic; the code itself
// compares binary32 numbers, and may take a neighbour.
Dyadic StatqatUniformSearchedClip(int levels, int digits);
Dyadic StatqatGridSearchedClip(const Grid& grid, int digits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_STATQAT_MODEL_H_
