// SPDX-License-Identifier: Apache-2.0
// sampled = cast(RN32(R s + w)) with s = RN32(M 2^(1-b)) per 32 x 32 block (contract sections 6 and
// 7).
//
// Version 1, `_plain`: one thread an element. Each thread walks its whole block for the maximum:
// 1024 reads an element. What the contract says, nothing else.
//
// Version 2: one warp a block, the block in registers. One read and one write of the weights; the
// maximum by one warp reduction on integer bits; one exp2 a block; a group of noise words serves
// eight elements (version 1 draws it eight times); 16-byte accesses; a grid-stride loop, so the
// launch shape is free.
#include <cstdint>

#include "convert.cuh"
#include "exp2.cuh"
#include "noise.cuh"
#include "philox.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

// The contract's one rounding of R s + w. A product alone could overflow where the sum does not.
__device__ __forceinline__ std::uint32_t Perturb(std::uint32_t weight_bits, float r, float scale) {
  return __float_as_uint(__fmaf_rn(r, scale, __uint_as_float(weight_bits)));
}

template <typename In, typename Out, typename Law>
__device__ void SamplePlain(const typename In::Storage* w, const float* bits,
                            typename Out::Storage* sampled, const Matrix& matrix,
                            bool bits_per_block, bool pow2, const RandomKey& key) {
  const std::uint64_t element = std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (element >= matrix.rows * matrix.cols) return;
  const std::uint64_t row = element / matrix.cols, col = element % matrix.cols;
  const std::uint64_t block = row / kBlockSide * matrix.BlocksAcross() + col / kBlockSide;
  const Tile tile(matrix, block);
  std::uint32_t max_bits = 0;
  for (int r = 0; r < tile.height; ++r) {
    for (int c = 0; c < tile.width; ++c) {
      const std::uint32_t code = In::ToFloat32Bits(w[(tile.row + r) * matrix.cols + tile.col + c]);
      max_bits = max(max_bits, code & 0x7FFFFFFFu);
    }
  }
  if (pow2) max_bits = RoundUpToPowerOfTwo(max_bits);
  const float scale = BlockScale(max_bits, bits[bits_per_block ? block : 0]);
  const float r = Law::template At<AsFloat>(key, key.offset + row * matrix.index_stride + col);
  sampled[element] = Out::FromFloat32Rne(Perturb(In::ToFloat32Bits(w[element]), r, scale));
}

// A whole, aligned block: four vectors of eight elements a lane.
template <typename In, typename Out, typename Law>
__device__ __forceinline__ void SampleVectors(const typename In::Storage* w,
                                              typename Out::Storage* sampled, const Matrix& matrix,
                                              const Tile& tile, float bitwidth, bool pow2,
                                              const RandomKey& key) {
  const int lane = threadIdx.x % kWarpSize;
  const std::uint64_t row = tile.row + lane / 4, col = tile.col + 8 * (lane % 4);
  Eight<typename In::Storage> vectors[4];
  std::uint32_t max_bits = 0;
#pragma unroll
  for (int v = 0; v < 4; ++v) {
    vectors[v].Load(w + (row + 8 * v) * matrix.cols + col);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      max_bits = max(max_bits, In::ToFloat32Bits(vectors[v].Get(i)) & 0x7FFFFFFFu);
    }
  }
  max_bits = WarpMax(max_bits);
  if (pow2) max_bits = RoundUpToPowerOfTwo(max_bits);
  const float scale = BlockScale(max_bits, bitwidth);
#pragma unroll
  for (int v = 0; v < 4; ++v) {
    float r[8];
    Law::template Eight<AsFloat>(key, key.offset + (row + 8 * v) * matrix.index_stride + col, r);
    Eight<typename Out::Storage> out;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const std::uint32_t weight = In::ToFloat32Bits(vectors[v].Get(i));
      out.Set(i, Out::FromFloat32Rne(Perturb(weight, r[i], scale)));
    }
    out.Store(sampled + (row + 8 * v) * matrix.cols + col);
  }
}

