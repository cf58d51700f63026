// SPDX-License-Identifier: Apache-2.0
// The gradients of fake_quantize (contract section 14): grad_x passes straight through where x is
// inside, grad_s is a canonical sum. `lsq` takes the rounding noise n = q - u for its slope,
// `gdnsq` adds a noise s xi whose sign comes from the counter, `aewgs` also damps grad_x along the
// noise.
//
// Version 1, `_plain`: one warp a block, each sum a pass of its own, the sign drawn for each
// element. Version 2: 32 rows a warp in 16-byte accesses (blocks.cuh), two groups of random words
// for eight signs, and aewgs's first two sums in one pass.
#include <cstdint>

#include "blocks.cuh"
#include "convert.cuh"
#include "levels.cuh"
#include "noise.cuh"
#include "philox.cuh"

namespace ulproof::gpu {
namespace {

enum class Estimator { kLsq, kGdnsq, kAewgs };

// One element: what the estimators need of it.
struct FakeElement {
  float grad, q, noise;
  bool inside;
};
template <typename Levels>
__device__ __forceinline__ FakeElement ElementOf(const Levels& levels, float grad, float x, float s,
                                                 float z) {
  const Leveled e = Level(levels, x, s, z);
  return {grad, e.q, __fsub_rn(e.q, e.u), levels.lowest < e.u && e.u < levels.highest};
}

// The term of grad_s; xi's sign is the top bit of `word`, clear for minus.
template <Estimator kEstimator>
__device__ __forceinline__ float ScaleTerm(const FakeElement& e, float s, std::uint32_t word) {
  float slope = e.noise;
  if constexpr (kEstimator != Estimator::kLsq) {
    const std::uint32_t xi = 0x3E93CD3Au | (~word & 0x80000000u);
    slope = __fmaf_rn(s, __uint_as_float(xi), slope);
  }
  return __fmul_rn(e.grad, e.inside ? slope : e.q);
}

// t: the rounding noise as seen against the gradient.
__device__ __forceinline__ float Against(const FakeElement& e) {
  if (e.grad == 0.0f) return 0.0f;
  return e.grad < 0.0f ? -e.noise : e.noise;
}

__device__ __forceinline__ float Delta(float sum_of_against, float squares, float count) {
  const float variance = __fdiv_rn(squares, count);
  const float least = __uint_as_float(0x3A83126Fu);  // 0.001
  return __fdiv_rn(__fdiv_rn(sum_of_against, count), variance < least ? least : variance);
}

template <Estimator kEstimator>
__device__ __forceinline__ float ElementGradient(const FakeElement& e, float delta) {
  if (!e.inside) return 0.0f;
  if constexpr (kEstimator == Estimator::kAewgs) {
    const float largest = __uint_as_float(0x3F7D70A4u);  // 0.99
    const float step = __fmul_rn(delta, Against(e));
    return __fmul_rn(e.grad, __fsub_rn(1.0f, largest < step ? largest : step));
  }
  return e.grad;
}

template <typename In, typename Levels, Estimator kEstimator>
struct FakeBackward {
  const typename In::Storage* grad;
  const typename In::Storage* x;
  const float* scales;
  const float* zeros;
  float* grad_x;
  float* grad_scales;
  BlockGrid grid;
  std::uint64_t index_stride;
  Levels levels;
  RandomKey key;

  __device__ __forceinline__ std::uint64_t LogicalIndex(std::uint64_t row,
                                                        std::uint64_t col) const {
    return key.offset + row * index_stride + col;
  }

