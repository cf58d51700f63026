// SPDX-License-Identifier: Apache-2.0
// Equal budgets: learned bitwidths held to a mean. The option settle=F lets the mean b of a model
// fall in a straight line from `init` to `target`, which it reaches at the part F of the run; from
// there on each b is whole. The method's gradient decides which blocks get the bits, not how many
// there are.
#ifndef ULPROOF_TRAINER_METHODS_BIT_BUDGET_H_
#define ULPROOF_TRAINER_METHODS_BIT_BUDGET_H_

#include <cstddef>
#include <span>
#include <vector>

#include "trainer/methods/method.h"

namespace ulproof::trainer {

// The nearest b's (Euclidean) that are >= low and have this mean, up to rounding: each less one
// common number, those that would fall below `low` put there. Precondition: mean >= low.
void ProjectToMean(std::span<float> bits, float low, double mean);

// The nearest whole b's whose sum is the integer nearest to mean * count: each rounded down, and
// those with the largest remainders up, the earlier first. Precondition: their mean is about `mean`
// (ProjectToMean).
void RoundToMean(std::span<float> bits, double mean);

// Method::Settle of a method whose every `stride`-th state, from the first, is the coordinate a of
// b = target + a (init - target). Nothing without settle=.
void SettleState(const MethodSpec& spec, double progress, float low, std::size_t stride,
                 std::vector<float>& state);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_METHODS_BIT_BUDGET_H_
