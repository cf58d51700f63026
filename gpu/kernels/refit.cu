// SPDX-License-Identifier: Apache-2.0
// One step of least squares for the scale of each block (contract section 14): s' = SUM(d q) /
// SUM(q q) with the levels q of the old scale, and z' = SUM(x - s' q) / n where the zero point is a
// mean.
//
// Version 1, `_plain`: one warp a block, each sum a pass of its own. Version 2: 32 rows a warp in
// 16-byte loads (blocks.cuh), both sums in one pass, 24 shuffles a sum for all 32 rows instead of
// 160; one lane a block divides.
#include <cstdint>

#include "blocks.cuh"
#include "convert.cuh"
#include "levels.cuh"

namespace ulproof::gpu {
namespace {

__device__ __forceinline__ float NextScale(float old_scale, float products, float squares) {
  return squares == 0.0f ? old_scale : __fdiv_rn(products, squares);
}

template <typename In, typename Levels>
struct Refit {
  const typename In::Storage* x;
  const float* scales;
  const float* zeros;
  float* new_scales;
  float* new_zeros;
  BlockGrid grid;
  Levels levels;
  bool mean_zero;

  __device__ __forceinline__ void Write(std::uint64_t block, const FittedScale& fitted) const {
    const FittedScale finite = fitted.OrNan();
    new_scales[block] = finite.scale;
    new_zeros[block] = finite.zero;
  }

  // All lanes of a warp.
  __device__ __forceinline__ void OneBlock(std::uint64_t index) const {
    const Block block = grid.At(index);
    const float s = scales[index], z = zeros[index];
    const auto value = [&](std::uint64_t row, std::uint64_t col) {
      return LoadFloat<In>(x + row * grid.cols + col);
    };
    const float products = BlockSum(block, [&](std::uint64_t row, std::uint64_t col) {
      const Leveled e = Level(levels, value(row, col), s, z);
      return __fmul_rn(e.d, e.q);
    });
    const float squares = BlockSum(block, [&](std::uint64_t row, std::uint64_t col) {
      const Leveled e = Level(levels, value(row, col), s, z);
      return __fmul_rn(e.q, e.q);
    });
    FittedScale next = {NextScale(s, products, squares), z};
    if (mean_zero) {
      const float rest = BlockSum(block, [&](std::uint64_t row, std::uint64_t col) {
        const float w = value(row, col);
        return __fmaf_rn(-next.scale, Level(levels, w, s, z).q, w);
      });
      next.zero = __fdiv_rn(rest, block.Count());
    }
    if (threadIdx.x % kWarpSize == 0) Write(index, next);
  }

  __device__ __forceinline__ void Rows(const RowBatch& batch) const {
    float s[4] = {}, z[4] = {};
#pragma unroll
    for (int v = 0; v < 4; ++v) {
      if (batch.Has(v)) s[v] = scales[batch.BlockOf(v)], z[v] = zeros[batch.BlockOf(v)];
    }
    const auto load = [&](int v, std::uint64_t col, float(&values)[8]) {
      LoadFloats<In>(x + batch.row[v] * grid.cols + col, values);
    };
    float sums[2];
    batch.Sum<2>(
        [&](int v, std::uint64_t col, float(&terms)[2][8]) {
          float values[8];
          load(v, col, values);
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            const Leveled e = Level(levels, values[i], s[v], z[v]);
            terms[0][i] = __fmul_rn(e.d, e.q);
            terms[1][i] = __fmul_rn(e.q, e.q);
          }
        },
        sums);
    FittedScale next = {0.0f, 0.0f};
    if (batch.OwnBlock() < batch.block_count) {
      const float old_scale = scales[batch.OwnBlock()];
      next = {NextScale(old_scale, sums[0], sums[1]), zeros[batch.OwnBlock()]};
    }
    if (mean_zero) {
      float new_scale[4];
#pragma unroll
      for (int v = 0; v < 4; ++v) new_scale[v] = batch.FromOwner(next.scale, v);
      float rest[1];
      batch.Sum<1>(
          [&](int v, std::uint64_t col, float(&terms)[1][8]) {
            float values[8];
            load(v, col, values);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
              const Leveled e = Level(levels, values[i], s[v], z[v]);
              terms[0][i] = __fmaf_rn(-new_scale[v], e.q, values[i]);
            }
          },
          rest);
      next.zero = __fdiv_rn(rest[0], batch.Count());
    }
    if (batch.Writes()) Write(batch.OwnBlock(), next);
  }
};

template <typename In, typename Levels>
__device__ void RefitPlain(const Refit<In, Levels>& refit) {
  const std::uint64_t block =
      blockIdx.x * std::uint64_t{blockDim.x / kWarpSize} + threadIdx.x / kWarpSize;
  if (block < refit.grid.Count()) refit.OneBlock(block);
}

template <typename In, typename Levels>
__device__ void RefitRows(const Refit<In, Levels>& refit) {
  const bool aligned =
      (refit.grid.cols & 7u) == 0 && (reinterpret_cast<std::uint64_t>(refit.x) & 15u) == 0;
  ForBlocks(
      refit.grid, aligned, [&](const RowBatch& batch) { refit.Rows(batch); },
      [&](std::uint64_t block) { refit.OneBlock(block); });
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the buffers, the shape of the matrix and of a block, the outermost levels, whether the
// zero point is a mean (1) or stays (0).
#define ULPROOF_REFIT_KERNEL(name, body, In, Levels)                                       \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* x, const float* scales, \
                                  const float* zeros, float* new_scales, float* new_zeros, \
                                  std::uint64_t rows, std::uint64_t cols,                  \
                                  std::uint32_t block_rows, std::uint32_t block_cols,      \
                                  float lowest, float highest, std::uint32_t mean_zero) {  \
    ulproof::gpu::body<ulproof::gpu::In, ulproof::gpu::Levels>(                            \
        {x,                                                                                \
         scales,                                                                           \
         zeros,                                                                            \
         new_scales,                                                                       \
         new_zeros,                                                                        \
         {rows, cols, block_rows, block_cols},                                             \
         {lowest, highest},                                                                \
         mean_zero != 0});                                                                 \
  }
#define ULPROOF_REFIT_KERNELS(id, In, Levels)                      \
  ULPROOF_REFIT_KERNEL(refit_##id##_plain, RefitPlain, In, Levels) \
  ULPROOF_REFIT_KERNEL(refit_##id, RefitRows, In, Levels)

ULPROOF_REFIT_KERNELS(bfloat16_int, Bfloat16, IntegerLevels)
ULPROOF_REFIT_KERNELS(float32_int, Float32, IntegerLevels)
ULPROOF_REFIT_KERNELS(bfloat16_float4_e2m1fn, Bfloat16, Float4E2m1Levels)
