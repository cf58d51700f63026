// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/solve.h"

namespace ulproof::reference {

Number SolveBetween(const std::function<Number(const Number&)>& function, Number low, Number high) {
  Number at_low = function(low);
  Number at_high = function(high);
  if (at_low.sign() == 0) return low;
  if (at_high.sign() == 0) return high;
  ULPROOF_CHECK(at_low.sign() != at_high.sign());
  const Number tolerance = Scale2(std::max(Abs(low), Abs(high)), -(low.precision_bits() - 48));
  int kept = 0;  // Which end stayed: -1 low, 1 high.
  int slow = 0;  // Steps since the bracket was halved.
  while (high - low > tolerance) {
    const Number width = high - low;
    Number x = low - at_low * width / (at_high - at_low);
    if (slow == 3 || x <= low || x >= high) x = (low + high) / 2;
    const Number value = function(x);
    if (value.sign() == 0) return x;
    const bool moves_low = value.sign() == at_low.sign();
    (moves_low ? low : high) = x;
    (moves_low ? at_low : at_high) = value;
    // An end that stays a second time would keep the secant on one side.
    if (moves_low && kept == 1) at_high = at_high / 2;
    if (!moves_low && kept == -1) at_low = at_low / 2;
    kept = moves_low ? 1 : -1;
    slow = 2 * (high - low) > width ? (slow + 1) % 4 : 0;
  }
  return (low + high) / 2;
}

}  // namespace ulproof::reference
