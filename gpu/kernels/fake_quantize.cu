// SPDX-License-Identifier: Apache-2.0
// y = RN32(Q((x - z) / s) s + z), scale and zero point one a block (contract section 14): rounding
// to a quantizer's levels and back in one pass.
//
// Version 1, `_plain`: one thread an element. Version 2: eight elements a thread and turn, moved in
// 16-byte accesses, where eight neighbours share a block: their place, scale and zero point are
// found once. A memory-bound pass; the exact division is what is left to pay.
#include <cstdint>

#include "blocks.cuh"
#include "convert.cuh"
#include "levels.cuh"

namespace ulproof::gpu {
namespace {

template <typename Levels>
__device__ __forceinline__ float FakeQuantized(const Levels& levels, float x, float s, float z) {
  return __fmaf_rn(Level(levels, x, s, z).q, s, z);
}

template <typename In, typename Levels>
__device__ __forceinline__ void FakeQuantizeOne(const typename In::Storage* x, const float* scales,
                                                const float* zeros, float* y, const BlockGrid& grid,
                                                const Levels& levels, std::uint64_t i) {
  const std::uint64_t block = grid.Of(i / grid.cols, i % grid.cols);
  y[i] = FakeQuantized(levels, LoadFloat<In>(x + i), scales[block], zeros[block]);
}

template <typename In, typename Levels>
__device__ void FakeQuantizePlain(const typename In::Storage* x, const float* scales,
                                  const float* zeros, float* y, const BlockGrid& grid,
                                  const Levels& levels) {
  const std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < grid.rows * grid.cols) FakeQuantizeOne<In>(x, scales, zeros, y, grid, levels, i);
}

template <typename In, typename Levels>
__device__ void FakeQuantize(const typename In::Storage* x, const float* scales, const float* zeros,
                             float* y, const BlockGrid& grid, const Levels& levels) {
  const std::uint64_t addresses =
      reinterpret_cast<std::uint64_t>(x) | reinterpret_cast<std::uint64_t>(y);
  const bool aligned = ((grid.cols | grid.block_cols) & 7u) == 0 && (addresses & 15u) == 0;
  const std::uint64_t count = grid.rows * grid.cols;
  const std::uint64_t stride = std::uint64_t{8} * gridDim.x * blockDim.x;
  for (std::uint64_t first = 8 * (std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x);
       first < count; first += stride) {
    if (aligned) {
      const std::uint64_t block = grid.Of(first / grid.cols, first % grid.cols);
      const float s = scales[block], z = zeros[block];
      float values[8];
      LoadFloats<In>(x + first, values);
#pragma unroll
      for (int i = 0; i < 8; ++i) values[i] = FakeQuantized(levels, values[i], s, z);
      StoreFloats(y + first, values);
    } else {
      for (std::uint64_t i = first; i < first + 8 && i < count; ++i)
        FakeQuantizeOne<In>(x, scales, zeros, y, grid, levels, i);
    }
  }
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the buffers, the shape of the matrix and of a block, the outermost levels.
#define ULPROOF_FAKE_QUANTIZE_KERNEL(name, body, In, Levels)                               \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* x, const float* scales, \
                                  const float* zeros, float* y, std::uint64_t rows,        \
                                  std::uint64_t cols, std::uint32_t block_rows,            \
                                  std::uint32_t block_cols, float lowest, float highest) { \
    ulproof::gpu::body<ulproof::gpu::In>(x, scales, zeros, y,                              \
                                         {rows, cols, block_rows, block_cols},             \
                                         ulproof::gpu::Levels{lowest, highest});           \
  }
#define ULPROOF_FAKE_QUANTIZE_KERNELS(id, In, Levels)                                     \
  ULPROOF_FAKE_QUANTIZE_KERNEL(fake_quantize_##id##_plain, FakeQuantizePlain, In, Levels) \
  ULPROOF_FAKE_QUANTIZE_KERNEL(fake_quantize_##id, FakeQuantize, In, Levels)

ULPROOF_FAKE_QUANTIZE_KERNELS(bfloat16_int, Bfloat16, IntegerLevels)
ULPROOF_FAKE_QUANTIZE_KERNELS(float32_int, Float32, IntegerLevels)
ULPROOF_FAKE_QUANTIZE_KERNELS(bfloat16_float4_e2m1fn, Bfloat16, Float4E2m1Levels)
ULPROOF_FAKE_QUANTIZE_KERNELS(float32_float4_e2m1fn, Float32, Float4E2m1Levels)
ULPROOF_FAKE_QUANTIZE_KERNELS(bfloat16_float8_e4m3fn, Bfloat16, Float8E4m3Levels)
ULPROOF_FAKE_QUANTIZE_KERNELS(float32_float8_e4m3fn, Float32, Float8E4m3Levels)
