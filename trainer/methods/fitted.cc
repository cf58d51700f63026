// SPDX-License-Identifier: Apache-2.0
#include "trainer/methods/fitted.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "trainer/run_operation.h"

namespace ulproof::trainer {

using formats::Operation;
using formats::OpKind;

Fitted::Fitted(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
               formats::Backend& backend, std::uint64_t seed, const std::vector<float>& start)
    : spec_(spec), backend_(backend), seed_(seed), states_a_block_(start.size()), first_block_{0} {
  for (const MatrixShape& matrix : matrices) {
    const formats::BlockGrid grid = {{.rows = matrix.rows, .cols = matrix.cols}, spec.block};
    first_block_.push_back(first_block_.back() + grid.count());
  }
  for (std::size_t block = 0; block < first_block_.back(); ++block)
    state_.insert(state_.end(), start.begin(), start.end());
  state_gradients_.assign(state_.size(), 0.0f);
}

formats::Levels Fitted::LevelsOf() const {
  const int bits = static_cast<int>(spec_.bits_target);
  return {.low = -(1 << (bits - 1)), .high = (1 << (bits - 1)) - 1};
}

base::Status Fitted::Prepare(const MatrixStep& step, std::span<std::uint16_t> codes) {
  const auto scales = Scales(step);
  if (!scales.ok()) return scales.error();
  return Quantised(step, *scales, codes);
}

std::vector<float> Fitted::BitsAbove(float lowest, std::size_t matrix, double progress) const {
  std::vector<float> bits(block_count(matrix));
  for (std::size_t block = 0; block < bits.size(); ++block) {
    const float b = spec_.bits_target + state_[StateIndex(matrix, block)] * Span();
    bits[block] = std::fmax(lowest, spec_.is_settled(progress) ? std::rint(b) : b);
  }
  return bits;
}

Operation Fitted::OperationFor(OpKind kind, const MatrixStep& step) const {
  return {.kind = kind,
          .block = spec_.block,
          .levels = LevelsOf(),
          .shape = {.rows = step.rows, .cols = step.cols},
          .key = {.seed = seed_, .stream = step.stream}};
}

base::Result<FittedScales> Fitted::Fit(const Operation& op, const MatrixStep& step,
                                       const std::vector<float>& extra) const {
  FittedScales scales;
  scales.scale.resize(block_count(step.index));
  scales.zero.resize(block_count(step.index));
  const base::Status ran = extra.empty()
                               ? RunOperation(backend_, op, {step.weights.data()},
                                              {scales.scale.data(), scales.zero.data()})
                               : RunOperation(backend_, op, {step.weights.data(), extra.data()},
                                              {scales.scale.data(), scales.zero.data()});
  if (!ran.ok()) return ran.error();
  return scales;
}

base::Result<FittedScales> Fitted::StatqatScales(const MatrixStep& step) const {
  Operation op = OperationFor(OpKind::kFit, step);
  op.fit = formats::FitRule::kSigma;
  return Fit(op, step, {StatqatClip(static_cast<int>(spec_.bits_target))});
}

base::Status Fitted::ToBfloat16(const MatrixStep& step, const std::vector<float>& values,
                                std::span<std::uint16_t> codes) const {
  const Operation cast = {.kind = OpKind::kCast, .shape = {.rows = step.rows, .cols = step.cols}};
  return RunOperation(backend_, cast, {values.data()}, {codes.data()});
}

base::Status Fitted::Quantised(const MatrixStep& step, const FittedScales& scales,
                               std::span<std::uint16_t> codes) const {
  const Operation op = OperationFor(OpKind::kFakeQuantize, step);
  std::vector<float> values(codes.size());
  const base::Status ran =
      RunOperation(backend_, op, {step.weights.data(), scales.scale.data(), scales.zero.data()},
                   {values.data()});
  if (!ran.ok()) return ran;
  return ToBfloat16(step, values, codes);
}

base::Result<std::vector<float>> Fitted::BackwardOf(const Operation& op, const MatrixStep& step,
                                                    const FittedScales& scales,
                                                    std::span<float> gradient) const {
  std::vector<float> through(gradient.size()), by_scale(scales.scale.size());
  const base::Status ran = RunOperation(
      backend_, op, {gradient.data(), step.weights.data(), scales.scale.data(), scales.zero.data()},
      {through.data(), by_scale.data()});
  if (!ran.ok()) return ran.error();
  std::copy(through.begin(), through.end(), gradient.begin());
  return by_scale;
}

float StatqatClip(int bits) {
  constexpr std::array<float, 7> kClips = {1.51816797f, 2.06927752f, 2.5225389f, 2.91953683f,
                                           3.27920938f, 3.61151385f, 3.92234015f};
  ULPROOF_CHECK(2 <= bits && bits <= 8);
  return kClips[static_cast<std::size_t>(bits - 2)];
}

}  // namespace ulproof::trainer
