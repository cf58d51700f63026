// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/fake_quantize.h"

#include "reference/ops/arith.h"
#include "reference/quantizers/block_sum.h"
#include "reference/quantizers/levels.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Estimator;
using formats::kFloat32;
using formats::Operation;
using Extent = formats::BlockGrid::Extent;

constexpr Code kSign32 = kFloat32.sign_mask();
constexpr Code kXi = 0x3E93'CD3A;             // RN32(1 / (2 sqrt 3))
constexpr Code kLargestStep = 0x3F7D'70A4;    // RN32(0.99)
constexpr Code kLeastVariance = 0x3A83'126F;  // RN32(0.001)

// The second is the answer only when it is a number on that side, so that NaN stays.
Code Min32(Code x, Code limit) { return IsLess32(limit, x) ? limit : x; }
Code Max32(Code x, Code limit) { return IsLess32(x, limit) ? limit : x; }

}  // namespace

Code FakeQuantize(const formats::Levels& levels, Code x, Code scale, Code zero) {
  return Fma32(LevelElement(levels, x, scale, zero).level, scale, zero);
}

void FakeBackwardBlock(const Operation& op, std::span<const formats::ConstBuffer> inputs,
                       std::span<const formats::Buffer> outputs, std::uint64_t block) {
  const Extent extent = op.grid().ExtentOf(block);
  const Code scale = inputs[2].Get(block);
  const Code zero = inputs[3].Get(block);
  const auto value = [&](std::size_t port, std::uint64_t row, std::uint64_t col) {
    return ToFloat32(op.from, inputs[port].Get(MemoryIndex(op.shape, row, col)));
  };
  struct Element {
    Code grad, level, rounding;  // g, q, n
    bool is_inside;
  };
  const auto element = [&](std::uint64_t row, std::uint64_t col) {
    const LeveledElement leveled = LevelElement(op.levels, value(1, row, col), scale, zero);
    return Element{.grad = value(0, row, col),
                   .level = leveled.level,
                   .rounding = Sub32(leveled.level, leveled.scaled),
                   .is_inside = IsLess32(LowestCode(op.levels), leveled.scaled) &&
                                IsLess32(leveled.scaled, HighestCode(op.levels))};
  };
  const auto scale_term = [&](std::uint64_t row, std::uint64_t col) {
    const Element e = element(row, col);
    Code slope = e.level;
    if (e.is_inside) {
      slope = e.rounding;
      if (op.estimator != Estimator::kLsq) {
        const Code uniform =
            RealNoise(formats::NoiseLaw::kUniform, op.key, LogicalIndex(op, row, col));
        slope = Fma32(scale, kFloat32.IsNegative(uniform) ? kXi | kSign32 : kXi, slope);
      }
    }
    return Mul32(e.grad, slope);
  };
  // t: the rounding noise as seen against the gradient.
  const auto against = [&](std::uint64_t row, std::uint64_t col) -> Code {
    const Element e = element(row, col);
    if (kFloat32.IsZero(e.grad)) return 0;
    return IsLess32(e.grad, 0) ? e.rounding ^ kSign32 : e.rounding;
  };
  Code delta = 0;
  if (op.estimator == Estimator::kAewgs) {
    const Code count = BlockCount(extent);
    const Code mean = Div32(
        BlockSum(extent,
                 [&](std::uint64_t row, std::uint64_t col) { return element(row, col).rounding; }),
        count);
    const Code squares = BlockSum(extent, [&](std::uint64_t row, std::uint64_t col) {
      const Code deviation = Sub32(element(row, col).rounding, mean);
      return Mul32(deviation, deviation);
    });
    const Code variance = Max32(Div32(squares, count), kLeastVariance);
    delta = Div32(Div32(BlockSum(extent, against), count), variance);
  }
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const Element e = element(row, col);
      Code grad = e.is_inside ? e.grad : 0;
      if (e.is_inside && op.estimator == Estimator::kAewgs) {
        grad = Mul32(grad, Sub32(kOne32, Min32(Mul32(delta, against(row, col)), kLargestStep)));
      }
      outputs[0].Set(MemoryIndex(op.shape, row, col), grad);
    }
  }
  outputs[1].Set(block, BlockSum(extent, scale_term));
}

Code Perturb(const Operation& op, Code x, Code scale, Code limit, std::uint64_t element) {
  const Code sum = Fma32(RealNoise(op.law, op.key, element), scale, x);
  if (IsLess32(limit, sum)) return limit;
  return IsLess32(sum, limit ^ kSign32) ? limit ^ kSign32 : sum;
}

}  // namespace ulproof::reference
