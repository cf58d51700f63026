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

#include "cpu/noise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {

// The 32 lanes of the canonical reduction. The first `present` lanes hold terms, the rest +0.
constexpr std::size_t kReductionLanes = 32;
struct Lanes {
  alignas(64) float x[kReductionLanes] = {};
};

// lanes.x[j] += terms[j], j < count <= 32.
HWY_INLINE void Fold(Lanes& lanes, const float* HWY_RESTRICT terms, std::size_t count) {
  const hn::CappedTag<float, kReductionLanes> d;
  std::size_t j = 0;
  for (; j + hn::Lanes(d) <= count; j += hn::Lanes(d)) {
    hn::Store(hn::Add(hn::Load(d, lanes.x + j), hn::LoadU(d, terms + j)), d, lanes.x + j);
  }
  for (; j < count; ++j) lanes.x[j] += terms[j];
}

// x_j <- x_j + x_(j xor distance) for distance 16, 8, 4, 2, 1; lane 0. After a step both lanes of a
// pair hold the same sum, so the lower half of them is enough.
HWY_INLINE float Butterfly(const Lanes& lanes) {
  Lanes sum = lanes;
  for (std::size_t distance = kReductionLanes / 2; distance >= 1; distance /= 2) {
    for (std::size_t j = 0; j < distance; ++j) sum.x[j] += sum.x[j + distance];
  }
  return sum.x[0];
}

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
float BlockSum(const formats::Operation& op, WidenRowFunction widen_row, const std::byte* grad,
               const formats::BlockGrid::Extent& block) {
  NoiseSource source(op.law, op.key);
  alignas(64) float widened[kNoiseRowElements];
  alignas(64) float products[kNoiseRowElements];
  Lanes rows;
  for (std::uint64_t row = block.row_begin; row < block.row_end; ++row) {
    Lanes lanes;
    for (std::uint64_t col = block.col_begin; col < block.col_end; col += kNoiseRowElements) {
      const std::size_t count = std::min<std::uint64_t>(kNoiseRowElements, block.col_end - col);
      const std::uint64_t element = row * op.shape.cols + col;
      widen_row(grad + element * op.from.storage_bytes(), widened, count);
      const std::uint64_t logical = op.key.offset + row * op.shape.stride() + col;
      Multiply(widened, source.Reals(logical, count), count, products);
      std::size_t i = 0;
      if (col == block.col_begin) {  // The first terms are themselves, -0 included.
        i = std::min(count, kReductionLanes);
        std::copy_n(products, i, lanes.x);
      }
      for (; i < count; i += kReductionLanes) {
        Fold(lanes, products + i, std::min(kReductionLanes, count - i));
      }
    }
    const float row_sum = Butterfly(lanes);
    const std::size_t index = row - block.row_begin;
    float& lane = rows.x[index % kReductionLanes];
    lane = index < kReductionLanes ? row_sum : lane + row_sum;
  }
  return Butterfly(rows);
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(BlockSum);

std::string WhyBackwardUnsupported(const formats::Operation& op) {
  return WhyWidenUnsupported(op.from);
}

void RunBackward(Target target, const formats::Operation& op, const formats::ConstBuffer& grad,
                 const formats::ConstBuffer& scale, const formats::Buffer& grad_bits) {
  const std::string reason = WhyBackwardUnsupported(op);
  ULPROOF_CHECK(reason.empty(), reason);
  const auto block_sum = ULPROOF_FOR_TARGET(BlockSum, target);
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
