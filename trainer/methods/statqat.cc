// SPDX-License-Identifier: Apache-2.0
// StatQAT (arXiv 2605.17745), its weights: a symmetric grid of `target` bits whose step is the
// analytic one for normal weights, C * std / h with the std of the block, taken again at every
// step and without a gradient; clipped straight-through. Its activations are act= (activations.h).
#include "trainer/methods/fitted.h"

namespace ulproof::trainer {
namespace {

class Statqat final : public Fitted {
 public:
  Statqat(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
          formats::Backend& backend, std::uint64_t seed)
      : Fitted(spec, matrices, backend, seed, {}) {}

  base::Status Backward(const MatrixStep& step, std::span<float> gradient) override {
    const auto scales = Scales(step);
    if (!scales.ok()) return scales.error();
    const auto ran =
        BackwardOf(OperationFor(formats::OpKind::kFakeBackward, step), step, *scales, gradient);
    if (!ran.ok()) return ran.error();
    return base::Done{};
  }

  std::vector<float> Bits(std::size_t matrix, double) const override {
    return std::vector<float>(block_count(matrix), spec().bits_target);
  }

 private:
  base::Result<FittedScales> Scales(const MatrixStep& step) const override {
    return StatqatScales(step);
  }
};

}  // namespace

std::unique_ptr<Method> MakeStatqat(const MethodSpec& spec,
                                    const std::vector<MatrixShape>& matrices,
                                    formats::Backend& backend, std::uint64_t seed) {
  return std::make_unique<Statqat>(spec, matrices, backend, seed);
}

}  // namespace ulproof::trainer
