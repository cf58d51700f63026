// SPDX-License-Identifier: Apache-2.0
// The stationarity condition under the uniform law, where it is piecewise quadratic with rational
// coefficients. Here coincidences are the rule (int2 touches zero without crossing it), so signs
// are decided in exact arithmetic. Internal: shows Number.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_UNIFORM_LAW_OPTIMUM_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_UNIFORM_LAW_OPTIMUM_H_

#include <vector>

#include "reference/quantizers/analysis/grid.h"
#include "reference/quantizers/analysis/number.h"

namespace ulproof::reference {

// All scales s at which g goes from negative to positive, in increasing order.
std::vector<Number> UniformLawMinima(const Grid& grid, int precision_bits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_UNIFORM_LAW_OPTIMUM_H_
