// SPDX-License-Identifier: Apache-2.0
#include "trainer/optimizer.h"

#include <cmath>
#include <numbers>

#include "base/parallel.h"
#include "trainer/layers/math.h"

namespace ulproof::trainer {

float LearningRate(const Schedule& schedule, std::uint64_t step) {
  if (step < schedule.warmup) {
    return schedule.top * static_cast<float>(step + 1) / static_cast<float>(schedule.warmup);
  }
  const std::uint64_t last = schedule.steps == 0 ? 0 : schedule.steps - 1;
  if (step >= last || last <= schedule.warmup) {
    return step >= last && schedule.steps > 1 ? schedule.bottom : schedule.top;
  }
  const double progress =
      static_cast<double>(step - schedule.warmup) / static_cast<double>(last - schedule.warmup);
  const double weight = 0.5 * (1 + std::cos(std::numbers::pi * progress));
  return static_cast<float>(schedule.bottom + weight * (schedule.top - schedule.bottom));
}

double Rectification(double beta2, double t) {
  const double power = std::pow(beta2, t);
  const double limit = 2 / (1 - beta2) - 1, rho = limit - 2 * t * power / (1 - power);
  if (!(rho > 5)) return 0;
  return std::sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho));
}

void AdamW::Update(std::size_t first, std::span<float> values, std::span<const float> gradients,
                   std::uint64_t step, float rate, float decay) {
  const auto t = static_cast<double>(step + 1);
  const auto scale1 = static_cast<float>(1 / (1 - std::pow(double{options_.beta1}, t)));
  const auto scale2 = static_cast<float>(1 / (1 - std::pow(double{options_.beta2}, t)));
  const auto [beta1, beta2, epsilon, rectified] = options_;
  const auto factor = static_cast<float>(rectified ? Rectification(beta2, t) : 1);
  constexpr std::uint64_t kGrain = std::uint64_t{1} << 14;
  base::ParallelFor(values.size(), kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    float* m = first_.data() + first;
    float* v = second_.data() + first;
    for (std::size_t i = begin; i < end; ++i) {
      const float g = gradients[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      const float mean = m[i] * scale1;
      const float update =
          factor == 0 ? mean : factor * (mean / (std::sqrt(v[i] * scale2) + epsilon));
      values[i] = values[i] - rate * decay * values[i] - rate * update;
    }
  });
}

double Norm(std::span<const float> values) {
  return std::sqrt(Sum<double>(
      values.size(), [&](std::size_t i) { return static_cast<double>(values[i]) * values[i]; }));
}

double ClipNorm(std::span<float> gradients, float limit) {
  const double norm = Norm(gradients);
  if (limit > 0 && norm > limit) {
    const auto scale = static_cast<float>(limit / norm);
    for (float& g : gradients) g *= scale;
  }
  return norm;
}

}  // namespace ulproof::trainer
