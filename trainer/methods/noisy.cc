// SPDX-License-Identifier: Apache-2.0
#include "trainer/methods/noisy.h"

#include <cmath>

#include "formats/operation.h"
#include "trainer/cast_weights.h"
#include "trainer/methods/bit_budget.h"
#include "trainer/run_operation.h"

namespace ulproof::trainer {

using formats::Operation;
using formats::OpKind;

Noisy::Noisy(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
             formats::Backend& backend, std::uint64_t seed)
    : spec_(spec), backend_(backend), seed_(seed), first_block_{0} {
  for (const MatrixShape& matrix : matrices) {
    const formats::BlockGrid grid = {{.rows = matrix.rows, .cols = matrix.cols}, spec.block};
    first_block_.push_back(first_block_.back() + grid.count());
  }
}

Operation Noisy::OperationFor(OpKind kind, const MatrixStep& step) const {
  return {.kind = kind,
          .law = spec_.law,
          .block = spec_.block,
          .bits_per_block = true,
          .shape = {.rows = step.rows, .cols = step.cols},
          .key = {.seed = seed_, .stream = step.stream}};
}

base::Status Noisy::Prepare(const MatrixStep& step, std::span<std::uint16_t> codes) {
  const std::vector<float> bits = Bits(step.index, step.progress);
  return RunOperation(backend_, OperationFor(OpKind::kSample, step),
                      {step.weights.data(), bits.data()}, {codes.data()});
}

base::Status Noisy::Quantise(const MatrixStep& step, std::span<std::uint16_t> codes) {
  if (spec_.settles()) return QuantiseByRange(step, codes);
  return RoundToSteps(backend_, spec_.block, Bits(step.index, step.progress), step.rows, step.cols,
                      step.weights, codes);
}

base::Status Noisy::QuantiseByRange(const MatrixStep& step, std::span<std::uint16_t> codes) {
  const std::vector<float> bits = Bits(step.index, step.progress);
  std::vector<float> scale(bits.size()), zero(bits.size()), values(codes.size());
  Operation op = OperationFor(OpKind::kFit, step);
  op.fit = formats::FitRule::kBits;
  op.levels.kind = formats::Levels::Kind::kAllIntegers;
  const float* w = step.weights.data();
  base::Status ran = RunOperation(backend_, op, {w, bits.data()}, {scale.data(), zero.data()});
  if (!ran.ok()) return ran;
  op.kind = OpKind::kFakeQuantize;
  ran = RunOperation(backend_, op, {w, scale.data(), zero.data()}, {values.data()});
  if (!ran.ok()) return ran;
  return RunOperation(backend_, OperationFor(OpKind::kCast, step), {values.data()}, {codes.data()});
}

base::Result<std::vector<float>> Noisy::BitsGradient(const MatrixStep& step,
                                                     std::span<const float> gradient) {
  const std::vector<float> bits = Bits(step.index, step.progress);
  std::vector<float> maxima(bits.size()), scales(bits.size()), result(bits.size());
  // The maxima are taken again: the master has not changed since Prepare.
  base::Status ran = RunOperation(backend_, OperationFor(OpKind::kBlockMax, step),
                                  {step.weights.data()}, {maxima.data()});
  if (!ran.ok()) return ran.error();
  Operation scale = OperationFor(OpKind::kScale, step);
  scale.shape = {.rows = 1, .cols = bits.size()};
  ran = RunOperation(backend_, scale, {maxima.data(), bits.data()}, {scales.data()});
  if (!ran.ok()) return ran.error();
  Operation backward = OperationFor(OpKind::kBackward, step);
  backward.key.stream += spec_.backward_stream;
  ran = RunOperation(backend_, backward, {gradient.data(), scales.data()}, {result.data()});
  if (!ran.ok()) return ran.error();
  return result;
}

base::Result<SampleCounts> Noisy::Count(const MatrixStep& step,
                                        std::span<const std::uint16_t> codes) {
  const Operation noise_op = OperationFor(OpKind::kNoise, step);
  formats::Tensor noise(SignatureOf(noise_op).outputs[0].type, codes.size());
  base::Status ran = RunOperation(backend_, noise_op, {}, {noise.view().data});
  if (!ran.ok()) return ran.error();
  std::vector<std::uint16_t> cast(codes.size());
  ran = RunOperation(backend_, OperationFor(OpKind::kCast, step), {step.weights.data()},
                     {cast.data()});
  if (!ran.ok()) return ran.error();
  SampleCounts counts;
  const bool is_integer = formats::HasIntegerNoise(spec_.law);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    // A float's zero has two codes; an integer's one.
    if ((is_integer ? noise.Get(i) : noise.Get(i) << 1 & 0xFFFFFFFF) == 0) continue;
    ++counts.noisy;
    const bool both_zero = ((codes[i] | cast[i]) & 0x7FFF) == 0;
    counts.absorbed += codes[i] == cast[i] || both_zero;
  }
  return counts;
}

LearnedBits::LearnedBits(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                         formats::Backend& backend, std::uint64_t seed)
    : Noisy(spec, matrices, backend, seed) {
  state_.assign(first_block(matrices.size()), 1.0f);
  state_gradients_.assign(state_.size(), 0.0f);
}

void LearnedBits::Settle(double progress) { SettleState(spec(), progress, 1, 1, state_); }

std::vector<float> LearnedBits::Bits(std::size_t matrix, double progress) const {
  std::vector<float> bits(block_count(matrix));
  const float span = spec().bits_init - spec().bits_target;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const float b = spec().bits_target + state_[first_block(matrix) + i] * span;
    bits[i] = spec().is_settled(progress) ? std::rint(b) : b;
  }
  return bits;
}

base::Status LearnedBits::Backward(const MatrixStep& step, std::span<float> gradient) {
  const auto by_bits = BitsGradient(step, gradient);
  if (!by_bits.ok()) return by_bits.error();
  const float span = spec().bits_init - spec().bits_target;
  const float decay = step.share * spec().lambda / static_cast<float>(by_bits->size());
  for (std::size_t i = 0; i < by_bits->size(); ++i)
    state_gradients_[first_block(step.index) + i] += span * ((*by_bits)[i] + decay);
  return base::Done{};
}

}  // namespace ulproof::trainer
