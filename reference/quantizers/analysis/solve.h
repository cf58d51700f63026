// SPDX-License-Identifier: Apache-2.0
// The zero of a function between two points of different sign, to the last bits of its arithmetic.
// Internal: shows Number.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SOLVE_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SOLVE_H_

#include <functional>

#include "reference/quantizers/analysis/number.h"

namespace ulproof::reference {

// The secant through a bracket's ends, where the end that stays has its value halved (the Illinois
// method), and a halving of the bracket when that is slow; ends when the bracket is shorter than
// 2^-(precision - 48) of its larger end. Precondition: the values at low and high have different
// signs, or one is zero.
Number SolveBetween(const std::function<Number(const Number&)>& function, Number low, Number high);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_SOLVE_H_
