// SPDX-License-Identifier: Apache-2.0
// The exact mean squared error of rounding a weight of a known law to a scaled grid, in closed
// form: no sampling and no numerical integration.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SCALE_ERROR_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SCALE_ERROR_H_

#include <span>
#include <string>
#include <vector>

#include "reference/quantizers/analysis/grid.h"
#include "reference/quantizers/analysis/weight_law.h"

namespace ulproof::reference {

// Everywhere in this folder: `digits` (1 .. 10,000) is the number of significant decimal digits to
// which a result is computed; the law has variance 1, so an error is relative to the signal.

// E (x - s q)^2 and its two parts: of weights beyond the grid's ends (clipping) and of the others
// (granular). The digits of the parts are those of their sum. Precondition: scale > 0.
struct ScaleError {
  Dyadic mse;
  Dyadic granular;
  Dyadic clipping;
};
ScaleError ErrorAtScale(const Grid& grid, WeightLaw law, const Dyadic& scale, int digits);

// The same at many scales, faster than one by one.
std::vector<ScaleError> ErrorsAtScales(const Grid& grid, WeightLaw law,
                                       std::span<const Dyadic> scales, int digits);

// 10 log10(1 / mse). Precondition: mse > 0.
Dyadic SnrDb(const Dyadic& mse, int digits);

// Correctly rounded to `digits` significant digits, without trailing zeros: "0.33860794",
// "1.2e-07".
std::string DecimalText(const Dyadic& value, int digits);

// The number that a decimal text means, rounded to that many digits and some more. Errors: no
// number.
base::Result<Dyadic> ParseDecimal(std::string_view text, int digits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SCALE_ERROR_H_
