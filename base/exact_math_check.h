// SPDX-License-Identifier: Apache-2.0
// Whether this process computes binary32 and binary64 as the contract's preamble says: rounding to
// nearest, subnormals kept, products not fused. A library loaded into the process (or a compiler
// flag) can change all three behind our back, so the command line asks once at start.
#ifndef ULPROOF_BASE_EXACT_MATH_CHECK_H_
#define ULPROOF_BASE_EXACT_MATH_CHECK_H_

#include "base/result.h"

namespace ulproof::base {

// What the arithmetic of the calling thread was seen to do.
struct ArithmeticHabits {
  bool rounds_to_nearest;
  bool keeps_subnormal_results;   // False with flush-to-zero.
  bool keeps_subnormal_operands;  // False with denormals-are-zero.
  bool fuses_products;            // a * b + c came out with one rounding.

  friend constexpr bool operator==(const ArithmeticHabits&, const ArithmeticHabits&) = default;
};

// Computes a few sums and products on the calling thread and looks at the results: no control
// register is read, so it holds on every processor.
ArithmeticHabits ObserveArithmetic();

// An environment error that names what is wrong, if anything is.
Status CheckExactMath();

}  // namespace ulproof::base

#endif  // ULPROOF_BASE_EXACT_MATH_CHECK_H_
