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

using Extent = formats::BlockGrid::Extent;

// A strip has at most so many blocks.
constexpr std::size_t kMostBlocks = 64;

// The products grad * R of a row.
class Products {
 public:
  Products(const formats::Operation& op, WidenRowFunction widen_row, const std::byte* grad)
      : op_(op), widen_row_(widen_row), grad_(grad), source_(op.law, op.key) {}

  // Draws the noise of `count` columns and widens their gradients. At most kNoiseRowElements.
  void Draw(std::uint64_t row, std::uint64_t col, std::size_t count) {
    const std::uint64_t element = row * op_.shape.cols + col;
    widen_row_(grad_ + element * op_.from.storage_bytes(), widened_, count);
    noise_ = source_.Reals(op_.key.offset + row * op_.shape.stride() + col, count);
  }
  // Adds the products of `count` columns from the `first` of those drawn.
  HWY_INLINE void AddTo(RowSum& sum, std::size_t first, std::size_t count) const {
    const SumTag d;
    for (std::size_t i = 0; i < count; i += kReductionLanes) {
      ForVectors([&](auto k) HWY_ATTR {
        const std::size_t at = first + i + k * kSumLanes;
        sum.Add(k, hn::Mul(hn::LoadU(d, widened_ + at), hn::LoadU(d, noise_ + at)), count - i);
      });
    }
  }

 private:
  const formats::Operation& op_;
  WidenRowFunction widen_row_;
  const std::byte* grad_;
  NoiseSource source_;
  const float* noise_ = nullptr;
  // Vectors of the last columns may read beyond them.
  alignas(64) float widened_[kNoiseRowElements + kReductionLanes] = {};
};

// The canonical sums of blocks that lie side by side: of one, or of several that have at most
// kNoiseRowElements columns in all. Those are drawn together, since random words are made in
// batches for many elements.
void SumsOfStrip(const formats::Operation& op, WidenRowFunction widen_row, const std::byte* grad,
                 const Extent& strip, float* sums) {
  Products products(op, widen_row, grad);
  BlockSum block_sums[kMostBlocks];
  std::size_t blocks = 0;
  for (std::uint64_t row = strip.row_begin; row < strip.row_end; ++row) {
    std::uint64_t drawn_begin = strip.col_begin, drawn_end = strip.col_begin;
    std::size_t block = 0;
    for (std::uint64_t col = strip.col_begin; col < strip.col_end; ++block) {
      const std::uint64_t block_end = std::min(col + op.block.cols, strip.col_end);
      RowSum row_sum(block_end - col);
      while (col < block_end) {
        if (col == drawn_end) {
          drawn_begin = col;
          drawn_end = std::min(col + kNoiseRowElements, strip.col_end);
          products.Draw(row, col, drawn_end - col);
        }
        const std::uint64_t count = std::min(drawn_end, block_end) - col;
        products.AddTo(row_sum, col - drawn_begin, count);
        col += count;
      }
      block_sums[block].AddRow(row_sum.Total());
    }
    blocks = block;
  }
  for (std::size_t b = 0; b < blocks; ++b) sums[b] = block_sums[b].Total();
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(SumsOfStrip);

std::string WhyBackwardUnsupported(const formats::Operation& op) {
  return WhyWidenUnsupported(op.from);
}

void RunBackward(Target target, const formats::Operation& op, const formats::ConstBuffer& grad,
                 const formats::ConstBuffer& scale, const formats::Buffer& grad_bits) {
  const std::string reason = WhyBackwardUnsupported(op);
  ULPROOF_CHECK(reason.empty(), reason);
  const auto sums_of_strip = ULPROOF_FOR_TARGET(SumsOfStrip, target);
  const WidenRowFunction widen_row = WidenRowKernel(target, op.from);
  const float minus_ln2 = std::bit_cast<float>(0xBF317218u);
  const formats::BlockGrid grid = op.grid();
  const std::uint64_t blocks_a_strip = std::clamp<std::uint64_t>(
      HWY_NAMESPACE::kNoiseRowElements / op.block.cols, 1, HWY_NAMESPACE::kMostBlocks);
  const std::uint64_t strips_a_row = (grid.cols() + blocks_a_strip - 1) / blocks_a_strip;
  const std::uint64_t grain = std::max<std::uint64_t>(1, 16 / blocks_a_strip);
  base::ParallelFor(grid.rows() * strips_a_row, grain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t strip = begin; strip < end; ++strip) {
      const std::uint64_t col = strip % strips_a_row * blocks_a_strip;
      const std::uint64_t blocks = std::min(blocks_a_strip, grid.cols() - col);
      const std::uint64_t first = strip / strips_a_row * grid.cols() + col;
      formats::BlockGrid::Extent extent = grid.ExtentOf(first);
      extent.col_end = grid.ExtentOf(first + blocks - 1).col_end;
      float* const out = grad_bits.As<float>() + first;
      sums_of_strip(op, widen_row, static_cast<const std::byte*>(grad.data), extent, out);
      for (std::uint64_t b = 0; b < blocks; ++b)
        out[b] = minus_ln2 * scale.As<float>()[first + b] * out[b];
    }
  });
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
