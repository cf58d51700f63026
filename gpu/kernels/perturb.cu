// SPDX-License-Identifier: Apache-2.0
// y = RN32(R s + x), held within -limit .. limit of the block (contract section 14): the forward of
// the quantizers that train with pseudo-noise.
//
// Version 1, `_plain`: one thread an element. Version 2: eight elements a thread and turn in
// 16-byte accesses, where eight neighbours share a block and begin a group of random words: two
// groups (one for rg16) serve all eight.
#include <cstdint>

#include "blocks.cuh"
#include "convert.cuh"
#include "noise.cuh"
#include "philox.cuh"

namespace ulproof::gpu {
namespace {

// A NaN limit holds nothing, and a NaN sum stays.
__device__ __forceinline__ float Perturbed(float x, float r, float s, float limit) {
  const float t = __fmaf_rn(r, s, x);
  if (limit < t) return limit;
  return t < -limit ? -limit : t;
}

template <typename In>
struct PerturbCall {
  const typename In::Storage* x;
  const float* scales;
  const float* limits;
  float* y;
  BlockGrid grid;
  std::uint64_t index_stride;
  RandomKey key;

  __device__ __forceinline__ std::uint64_t LogicalIndex(std::uint64_t i) const {
    return key.offset + i / grid.cols * index_stride + i % grid.cols;
  }
  template <typename Law>
  __device__ __forceinline__ void One(std::uint64_t i) const {
    const std::uint64_t block = grid.Of(i / grid.cols, i % grid.cols);
    const float r = Law::template At<AsFloat>(key, LogicalIndex(i));
    y[i] = Perturbed(LoadFloat<In>(x + i), r, scales[block], limits[block]);
  }
};

template <typename In, typename Law>
__device__ void PerturbPlain(const PerturbCall<In>& call) {
  const std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < call.grid.rows * call.grid.cols) call.template One<Law>(i);
}

template <typename In, typename Law>
__device__ void Perturb(const PerturbCall<In>& call) {
  const BlockGrid& grid = call.grid;
  const Matrix matrix = {grid.rows, grid.cols, call.index_stride};
  const bool aligned =
      (grid.block_cols & 7u) == 0 && VectorsAligned(matrix, call.key.offset,
                                                    reinterpret_cast<std::uint64_t>(call.x) |
                                                        reinterpret_cast<std::uint64_t>(call.y));
  const std::uint64_t count = grid.rows * grid.cols;
  const std::uint64_t stride = std::uint64_t{8} * gridDim.x * blockDim.x;
  for (std::uint64_t first = 8 * (std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x);
       first < count; first += stride) {
    if (aligned) {
      const std::uint64_t block = grid.Of(first / grid.cols, first % grid.cols);
      const float s = call.scales[block], limit = call.limits[block];
      float values[8], r[8];
      LoadFloats<In>(call.x + first, values);
      Law::template Eight<AsFloat>(call.key, call.LogicalIndex(first), r);
#pragma unroll
      for (int i = 0; i < 8; ++i) values[i] = Perturbed(values[i], r[i], s, limit);
      StoreFloats(call.y + first, values);
    } else {
      for (std::uint64_t i = first; i < first + 8 && i < count; ++i) call.template One<Law>(i);
    }
  }
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the buffers, the shape of the matrix and of a block, the random key.
#define ULPROOF_PERTURB_KERNEL(name, body, In, Law)                                                \
  extern "C" __global__ void name(                                                                 \
      const ulproof::gpu::In::Storage* x, const float* scales, const float* limits, float* y,      \
      std::uint64_t rows, std::uint64_t cols, std::uint64_t index_stride,                          \
      std::uint32_t block_rows, std::uint32_t block_cols, std::uint64_t seed,                      \
      std::uint64_t stream, std::uint64_t offset) {                                                \
    ulproof::gpu::body<ulproof::gpu::In, ulproof::gpu::Law>({x,                                    \
                                                             scales,                               \
                                                             limits,                               \
                                                             y,                                    \
                                                             {rows, cols, block_rows, block_cols}, \
                                                             index_stride,                         \
                                                             {seed, stream, offset}});             \
  }
#define ULPROOF_PERTURB_KERNELS(id, In, Law)                          \
  ULPROOF_PERTURB_KERNEL(perturb_##id##_plain, PerturbPlain, In, Law) \
  ULPROOF_PERTURB_KERNEL(perturb_##id, Perturb, In, Law)

ULPROOF_PERTURB_KERNELS(bfloat16_uniform, Bfloat16, Uniform)
ULPROOF_PERTURB_KERNELS(float32_uniform, Float32, Uniform)
ULPROOF_PERTURB_KERNELS(bfloat16_rg16, Bfloat16, Rg16)
