// SPDX-License-Identifier: Apache-2.0
// The error of a list of weights, in exact arithmetic: sums of dyadic numbers, and every local
// minimum over the scale, of which there are about as many as weights cross edges.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_EMPIRICAL_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_EMPIRICAL_H_

#include <cstdint>
#include <span>
#include <vector>

#include "reference/quantizers/analysis/grid.h"

namespace ulproof::reference {

// Sums over the weights, exact. Which parts: as of ScaleError (scale_error.h).
struct EmpiricalError {
  Dyadic error;
  Dyadic granular;
  Dyadic clipping;
  Dyadic signal;  // Sum of x^2.
};

// Precondition: scale > 0.
EmpiricalError EmpiricalErrorAtScale(const Grid& grid, std::span<const Dyadic> weights,
                                     const Dyadic& scale);

// With A = sum |x| |q| and B = sum q^2 (q the weight's value on the grid): the error is signal - 2
// s A + s^2 B while no weight crosses an edge, so its minimum there is s = A / B with signal -
// A^2/B.
struct EmpiricalMinimum {
  Dyadic a;
  Dyadic b;
};
struct EmpiricalMinima {
  Dyadic signal;
  std::vector<EmpiricalMinimum> minima;  // By increasing scale a / b.
  std::size_t best = 0;                  // The largest a^2 / b.
};

// All local minima of the error over all scales. Complete and exact: between two scales at which a
// weight crosses an edge the error is a parabola, and at such a scale it bends downward. Errors: no
// weight but zeros; more than kMaxCrossings pairs of a weight and an edge.
inline constexpr std::uint64_t kMaxCrossings = std::uint64_t{1} << 22;
base::Result<EmpiricalMinima> FindEmpiricalMinima(const Grid& grid,
                                                  std::span<const Dyadic> weights);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_EMPIRICAL_H_
