// SPDX-License-Identifier: Apache-2.0
#include "cpu/backward_kernels.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/cast_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/backward_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/canonical_sum-inl.h"
#include "cpu/noise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {

// The canonical sum of grad * R over the block.
float SumOfProducts(const formats::Operation& op, WidenRowFunction widen_row, const std::byte* grad,
                    const formats::BlockGrid::Extent& block) {
  NoiseSource source(op.law, op.key);
  const SumTag d;
  alignas(64) float widened[kNoiseRowElements] = {};  // All of it may be read.
  BlockSum sum;
  for (std::uint64_t row = block.row_begin; row < block.row_end; ++row) {
    RowSum row_sum(block.col_end - block.col_begin);
    for (std::uint64_t col = block.col_begin; col < block.col_end; col += kNoiseRowElements) {
      const std::size_t count = std::min<std::uint64_t>(kNoiseRowElements, block.col_end - col);
      const std::uint64_t element = row * op.shape.cols + col;
      widen_row(grad + element * op.from.storage_bytes(), widened, count);
      const std::uint64_t logical = op.key.offset + row * op.shape.stride() + col;
      const float* const noise = source.Reals(logical, count);
      for (std::size_t i = 0; i < count; i += kReductionLanes) {
        ForVectors([&](auto k) HWY_ATTR {
          const std::size_t at = i + k * kSumLanes;
          row_sum.Add(k, hn::Mul(hn::LoadU(d, widened + at), hn::LoadU(d, noise + at)), count - i);
        });
      }
    }
    sum.AddRow(row_sum.Total());
  }
  return sum.Total();
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(SumOfProducts);

std::string WhyBackwardUnsupported(const formats::Operation& op) {
  return WhyWidenUnsupported(op.from);
}

void RunBackward(Target target, const formats::Operation& op, const formats::ConstBuffer& grad,
                 const formats::ConstBuffer& scale, const formats::Buffer& grad_bits) {
  const std::string reason = WhyBackwardUnsupported(op);
  ULPROOF_CHECK(reason.empty(), reason);
  const auto block_sum = ULPROOF_FOR_TARGET(SumOfProducts, target);
  const WidenRowFunction widen_row = WidenRowKernel(target, op.from);
  const formats::BlockGrid grid = op.grid();
  const float minus_ln2 = std::bit_cast<float>(0xBF317218u);
  constexpr std::uint64_t kGrain = 16;
  base::ParallelFor(grid.count(), kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t block = begin; block < end; ++block) {
      const float sum =
          block_sum(op, widen_row, static_cast<const std::byte*>(grad.data), grid.ExtentOf(block));
      grad_bits.As<float>()[block] = minus_ln2 * scale.As<float>()[block] * sum;
    }
  });
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
