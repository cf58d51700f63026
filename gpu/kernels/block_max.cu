// SPDX-License-Identifier: Apache-2.0
// M = largest |w| of each 32 x 32 block (contract section 6), and the scale made of it. Exact and
// free of order: magnitudes are compared as integers, where a NaN is the largest of all.
//
// Version 1, `_plain`: one thread a block. Version 2: one warp a block, 16-byte loads, one warp
// reduction.
#include <cstdint>

#include "convert.cuh"
#include "exp2.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

template <typename In>
__device__ __forceinline__ std::uint32_t Magnitude(typename In::Storage code) {
  return In::ToFloat32Bits(code) & 0x7FFFFFFFu;
}

template <typename In>
__device__ void BlockMaxPlain(const typename In::Storage* w, float* maxima, const Matrix& matrix) {
  const std::uint64_t block = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (block >= matrix.BlockCount()) return;
  const Tile tile(matrix, block);
  std::uint32_t max_bits = 0;
  for (int r = 0; r < tile.height; ++r) {
    for (int c = 0; c < tile.width; ++c) {
      max_bits = max(max_bits, Magnitude<In>(w[(tile.row + r) * matrix.cols + tile.col + c]));
    }
  }
  maxima[block] = __uint_as_float(max_bits);
}

template <typename In>
__device__ void BlockMax(const typename In::Storage* w, float* maxima, const Matrix& matrix) {
  const bool aligned = VectorsAligned(matrix, 0, reinterpret_cast<std::uint64_t>(w));
  const int lane = threadIdx.x % kWarpSize;
  const std::uint64_t warps_a_block = blockDim.x / kWarpSize;
  for (std::uint64_t block = blockIdx.x * warps_a_block + threadIdx.x / kWarpSize;
       block < matrix.BlockCount(); block += gridDim.x * warps_a_block) {
    const Tile tile(matrix, block);
    std::uint32_t max_bits = 0;
    if (aligned && tile.whole()) {
#pragma unroll
      for (int v = 0; v < 4; ++v) {
        Eight<typename In::Storage> eight;
        eight.Load(w + (tile.row + 8 * v + lane / 4) * matrix.cols + tile.col + 8 * (lane % 4));
#pragma unroll
        for (int i = 0; i < 8; ++i) max_bits = max(max_bits, Magnitude<In>(eight.Get(i)));
      }
    } else {
      const int height = lane < tile.width ? tile.height : 0;
      for (int r = 0; r < height; ++r) {
        max_bits = max(max_bits, Magnitude<In>(w[(tile.row + r) * matrix.cols + tile.col + lane]));
      }
    }
    max_bits = WarpMax(max_bits);
    if (lane == 0) maxima[block] = __uint_as_float(max_bits);
  }
}

}  // namespace
}  // namespace ulproof::gpu

#define ULPROOF_BLOCK_MAX_KERNEL(name, body, In)                                     \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* w, float* maxima, \
                                  std::uint64_t rows, std::uint64_t cols) {          \
    ulproof::gpu::body<ulproof::gpu::In>(w, maxima, {rows, cols, cols});             \
  }
ULPROOF_BLOCK_MAX_KERNEL(block_max_bfloat16_plain, BlockMaxPlain, Bfloat16)
ULPROOF_BLOCK_MAX_KERNEL(block_max_bfloat16, BlockMax, Bfloat16)
ULPROOF_BLOCK_MAX_KERNEL(block_max_float32_plain, BlockMaxPlain, Float32)
ULPROOF_BLOCK_MAX_KERNEL(block_max_float32, BlockMax, Float32)

// s = RN32(M 2^(1-b)), one thread a maximum; `bits` holds one bitwidth, or one a maximum. A caller's
// M may have a sign, which a block's maximum never has.
extern "C" __global__ void scale_float32(const float* maxima, const float* bits, float* scales,
                                         std::uint64_t count, std::uint32_t bits_per_block,
                                         std::uint32_t pow2) {
  const std::uint64_t i = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const std::uint32_t code = __float_as_uint(maxima[i]);
  std::uint32_t magnitude = code & 0x7FFFFFFFu;
  if (pow2 != 0) magnitude = ulproof::gpu::RoundUpToPowerOfTwo(magnitude);
  const float scale = ulproof::gpu::BlockScale(magnitude, bits[bits_per_block != 0 ? i : 0]);
  const bool negative = code > 0x80000000u;  // -0 gives +0.
  scales[i] = negative ? -scale : scale;
}