  // All lanes of a warp.
  __device__ __forceinline__ void OneBlock(std::uint64_t index) const {
    const Block block = grid.At(index);
    const float s = scales[index], z = zeros[index];
    const auto element = [&](std::uint64_t row, std::uint64_t col) {
      const std::uint64_t i = row * grid.cols + col;
      return ElementOf(levels, LoadFloat<In>(grad + i), LoadFloat<In>(x + i), s, z);
    };
    float delta = 0.0f;
    if constexpr (kEstimator == Estimator::kAewgs) {
      const float noises = BlockSum(
          block, [&](std::uint64_t row, std::uint64_t col) { return element(row, col).noise; });
      const float mean = __fdiv_rn(noises, block.Count());
      const float squares = BlockSum(block, [&](std::uint64_t row, std::uint64_t col) {
        const float distance = __fsub_rn(element(row, col).noise, mean);
        return __fmul_rn(distance, distance);
      });
      const float against = BlockSum(
          block, [&](std::uint64_t row, std::uint64_t col) { return Against(element(row, col)); });
      delta = Delta(against, squares, block.Count());
    }
    const float sum = BlockSum(block, [&](std::uint64_t row, std::uint64_t col) {
      const FakeElement e = element(row, col);
      grad_x[row * grid.cols + col] = ElementGradient<kEstimator>(e, delta);
      const std::uint32_t word =
          kEstimator == Estimator::kLsq ? 0 : Uniform::WordAt(key, LogicalIndex(row, col));
      return ScaleTerm<kEstimator>(e, s, word);
    });
    if (threadIdx.x % kWarpSize == 0) grad_scales[index] = sum;
  }

  __device__ __forceinline__ void Rows(const RowBatch& batch) const {
    float s[4] = {}, z[4] = {}, deltas[4] = {};
#pragma unroll
    for (int v = 0; v < 4; ++v) {
      if (batch.Has(v)) s[v] = scales[batch.BlockOf(v)], z[v] = zeros[batch.BlockOf(v)];
    }
    const auto load = [&](int v, std::uint64_t col, FakeElement(&elements)[8]) {
      float grads[8], values[8];
      LoadFloats<In>(grad + batch.row[v] * grid.cols + col, grads);
      LoadFloats<In>(x + batch.row[v] * grid.cols + col, values);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        elements[i] = ElementOf(levels, grads[i], values[i], s[v], z[v]);
      }
    };
    if constexpr (kEstimator == Estimator::kAewgs) {
      float sums[2], squares[1], means[4];
      batch.Sum<2>(
          [&](int v, std::uint64_t col, float(&terms)[2][8]) {
            FakeElement elements[8];
            load(v, col, elements);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
              terms[0][i] = elements[i].noise;
              terms[1][i] = Against(elements[i]);
            }
          },
          sums);
      const float mean = __fdiv_rn(sums[0], batch.Count());
#pragma unroll
      for (int v = 0; v < 4; ++v) means[v] = batch.FromOwner(mean, v);
      batch.Sum<1>(
          [&](int v, std::uint64_t col, float(&terms)[1][8]) {
            FakeElement elements[8];
            load(v, col, elements);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
              const float distance = __fsub_rn(elements[i].noise, means[v]);
              terms[0][i] = __fmul_rn(distance, distance);
            }
          },
          squares);
      const float delta = Delta(sums[1], squares[0], batch.Count());
#pragma unroll
      for (int v = 0; v < 4; ++v) deltas[v] = batch.FromOwner(delta, v);
    }
    float sum[1];
    batch.Sum<1>(
        [&](int v, std::uint64_t col, float(&terms)[1][8]) {
          FakeElement elements[8];
          load(v, col, elements);
          std::uint32_t words[8] = {};
          if constexpr (kEstimator != Estimator::kLsq) {
            Uniform::EightWords(key, LogicalIndex(batch.row[v], col), words);
          }
          float through[8];
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            terms[0][i] = ScaleTerm<kEstimator>(elements[i], s[v], words[i]);
            through[i] = ElementGradient<kEstimator>(elements[i], deltas[v]);
          }
          StoreFloats(grad_x + batch.row[v] * grid.cols + col, through);
        },
        sum);
    if (batch.Writes()) grad_scales[batch.OwnBlock()] = sum[0];
  }
};