// Any block: one column a lane. The second pass over the weights hits the cache.
template <typename In, typename Out, typename Law>
__device__ __forceinline__ void SampleColumns(const typename In::Storage* w,
                                              typename Out::Storage* sampled, const Matrix& matrix,
                                              const Tile& tile, float bitwidth, bool pow2,
                                              const RandomKey& key) {
  const int lane = threadIdx.x % kWarpSize;
  const int height = lane < tile.width ? tile.height : 0;
  const std::uint64_t col = tile.col + lane;
  std::uint32_t max_bits = 0;
  for (int r = 0; r < height; ++r) {
    max_bits =
        max(max_bits, In::ToFloat32Bits(w[(tile.row + r) * matrix.cols + col]) & 0x7FFFFFFFu);
  }
  max_bits = WarpMax(max_bits);
  if (pow2) max_bits = RoundUpToPowerOfTwo(max_bits);
  const float scale = BlockScale(max_bits, bitwidth);
  for (int r = 0; r < height; ++r) {
    const std::uint64_t element = (tile.row + r) * matrix.cols + col;
    const std::uint64_t index = key.offset + (tile.row + r) * matrix.index_stride + col;
    const float noise = Law::template At<AsFloat>(key, index);
    sampled[element] = Out::FromFloat32Rne(Perturb(In::ToFloat32Bits(w[element]), noise, scale));
  }
}

template <typename In, typename Out, typename Law>
__device__ void Sample(const typename In::Storage* w, const float* bits,
                       typename Out::Storage* sampled, const Matrix& matrix, bool bits_per_block,
                       bool pow2, const RandomKey& key) {
  const bool aligned =
      VectorsAligned(matrix, key.offset,
                     reinterpret_cast<std::uint64_t>(w) | reinterpret_cast<std::uint64_t>(sampled));
  const std::uint64_t warps_a_block = blockDim.x / kWarpSize;
  const std::uint64_t stride = gridDim.x * warps_a_block;
  for (std::uint64_t block = blockIdx.x * warps_a_block + threadIdx.x / kWarpSize;
       block < matrix.BlockCount(); block += stride) {
    const Tile tile(matrix, block);
    const float bitwidth = bits[bits_per_block ? block : 0];
    if (aligned && tile.whole()) {
      SampleVectors<In, Out, Law>(w, sampled, matrix, tile, bitwidth, pow2, key);
    } else {
      SampleColumns<In, Out, Law>(w, sampled, matrix, tile, bitwidth, pow2, key);
    }
  }
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the operation's buffers in order, the shape (index_stride is never 0), flags, the
// random key.
#define ULPROOF_SAMPLE_KERNEL(name, body, In, Out, Law)                                           \
  extern "C" __global__ void name(                                                                \
      const ulproof::gpu::In::Storage* w, const float* bits, ulproof::gpu::Out::Storage* sampled, \
      std::uint64_t rows, std::uint64_t cols, std::uint64_t index_stride,                         \
      std::uint32_t bits_per_block, std::uint32_t pow2, std::uint64_t seed, std::uint64_t stream, \
      std::uint64_t offset) {                                                                     \
    ulproof::gpu::body<ulproof::gpu::In, ulproof::gpu::Out, ulproof::gpu::Law>(                   \
        w, bits, sampled, {rows, cols, index_stride}, bits_per_block != 0, pow2 != 0,             \
        {seed, stream, offset});                                                                  \
  }
#define ULPROOF_SAMPLE_KERNELS(id, In, Out, Law)                        \
  ULPROOF_SAMPLE_KERNEL(sample_##id##_plain, SamplePlain, In, Out, Law) \
  ULPROOF_SAMPLE_KERNEL(sample_##id, Sample, In, Out, Law)

ULPROOF_SAMPLE_KERNELS(bfloat16_bfloat16_rne_ovf_rg16, Bfloat16, Bfloat16Ovf, Rg16)
ULPROOF_SAMPLE_KERNELS(bfloat16_bfloat16_rne_ovf_rg32, Bfloat16, Bfloat16Ovf, Rg32)
ULPROOF_SAMPLE_KERNELS(bfloat16_bfloat16_rne_ovf_rgbits, Bfloat16, Bfloat16Ovf, Rgbits)
ULPROOF_SAMPLE_KERNELS(float32_bfloat16_rne_ovf_rg16, Float32, Bfloat16Ovf, Rg16)
ULPROOF_SAMPLE_KERNELS(bfloat16_float8_e4m3fn_rne_sat_rg16, Bfloat16, Float8E4m3fnSat, Rg16)
ULPROOF_SAMPLE_KERNELS(bfloat16_float6_e3m2fn_rne_sat_rg16, Bfloat16, Float6E3m2fn, Rg16)
ULPROOF_SAMPLE_KERNELS(bfloat16_float4_e2m1fn_rne_sat_rg16, Bfloat16, Float4E2m1fn, Rg16)
