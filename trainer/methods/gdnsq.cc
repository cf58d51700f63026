// SPDX-License-Identifier: Apache-2.0
// GDNSQ (arXiv 2508.14004), its weights: an affine grid from the block's minimum, whose step and
// with it the bit-width, b = log2(1 + range / s), is learned from `init` bits down to `target`. The
// gradient by s is the rounding noise plus a random sign (section 14); a penalty lambda * progress
// on max(0, b - target + 1e-3) pulls b in from outside, as in an exterior-point method; nothing
// holds it from inside, in the authors' code neither, but for settle=. Its distillation is
// distill=1 and its optimiser optimizer=radam. Not here: its activations with learned ends (act=
// has StatQAT's) and its factor of the running loss.
#include <cmath>

#include "trainer/methods/bit_budget.h"
#include "trainer/methods/fitted.h"

namespace ulproof::trainer {
namespace {

class Gdnsq final : public Fitted {
 public:
  Gdnsq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices, formats::Backend& backend,
        std::uint64_t seed)
      : Fitted(spec, matrices, backend, seed, {1.0f}) {}

  base::Status Backward(const MatrixStep& step, std::span<float> gradient) override {
    const auto scales = Scales(step);
    if (!scales.ok()) return scales.error();
    formats::Operation op = OperationFor(formats::OpKind::kFakeBackward, step);
    op.estimator = formats::Estimator::kGdnsq;
    const auto by_scale = BackwardOf(op, step, *scales, gradient);
    if (!by_scale.ok()) return by_scale.error();
    const std::vector<float> bits = Bits(step.index, step.progress);
    const float penalty = step.share * spec().lambda * static_cast<float>(step.progress) /
                          static_cast<float>(bits.size());
    for (std::size_t block = 0; block < bits.size(); ++block) {
      // s = range / (2^b - 1) with the range a constant.
      const float levels = std::exp2(bits[block]);
      const float by_bits =
          -kLn2 * scales->scale[block] * levels / (levels - 1) * (*by_scale)[block];
      const bool is_outside = bits[block] > spec().bits_target - kMargin;
      state_gradients_[StateIndex(step.index, block)] +=
          Span() * (by_bits + (is_outside ? penalty : 0.0f));
    }
    return base::Done{};
  }

  void Settle(double progress) override { SettleState(spec(), progress, kLowest, 1, state_); }

  std::vector<float> Bits(std::size_t matrix, double progress) const override {
    return BitsAbove(kLowest, matrix, progress);
  }

 private:
  static constexpr float kLowest = 1;  // Two levels: with b <= 0 there is no step.
  static constexpr float kMargin = 1e-3f;

  formats::Levels LevelsOf() const override {
    return {.kind = formats::Levels::Kind::kAllIntegers, .low = 0, .high = 0};
  }
  base::Result<FittedScales> Scales(const MatrixStep& step) const override {
    formats::Operation op = OperationFor(formats::OpKind::kFit, step);
    op.fit = formats::FitRule::kBits;
    op.bits_per_block = true;
    return Fit(op, step, Bits(step.index, step.progress));
  }
};

}  // namespace

std::unique_ptr<Method> MakeGdnsq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                  formats::Backend& backend, std::uint64_t seed) {
  return std::make_unique<Gdnsq>(spec, matrices, backend, seed);
}

}  // namespace ulproof::trainer
