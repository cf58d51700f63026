// SPDX-License-Identifier: Apache-2.0
// NIPQ (arXiv 2206.00820): noise of one step in training, uniform or, with noise=histogram, drawn
// from the matrix's own rounding errors; truncated at a learned +-alpha, with a learned b a block;
// after training the weights are really rounded. alpha is kept as 2^c times the block's largest
// magnitude, and b between `init` and `target` as in the other methods. With settle= it ends as the
// authors' code does: b stays, the noise is off, and the rounded weights train straight-through.
// Not here: b that varies by half a bit at random.
#include <algorithm>
#include <cmath>
#include <limits>

#include "trainer/methods/bit_budget.h"
#include "trainer/methods/error_histogram.h"
#include "trainer/methods/fitted.h"
#include "trainer/random.h"
#include "trainer/run_operation.h"

namespace ulproof::trainer {
namespace {

using formats::Operation;
using formats::OpKind;

class Nipq final : public Fitted {
 public:
  Nipq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices, formats::Backend& backend,
       std::uint64_t seed)
      : Fitted(spec, matrices, backend, seed, {1.0f, 0.0f}) {}

  base::Status Prepare(const MatrixStep& step, std::span<std::uint16_t> codes) override {
    if (spec().is_settled(step.progress)) return Quantise(step, codes);
    const auto limited = Limits(step, false);
    if (!limited.ok()) return limited.error();
    const auto values = Perturbed(step, *limited);
    if (!values.ok()) return values.error();
    return ToBfloat16(step, *values, codes);
  }

  // Rounded to whole steps of round(b) bits within +-alpha.
  base::Status Quantise(const MatrixStep& step, std::span<std::uint16_t> codes) override {
    const auto limited = Limits(step, true);
    if (!limited.ok()) return limited.error();
    const std::vector<float> clamped = Clamped(step, *limited);
    MatrixStep inside = step;
    inside.weights = clamped;
    return Quantised(inside, limited->scales, codes);
  }

  base::Status Backward(const MatrixStep& step, std::span<float> gradient) override {
    if (spec().is_settled(step.progress)) return SettledBackward(step, gradient);
    const auto limited = Limits(step, false);
    if (!limited.ok()) return limited.error();
    const auto values = Perturbed(step, *limited);
    if (!values.ok()) return values.error();
    const std::vector<float>& alpha = limited->alpha;
    const std::vector<float> by_limit = TakeTruncated(step, *limited, *values, gradient);
    const auto by_noise = NoiseGradient(step, *limited, gradient);
    if (!by_noise.ok()) return by_noise.error();
    const std::vector<float> bits = Bits(step.index, step.progress);
    const float decay = step.share * spec().lambda / static_cast<float>(bits.size());
    for (std::size_t block = 0; block < bits.size(); ++block) {
      const float half = std::exp2(bits[block] - 1);
      const float by_bits = (*by_noise)[block] * half / (half - 1);
      state_gradients_[StateIndex(step.index, block, 0)] += Span() * (by_bits + decay);
      state_gradients_[StateIndex(step.index, block, 1)] +=
          kLn2 * alpha[block] * by_limit[block] - (*by_noise)[block];
    }
    return base::Done{};
  }

  void Settle(double progress) override { SettleState(spec(), progress, kLowest, 2, state_); }

  std::vector<float> Bits(std::size_t matrix, double progress) const override {
    return BitsAbove(kLowest, matrix, progress);
  }

 private:
  static constexpr float kLowest = 2;  // Three levels: -alpha, 0 and alpha.

  struct Limited {
    std::vector<float> alpha;
    FittedScales scales;  // The step alpha / (2^(b - 1) - 1); the zero points are 0.
  };

  formats::Levels LevelsOf() const override {
    return {.kind = formats::Levels::Kind::kAllIntegers, .low = 0, .high = 0};
  }
  base::Result<FittedScales> Scales(const MatrixStep& step) const override {
    auto limited = Limits(step, false);
    if (!limited.ok()) return limited.error();
    return std::move(limited->scales);
  }

  base::Result<Limited> Limits(const MatrixStep& step, bool whole_bits) const {
    Limited limited;
    limited.alpha.resize(block_count(step.index));
    const auto ran = RunOperation(backend(), OperationFor(OpKind::kBlockMax, step),
                                  {step.weights.data()}, {limited.alpha.data()});
    if (!ran.ok()) return ran.error();
    const std::vector<float> bits = Bits(step.index, step.progress);
    limited.scales.zero.assign(bits.size(), 0.0f);
    for (std::size_t block = 0; block < bits.size(); ++block) {
      limited.alpha[block] *= std::exp2(state_[StateIndex(step.index, block, 1)]);
      const float b = whole_bits ? std::rint(bits[block]) : bits[block];
      limited.scales.scale.push_back(limited.alpha[block] / (std::exp2(b - 1) - 1));
    }
    return limited;
  }

