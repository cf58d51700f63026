// SPDX-License-Identifier: Apache-2.0
// NIPQ (arXiv 2206.00820): uniform noise of one step in training, truncated at a learned +-alpha,
// with a learned b a block; after training the weights are really rounded. alpha is kept as 2^c
// times the block's largest magnitude, and b between `init` and `target` as in the other methods.
// Not here: its histogram of rounding errors in late epochs, and its activations.
#include <algorithm>
#include <cmath>
#include <limits>

#include "trainer/methods/fitted.h"
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
    std::vector<float> clamped(step.weights.begin(), step.weights.end());
    ForEach(step, [&](std::size_t i, std::size_t block) {
      clamped[i] = std::clamp(clamped[i], -limited->alpha[block], limited->alpha[block]);
    });
    MatrixStep inside = step;
    inside.weights = clamped;
    return Quantised(inside, limited->scales, codes);
  }

  base::Status Backward(const MatrixStep& step, std::span<float> gradient) override {
    const auto limited = Limits(step, false);
    if (!limited.ok()) return limited.error();
    const auto values = Perturbed(step, *limited);
    if (!values.ok()) return values.error();
    const std::vector<float>& alpha = limited->alpha;
    std::vector<float> by_limit(alpha.size());
    ForEach(step, [&](std::size_t i, std::size_t block) {
      if (std::fabs((*values)[i]) < alpha[block]) return;
      by_limit[block] += (*values)[i] < 0 ? -gradient[i] : gradient[i];
      gradient[i] = 0;
    });
    // With scale s, backward gives -ln 2 * s * sum(g R) (section 8).
    Operation op = OperationFor(OpKind::kBackward, step);
    op.law = formats::NoiseLaw::kUniform;
    std::vector<float> by_noise(alpha.size());
    const auto ran = RunOperation(backend(), op, {gradient.data(), limited->scales.scale.data()},
                                  {by_noise.data()});
    if (!ran.ok()) return ran;
    const std::vector<float> bits = Bits(step.index, step.progress);
    const float decay = step.share * spec().lambda / static_cast<float>(bits.size());
    for (std::size_t block = 0; block < bits.size(); ++block) {
      const float half = std::exp2(bits[block] - 1);
      const float by_bits = by_noise[block] * half / (half - 1);
      state_gradients_[StateIndex(step.index, block, 0)] += Span() * (by_bits + decay);
      state_gradients_[StateIndex(step.index, block, 1)] +=
          kLn2 * alpha[block] * by_limit[block] - by_noise[block];
    }
    return base::Done{};
  }

  std::vector<float> Bits(std::size_t matrix, double) const override {
    std::vector<float> bits(block_count(matrix));
    for (std::size_t block = 0; block < bits.size(); ++block) {
      bits[block] =
          std::fmax(2.0f, spec().bits_target + state_[StateIndex(matrix, block, 0)] * Span());
    }
    return bits;
  }

 private:
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

  base::Result<std::vector<float>> Perturbed(const MatrixStep& step, const Limited& limited) const {
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
