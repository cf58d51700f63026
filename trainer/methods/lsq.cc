// SPDX-License-Identifier: Apache-2.0
// LSQ (arXiv 1902.08153): a learned step a block, with LSQ's gradient and its factor 1 / sqrt(n
// Qp). The step is kept as 2^a times StatQAT's analytic one, which counts as a constant, so that
// it starts at a good place and AdamW moves it by shares of itself.
#include <cmath>

#include "trainer/methods/fitted.h"

namespace ulproof::trainer {
namespace {

class Lsq final : public Fitted {
 public:
  Lsq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices, formats::Backend& backend,
      std::uint64_t seed)
      : Fitted(spec, matrices, backend, seed, {0.0f}) {}

  base::Status Backward(const MatrixStep& step, std::span<float> gradient) override {
    const auto scales = Scales(step);
    if (!scales.ok()) return scales.error();
    const formats::Operation op = OperationFor(formats::OpKind::kFakeBackward, step);
    const auto by_scale = BackwardOf(op, step, *scales, gradient);
    if (!by_scale.ok()) return by_scale.error();
    for (std::size_t block = 0; block < by_scale->size(); ++block) {
      const auto extent = op.grid().ExtentOf(block);
      const auto count = static_cast<float>((extent.row_end - extent.row_begin) *
                                            (extent.col_end - extent.col_begin));
      const float factor = 1 / std::sqrt(count * static_cast<float>(op.levels.high));
      state_gradients_[StateIndex(step.index, block)] +=
          kLn2 * scales->scale[block] * (*by_scale)[block] * factor;
    }
    return base::Done{};
  }

  std::vector<float> Bits(std::size_t matrix, double) const override {
    return std::vector<float>(block_count(matrix), spec().bits_target);
  }

 private:
  base::Result<FittedScales> Scales(const MatrixStep& step) const override {
    auto scales = StatqatScales(step);
    if (!scales.ok()) return scales;
    for (std::size_t block = 0; block < scales->scale.size(); ++block)
      scales->scale[block] *= std::exp2(state_[StateIndex(step.index, block)]);
    return scales;
  }
};

}  // namespace

std::unique_ptr<Method> MakeLsq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                formats::Backend& backend, std::uint64_t seed) {
  return std::make_unique<Lsq>(spec, matrices, backend, seed);
}

}  // namespace ulproof::trainer
