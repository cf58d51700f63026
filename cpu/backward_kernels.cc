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

// products[i] = RN32(grad * R).
HWY_INLINE void Multiply(const float* HWY_RESTRICT grad, const float* HWY_RESTRICT noise,
                         std::size_t count, float* HWY_RESTRICT products) {
  const hn::ScalableTag<float> d;
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(hn::LoadU(d, grad + i), hn::LoadU(d, noise + i)), d, products + i);
  }
  for (; i < count; ++i) products[i] = grad[i] * noise[i];
}

// The canonical sum of grad * R over the block.
float SumOfProducts(const formats::Operation& op, WidenRowFunction widen_row, const std::byte* grad,
                    const formats::BlockGrid::Extent& block) {
  NoiseSource source(op.law, op.key);
  alignas(64) float widened[kNoiseRowElements];
  alignas(64) float products[kNoiseRowElements];
  BlockSum sum;
  for (std::uint64_t row = block.row_begin; row < block.row_end; ++row) {
    for (std::uint64_t col = block.col_begin; col < block.col_end; col += kNoiseRowElements) {
      const std::size_t count = std::min<std::uint64_t>(kNoiseRowElements, block.col_end - col);
      const std::uint64_t element = row * op.shape.cols + col;
      widen_row(grad + element * op.from.storage_bytes(), widened, count);
      const std::uint64_t logical = op.key.offset + row * op.shape.stride() + col;
      Multiply(widened, source.Reals(logical, count), count, products);
      sum.Add(products, count);
    }
    sum.EndRow();
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
