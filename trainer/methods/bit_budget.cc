// SPDX-License-Identifier: Apache-2.0
#include "trainer/methods/bit_budget.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace ulproof::trainer {

void ProjectToMean(std::span<float> bits, float low, double mean) {
  // The mean of max(low, b - shift) falls with the shift and is convex, so Newton's method ends
  // after as many steps as there are blocks at most; in fact after a few.
  const auto count = static_cast<double>(bits.size());
  double shift = 0;
  for (std::size_t pass = 0; pass <= bits.size() + 1; ++pass) {
    double sum = 0, free = 0;
    for (const float b : bits) {
      sum += std::max<double>(low, b - shift);
      free += b - shift > low ? 1 : 0;
    }
    const double excess = sum - mean * count;
    if (std::fabs(excess) <= 1e-6 * count) break;
    // Where none is free, all are: they rise together.
    shift += excess / (free == 0 ? count : free);
  }
  for (float& b : bits) b = static_cast<float>(std::max<double>(low, b - shift));
}

void RoundToMean(std::span<float> bits, double mean) {
  auto left = static_cast<std::int64_t>(std::llrint(mean * static_cast<double>(bits.size())));
  for (const float b : bits) left -= static_cast<std::int64_t>(std::floor(b));
  std::vector<std::size_t> order(bits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto remainder = [&](std::size_t i) { return bits[i] - std::floor(bits[i]); };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainder(a) > remainder(b); });
  for (const std::size_t i : order) {
    bits[i] = std::floor(bits[i]) + (left > 0 ? 1.0f : 0.0f);
    --left;
  }
}

void SettleState(const MethodSpec& spec, double progress, float low, std::size_t stride,
                 std::vector<float>& state) {
  if (!spec.settles()) return;
  const float target = spec.bits_target, span = spec.bits_init - target;
  std::vector<float> bits;
  for (std::size_t i = 0; i < state.size(); i += stride) bits.push_back(target + state[i] * span);
  const double fallen = std::min(1.0, progress / spec.settle);
  ProjectToMean(bits, low, spec.bits_init - fallen * span);
  if (spec.is_settled(progress)) RoundToMean(bits, target);
  for (std::size_t i = 0; i < state.size(); i += stride)
    state[i] = (bits[i / stride] - target) / span;
}

}  // namespace ulproof::trainer