template <typename In, typename Levels, Estimator kEstimator>
__device__ void FakeBackwardPlain(const FakeBackward<In, Levels, kEstimator>& backward) {
  const std::uint64_t block =
      blockIdx.x * std::uint64_t{blockDim.x / kWarpSize} + threadIdx.x / kWarpSize;
  if (block < backward.grid.Count()) backward.OneBlock(block);
}

template <typename In, typename Levels, Estimator kEstimator>
__device__ void FakeBackwardRows(const FakeBackward<In, Levels, kEstimator>& backward) {
  const std::uint64_t addresses = reinterpret_cast<std::uint64_t>(backward.grad) |
                                  reinterpret_cast<std::uint64_t>(backward.x) |
                                  reinterpret_cast<std::uint64_t>(backward.grad_x);
  // lsq draws nothing, so where its indices begin does not matter.
  const Matrix matrix = {backward.grid.rows, backward.grid.cols, backward.index_stride};
  const bool draws_whole_groups =
      kEstimator == Estimator::kLsq || VectorsAligned(matrix, backward.key.offset, 0);
  const bool aligned =
      (backward.grid.cols & 7u) == 0 && (addresses & 15u) == 0 && draws_whole_groups;
  ForBlocks(
      backward.grid, aligned, [&](const RowBatch& batch) { backward.Rows(batch); },
      [&](std::uint64_t block) { backward.OneBlock(block); });
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the buffers, the shape of the matrix and of a block, the outermost levels, the random
// key (not read by lsq).
#define ULPROOF_FAKE_BACKWARD_KERNEL(name, body, In, Levels, kEstimator)                           \
  extern "C" __global__ void name(                                                                 \
      const ulproof::gpu::In::Storage* grad, const ulproof::gpu::In::Storage* x,                   \
      const float* scales, const float* zeros, float* grad_x, float* grad_scales,                  \
      std::uint64_t rows, std::uint64_t cols, std::uint64_t index_stride,                          \
      std::uint32_t block_rows, std::uint32_t block_cols, float lowest, float highest,             \
      std::uint64_t seed, std::uint64_t stream, std::uint64_t offset) {                            \
    ulproof::gpu::body<ulproof::gpu::In, ulproof::gpu::Levels,                                     \
                       ulproof::gpu::Estimator::kEstimator>({grad,                                 \
                                                             x,                                    \
                                                             scales,                               \
                                                             zeros,                                \
                                                             grad_x,                               \
                                                             grad_scales,                          \
                                                             {rows, cols, block_rows, block_cols}, \
                                                             index_stride,                         \
                                                             {lowest, highest},                    \
                                                             {seed, stream, offset}});             \
  }
#define ULPROOF_FAKE_BACKWARD_KERNELS(id, In, Levels, kEstimator)                         \
  ULPROOF_FAKE_BACKWARD_KERNEL(fake_backward_##id##_plain, FakeBackwardPlain, In, Levels, \
                               kEstimator)                                                \
  ULPROOF_FAKE_BACKWARD_KERNEL(fake_backward_##id, FakeBackwardRows, In, Levels, kEstimator)

ULPROOF_FAKE_BACKWARD_KERNELS(bfloat16_int_lsq, Bfloat16, IntegerLevels, kLsq)
ULPROOF_FAKE_BACKWARD_KERNELS(bfloat16_int_gdnsq, Bfloat16, IntegerLevels, kGdnsq)
ULPROOF_FAKE_BACKWARD_KERNELS(bfloat16_int_aewgs, Bfloat16, IntegerLevels, kAewgs)
ULPROOF_FAKE_BACKWARD_KERNELS(float32_int_lsq, Float32, IntegerLevels, kLsq)
ULPROOF_FAKE_BACKWARD_KERNELS(float32_int_gdnsq, Float32, IntegerLevels, kGdnsq)
ULPROOF_FAKE_BACKWARD_KERNELS(bfloat16_float4_e2m1fn_lsq, Bfloat16, Float4E2m1Levels, kLsq)
