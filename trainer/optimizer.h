// SPDX-License-Identifier: Apache-2.0
// AdamW and RAdam with their state in binary32, the cosine schedule with warm-up, and gradient
// clipping. Every sum has one order, so a resumed run goes on with the same bits.
#ifndef ULPROOF_TRAINER_OPTIMIZER_H_
#define ULPROOF_TRAINER_OPTIMIZER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ulproof::trainer {

struct Schedule {
  float top = 1e-3f;           // The learning rate after the warm-up.
  float bottom = 1e-4f;        // At the last step and after.
  std::uint64_t warmup = 0;    // Steps of linear rise: step 0 has top / warmup.
  std::uint64_t steps = 1000;  // The last step is steps - 1.
};
float LearningRate(const Schedule& schedule, std::uint64_t step);

struct AdamOptions {
  float beta1 = 0.9f;
  float beta2 = 0.95f;
  float epsilon = 1e-8f;
  bool rectified = false;  // RAdam.
};

// Loshchilov and Hutter's AdamW as PyTorch has it: x -= rate * decay * x, then
// x -= rate * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
//
// Rectified it is RAdam (arXiv 1908.03265) with the same decay: the last step is multiplied by
// Rectification(beta2, t), and where that is 0, the mean is not divided by the root at all.
class AdamW {
 public:
  AdamW(std::size_t count, const AdamOptions& options)
      : options_(options), first_(count), second_(count) {}

  // Elements [first, first + values.size()) of the state; `step` counts from 0.
  void Update(std::size_t first, std::span<float> values, std::span<const float> gradients,
              std::uint64_t step, float rate, float decay);

  // For checkpoints: the moving means of the gradient and of its square.
  std::vector<float>& first() { return first_; }
  std::vector<float>& second() { return second_; }

 private:
  AdamOptions options_;
  std::vector<float> first_, second_;
};

// RAdam's factor r_t of step t >= 1: below 1, and near it once the variance is known; 0 as long as
// that is not tractable (rho_t <= 5; PyTorch's bound, the paper's is 4).
double Rectification(double beta2, double t);

// The Euclidean norm, summed in double.
double Norm(std::span<const float> values);

// Scales the gradients so that their norm is at most `limit` (0: no limit). Returns the norm
// before.
double ClipNorm(std::span<float> gradients, float limit);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_OPTIMIZER_H_
