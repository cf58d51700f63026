// SPDX-License-Identifier: Apache-2.0
// The scale of least error, by its stationarity condition. The error as a function of the scale s
// has the derivative 2 g(s) with
//
//   g(s) = s B(s) - A(s) = s b0 - a0 + sum over edges of d (2 u T(u) - M(u)),  u = s m
//
// (grid_edges.h), so a stationary scale is s = A / B: the least-squares scale of its own codes,
// where the iteration s <- sum x q / sum q^2 stops. A format has many local minima (about one an
// octave where its subnormals are not in use), so a search must not stop at the first.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SCALE_OPTIMUM_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SCALE_OPTIMUM_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "reference/quantizers/analysis/scale_error.h"

namespace ulproof::reference {

struct ScaleRange {
  Dyadic low;
  Dyadic high;
};

// A range that holds every local minimum: below it the error falls, above it it rises (or is
// constant: the uniform law, all weights to zero).
ScaleRange RangeOfAllMinima(const Grid& grid, WeightLaw law);

struct ScaleMinimum {
  Dyadic scale;
  Dyadic mse;
  // d(A / B) / ds = 1 - g' / B: by what the least-squares iteration multiplies its distance from
  // here in each step, in the limit. In [0, 1).
  Dyadic rate;
};

struct ScaleMinima {
  ScaleRange range;
  std::vector<ScaleMinimum> minima;  // By increasing scale. Strict local minima inside the range.
  std::size_t best = 0;              // The index of the least error. Meaningful if there are any.
  std::uint64_t evaluations = 0;     // Of g and its slopes, in the search.
};

// All local minima within the range. The list is complete: an interval of scales is passed over
// only when bounds on g there exclude a zero, or when g' has one sign there, which leaves one zero
// at most, seen by the signs at the ends. The bounds come from g and from the slope of every edge
// at the interval's ends, in 128-bit arithmetic with a margin for its rounding. Each minimum is
// then refined by a guarded Newton iteration to `digits` digits. Nothing when an interval shorter
// than 2^-40 of its scale stays undecided (a double zero of g). Precondition: 0 < low < high.
std::optional<ScaleMinima> FindScaleMinima(const Grid& grid, WeightLaw law, const ScaleRange& range,
                                           int digits);

// The least-squares iteration from a start to the local minimum that it descends to: s <- A / B,
// `steps` times. The error never rises. Precondition: start > 0, steps >= 0.
Dyadic IterateScale(const Grid& grid, WeightLaw law, const Dyadic& start, int steps, int digits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SCALE_OPTIMUM_H_