  // The rounded weights' own gradients, with b a constant: LSQ's, the step being alpha / h.
  base::Status SettledBackward(const MatrixStep& step, std::span<float> gradient) {
    const auto limited = Limits(step, true);
    if (!limited.ok()) return limited.error();
    const std::vector<float> clamped = Clamped(step, *limited);
    const std::vector<float> by_limit = TakeTruncated(step, *limited, clamped, gradient);
    MatrixStep inside = step;
    inside.weights = clamped;
    const auto by_scale =
        BackwardOf(OperationFor(OpKind::kFakeBackward, step), inside, limited->scales, gradient);
    if (!by_scale.ok()) return by_scale.error();
    for (std::size_t block = 0; block < by_limit.size(); ++block) {
      state_gradients_[StateIndex(step.index, block, 1)] +=
          kLn2 * (limited->alpha[block] * by_limit[block] +
                  limited->scales.scale[block] * (*by_scale)[block]);
    }
    return base::Done{};
  }

  std::vector<float> Clamped(const MatrixStep& step, const Limited& limited) const {
    std::vector<float> clamped(step.weights.begin(), step.weights.end());
    ForEach(step, [&](std::size_t i, std::size_t block) {
      clamped[i] = std::clamp(clamped[i], -limited.alpha[block], limited.alpha[block]);
    });
    return clamped;
  }

  // Takes the gradient of the values at +-alpha, which is alpha's and is returned, from the
  // weights.
  std::vector<float> TakeTruncated(const MatrixStep& step, const Limited& limited,
                                   const std::vector<float>& values,
                                   std::span<float> gradient) const {
    std::vector<float> by_limit(limited.alpha.size());
    ForEach(step, [&](std::size_t i, std::size_t block) {
      if (std::fabs(values[i]) < limited.alpha[block]) return;
      by_limit[block] += values[i] < 0 ? -gradient[i] : gradient[i];
      gradient[i] = 0;
    });
    return by_limit;
  }

  // -ln 2 * s * sum(g R) of each block (section 8).
  base::Result<std::vector<float>> NoiseGradient(const MatrixStep& step, const Limited& limited,
                                                 std::span<const float> gradient) const {
    const std::vector<float>& scale = limited.scales.scale;
    std::vector<float> by_noise(scale.size());
    if (!spec().histogram) {
      Operation op = OperationFor(OpKind::kBackward, step);
      op.law = formats::NoiseLaw::kUniform;
      const auto ran =
          RunOperation(backend(), op, {gradient.data(), scale.data()}, {by_noise.data()});
      if (!ran.ok()) return ran.error();
      return by_noise;
    }
    const auto noise = DrawnNoise(step, limited);
    if (!noise.ok()) return noise.error();
    ForEach(step, [&](std::size_t i, std::size_t block) {
      by_noise[block] += gradient[i] * (*noise)[i];
    });
    for (std::size_t block = 0; block < scale.size(); ++block)
      by_noise[block] *= -kLn2 * scale[block];
    return by_noise;
  }

  // R of noise=histogram: the same for the same step, weights and states.
  base::Result<std::vector<float>> DrawnNoise(const MatrixStep& step,
                                              const Limited& limited) const {
    const Operation op = OperationFor(OpKind::kFakeQuantize, step);
    const float* w = step.weights.data();
    std::vector<float> values(step.weights.size());
    const auto ran =
        RunOperation(backend(), op, {w, limited.scales.scale.data(), limited.scales.zero.data()},
                     {values.data()});
    if (!ran.ok()) return ran.error();
    ForEach(step, [&](std::size_t i, std::size_t block) {
      const bool is_inside = std::fabs(w[i]) < limited.alpha[block];
      values[i] = is_inside ? (values[i] - w[i]) / limited.scales.scale[block] : NAN;
    });
    const ErrorHistogram histogram(values);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = histogram.Draw(RandomBits(op.key.seed, op.key.stream, i));
    return values;
  }

  base::Result<std::vector<float>> Perturbed(const MatrixStep& step, const Limited& limited) const {
    if (spec().histogram) {
      auto values = DrawnNoise(step, limited);
      if (!values.ok()) return values;
      ForEach(step, [&](std::size_t i, std::size_t block) {
        const float value = std::fma((*values)[i], limited.scales.scale[block], step.weights[i]);
        (*values)[i] = std::clamp(value, -limited.alpha[block], limited.alpha[block]);
      });
      return values;
    }
    Operation op = OperationFor(OpKind::kPerturb, step);
    op.law = formats::NoiseLaw::kUniform;
    std::vector<float> values(step.weights.size());
    const auto ran = RunOperation(
        backend(), op, {step.weights.data(), limited.scales.scale.data(), limited.alpha.data()},
        {values.data()});
    if (!ran.ok()) return ran.error();
    return values;
  }

  // body(element, block) in rising order of elements.
  template <typename Body>
  void ForEach(const MatrixStep& step, const Body& body) const {
    const formats::BlockGrid grid = OperationFor(OpKind::kPerturb, step).grid();
    for (std::size_t i = 0; i < step.weights.size(); ++i) {
      body(i, i / step.cols / grid.block.rows * grid.cols() + i % step.cols / grid.block.cols);
    }
  }
};

}  // namespace

std::unique_ptr<Method> MakeNipq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                 formats::Backend& backend, std::uint64_t seed) {
  return std::make_unique<Nipq>(spec, matrices, backend, seed);
}

}  // namespace ulproof::trainer
