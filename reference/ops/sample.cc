// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/sample.h"

#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/cast.h"
#include "reference/ops/elements.h"
#include "reference/ops/scale.h"
#include "reference/random/noise.h"

namespace ulproof::reference {

using formats::Code;
using formats::ConstBuffer;
using formats::Operation;

SampledElement SampleElement(const Operation& op, Code weight, Code scale, std::uint64_t element) {
  SampledElement result = {};
  result.noise = RealNoise(op.law, op.key, element);
  result.sum = Fma32(result.noise, scale, weight);
  if (op.rounding.is_stochastic()) {
    result.random = RoundingRandom(op.rounding.random_bits, op.key, element);
  }
  result.sampled =
      Cast(formats::kFloat32, result.sum, op.to, op.rounding, op.overflow, result.random);
  return result;
}

Code SampleScale(const Operation& op, const ConstBuffer& w, const ConstBuffer& bits,
                 std::uint64_t block) {
  const Code max = BlockMax(w, op.shape, op.grid().ExtentOf(block));
  return Scale(max, bits.Get(op.bits_per_block ? block : 0), op.pow2);
}

void SampleBlock(const Operation& op, const ConstBuffer& w, const ConstBuffer& bits,
                 const formats::Buffer& sampled, std::uint64_t block) {
  const Code scale = SampleScale(op, w, bits, block);
  const formats::BlockGrid::Extent extent = op.grid().ExtentOf(block);
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const std::uint64_t index = MemoryIndex(op.shape, row, col);
      const Code weight = ToFloat32(op.from, w.Get(index));
      sampled.Set(index, SampleElement(op, weight, scale, LogicalIndex(op, row, col)).sampled);
    }
  }
}

}  // namespace ulproof::reference
