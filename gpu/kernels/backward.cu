// SPDX-License-Identifier: Apache-2.0
// grad_bits of a block = RN32(RN32(-ln2 s) sum of grad R), summed in the contract's order (section
// 8) with R drawn again from the counter: the forward pass keeps nothing.
//
// Version 1, `_plain`: one warp a block, a lane a column; each row is reduced by five shuffles, 165
// in all.
//
// Version 2: noise is drawn once a group (four groups a lane) and handed round by one shuffle a
// row. The 32 rows are reduced together: at distance d each lane keeps half of its rows and sends
// the other half, so the five steps cost 16 + 8 + 4 + 2 + 1 shuffles and leave row i in lane i.
// Binary32 addition commutes, so which partner adds does not show; the tree of sums is the
// contract's.
#include <cstdint>

#include "convert.cuh"
#include "noise.cuh"
#include "philox.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

__device__ __forceinline__ float FinishGradient(float scale, float sum) {
  const float minus_ln2 = __uint_as_float(0xBF317218u);
  return __fmul_rn(__fmul_rn(minus_ln2, scale), sum);
}

template <typename In, typename Law>
__device__ void BackwardPlain(const typename In::Storage* grad, const float* scales,
                              float* grad_bits, const Matrix& matrix, const RandomKey& key) {
  const int lane = threadIdx.x % kWarpSize;
  const std::uint64_t block =
      blockIdx.x * std::uint64_t{blockDim.x / kWarpSize} + threadIdx.x / kWarpSize;
  if (block >= matrix.BlockCount()) return;
  const Tile tile(matrix, block);
  float row_sum = 0.0f;  // Lane i keeps the sum of row i.
  for (int r = 0; r < tile.height; ++r) {
    float product = 0.0f;
    if (lane < tile.width) {
      const std::uint64_t row = tile.row + r, col = tile.col + lane;
      const float noise =
          Law::template At<AsFloat>(key, key.offset + row * matrix.index_stride + col);
      product = __fmul_rn(__uint_as_float(In::ToFloat32Bits(grad[row * matrix.cols + col])), noise);
    }
    const float sum = ButterflySum(product);
    if (lane == r) row_sum = sum;
  }
  const float sum = ButterflySum(row_sum);
  if (lane == 0) grad_bits[block] = FinishGradient(scales[block], sum);
}

// One step of the joint reduction: of 2 * kKept row sums keep the half that the lane's bit names.
template <int kKept>
__device__ __forceinline__ void HalveRows(float (&rows)[32], int lane) {
  const bool upper = lane & kKept;
#pragma unroll
  for (int i = 0; i < kKept; ++i) {
    const float send = upper ? rows[i] : rows[i + kKept];
    const float keep = upper ? rows[i + kKept] : rows[i];
    rows[i] = __fadd_rn(keep, __shfl_xor_sync(kFullWarp, send, kKept));
  }
}

template <typename In, typename Law>
__device__ void Backward(const typename In::Storage* grad, const float* scales, float* grad_bits,
                         const Matrix& matrix, const RandomKey& key) {
  const int lane = threadIdx.x % kWarpSize;
  const bool aligned = VectorsAligned(matrix, key.offset, 0);
  const std::uint64_t warps_a_block = blockDim.x / kWarpSize;
  for (std::uint64_t block = blockIdx.x * warps_a_block + threadIdx.x / kWarpSize;
       block < matrix.BlockCount(); block += gridDim.x * warps_a_block) {
    const Tile tile(matrix, block);
    float rows[32];
    if (aligned && tile.whole()) {
      // Nibbles of row 8v + lane / 4, columns 8 (lane mod 4) .. + 7.
      std::uint32_t nibbles[4];
#pragma unroll
      for (int v = 0; v < 4; ++v) {
        std::uint32_t r[8];
        const std::uint64_t row = tile.row + 8 * v + lane / 4, col = tile.col + 8 * (lane % 4);
        Law::template Eight<AsNibble>(key, key.offset + row * matrix.index_stride + col, r);
        nibbles[v] = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i) nibbles[v] |= r[i] << (4 * i);
      }
#pragma unroll
      for (int r = 0; r < 32; ++r) {
        const std::uint32_t word = __shfl_sync(kFullWarp, nibbles[r / 8], 4 * (r % 8) + lane / 8);
        const std::uint32_t nibble = word >> (4 * (lane % 8));
        const float noise =
            AsFloat::Make(nibble & 3u, (nibble & 3u) >= 2, (nibble & 3u) == 3, nibble << 28);
        const std::uint64_t element = (tile.row + r) * matrix.cols + tile.col + lane;
        rows[r] = __fmul_rn(__uint_as_float(In::ToFloat32Bits(grad[element])), noise);
      }
    } else {
#pragma unroll
      for (int r = 0; r < 32; ++r) {
        rows[r] = 0.0f;
        if (r < tile.height && lane < tile.width) {
          const std::uint64_t row = tile.row + r, col = tile.col + lane;
          const float noise =
              Law::template At<AsFloat>(key, key.offset + row * matrix.index_stride + col);
          rows[r] =
              __fmul_rn(__uint_as_float(In::ToFloat32Bits(grad[row * matrix.cols + col])), noise);
        }
      }
    }
    HalveRows<16>(rows, lane);
    HalveRows<8>(rows, lane);
    HalveRows<4>(rows, lane);
    HalveRows<2>(rows, lane);
    HalveRows<1>(rows, lane);
    const float sum = ButterflySum(rows[0]);
    if (lane == 0) grad_bits[block] = FinishGradient(scales[block], sum);
  }
}

}  // namespace
}  // namespace ulproof::gpu

#define ULPROOF_BACKWARD_KERNEL(name, body, In, Law)                                          \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* grad, const float* scales, \
                                  float* grad_bits, std::uint64_t rows, std::uint64_t cols,   \
                                  std::uint64_t index_stride, std::uint64_t seed,             \
                                  std::uint64_t stream, std::uint64_t offset) {               \
    ulproof::gpu::body<ulproof::gpu::In, ulproof::gpu::Law>(                                  \
        grad, scales, grad_bits, {rows, cols, index_stride}, {seed, stream, offset});         \
  }
#define ULPROOF_BACKWARD_KERNELS(id, In, Law)                            \
  ULPROOF_BACKWARD_KERNEL(backward_##id##_plain, BackwardPlain, In, Law) \
  ULPROOF_BACKWARD_KERNEL(backward_##id, Backward, In, Law)

ULPROOF_BACKWARD_KERNELS(float32_rg16, Float32, Rg16)
ULPROOF_BACKWARD_KERNELS(bfloat16_rg16, Bfloat16, Rg16)
ULPROOF_BACKWARD_KERNELS(bfloat16_rgbits, Bfloat16, Rgbits)
