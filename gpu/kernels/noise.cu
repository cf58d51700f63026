// SPDX-License-Identifier: Apache-2.0
// Noise R alone (contract section 5): integer laws as int8 or as packed nibbles, and the field's
// floating-point baselines, Box-Muller and DiffQ's uniform.
//
// Version 1, `_plain`: one thread an element (a word, when packed). Every element draws its whole
// group.
//
// Version 2: 16 bytes of output a thread, and a group of random words is drawn once for all
// elements that it serves. Rows that do not start on a multiple of eight fall back to version 1's
// way, element by element.
#include <cstdint>

#include "noise.cuh"
#include "philox.cuh"
#include "tile.cuh"

namespace ulproof::gpu {
namespace {

__device__ __forceinline__ std::uint64_t ThreadIndex() {
  return std::uint64_t{blockIdx.x} * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ std::uint64_t ThreadCount() {
  return std::uint64_t{gridDim.x} * blockDim.x;
}

// The logical index of element `i` of the call.
__device__ __forceinline__ std::uint64_t LogicalIndex(const Matrix& matrix, const RandomKey& key,
                                                      std::uint64_t i) {
  return key.offset + i / matrix.cols * matrix.index_stride + i % matrix.cols;
}

// Two's complement byte of a nibble.
__device__ __forceinline__ std::uint32_t Int8Byte(std::uint32_t nibble) {
  const std::uint32_t magnitude = nibble & 3u;
  return (nibble & 8u ? 0u - magnitude : magnitude) & 0xFFu;
}

template <typename Law>
__device__ __forceinline__ std::uint32_t NibbleWord(const Matrix& matrix, const RandomKey& key,
                                                    std::uint64_t first, std::uint64_t count) {
  std::uint32_t word = 0;
  for (std::uint64_t i = first; i < first + 8 && i < count; ++i) {
    word |= Law::template At<AsNibble>(key, LogicalIndex(matrix, key, i)) << (4 * (i - first));
  }
  return word;
}

// Whether elements 8k..8k+7 of the call are one aligned run of logical elements, for every k.
__device__ __forceinline__ bool RunsAligned(const Matrix& matrix, const RandomKey& key) {
  return ((matrix.cols | matrix.index_stride | key.offset) & 7u) == 0;
}

template <typename Law>
__device__ __forceinline__ std::uint32_t AlignedNibbleWord(const Matrix& matrix,
                                                           const RandomKey& key,
                                                           std::uint64_t first) {
  std::uint32_t r[8];
  Law::template Eight<AsNibble>(key, LogicalIndex(matrix, key, first), r);
  std::uint32_t word = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) word |= r[i] << (4 * i);
  return word;
}

template <typename Law>
__device__ void NoiseInt8Plain(std::int8_t* noise, const Matrix& matrix, const RandomKey& key) {
  const std::uint64_t i = ThreadIndex();
  if (i >= matrix.rows * matrix.cols) return;
  noise[i] = static_cast<std::int8_t>(
      Int8Byte(Law::template At<AsNibble>(key, LogicalIndex(matrix, key, i))));
}

template <typename Law>
__device__ void NoiseNibblesPlain(std::uint32_t* noise, const Matrix& matrix,
                                  const RandomKey& key) {
  const std::uint64_t count = matrix.rows * matrix.cols, first = 8 * ThreadIndex();
  if (first >= count) return;
  noise[first / 8] = NibbleWord<Law>(matrix, key, first, count);
}

// 16 elements a thread and turn.
template <typename Law>
__device__ void NoiseInt8(std::int8_t* noise, const Matrix& matrix, const RandomKey& key) {
  const std::uint64_t count = matrix.rows * matrix.cols;
  const bool aligned =
      RunsAligned(matrix, key) && (reinterpret_cast<std::uint64_t>(noise) & 15u) == 0;
  for (std::uint64_t first = 16 * ThreadIndex(); first < count; first += 16 * ThreadCount()) {
    if (aligned && first + 16 <= count) {
      std::uint32_t words[4];
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        std::uint32_t r[8];
        Law::template Eight<AsNibble>(key, LogicalIndex(matrix, key, first + 8 * half), r);
#pragma unroll
        for (int word = 0; word < 2; ++word) {
          words[2 * half + word] = Int8Byte(r[4 * word]) | Int8Byte(r[4 * word + 1]) << 8 |
                                   Int8Byte(r[4 * word + 2]) << 16 |
                                   Int8Byte(r[4 * word + 3]) << 24;
        }
      }
      __stcs(reinterpret_cast<uint4*>(noise + first),
             make_uint4(words[0], words[1], words[2], words[3]));
    } else {
      for (std::uint64_t i = first; i < first + 16 && i < count; ++i) {
        noise[i] = static_cast<std::int8_t>(
            Int8Byte(Law::template At<AsNibble>(key, LogicalIndex(matrix, key, i))));
      }
    }
  }
}

// 32 elements, four words, a thread and turn.
template <typename Law>
__device__ void NoiseNibbles(std::uint32_t* noise, const Matrix& matrix, const RandomKey& key) {
  const std::uint64_t count = matrix.rows * matrix.cols;
  const bool aligned =
      RunsAligned(matrix, key) && (reinterpret_cast<std::uint64_t>(noise) & 15u) == 0;
  for (std::uint64_t first = 32 * ThreadIndex(); first < count; first += 32 * ThreadCount()) {
    if (aligned && first + 32 <= count) {
      __stcs(reinterpret_cast<uint4*>(noise + first / 8),
             make_uint4(AlignedNibbleWord<Law>(matrix, key, first),
                        AlignedNibbleWord<Law>(matrix, key, first + 8),
                        AlignedNibbleWord<Law>(matrix, key, first + 16),
                        AlignedNibbleWord<Law>(matrix, key, first + 24)));
    } else {
      for (std::uint64_t i = first; i < first + 32 && i < count; i += 8) {
        noise[i / 8] = NibbleWord<Law>(matrix, key, i, count);
      }
    }
  }
}

// round(z / 2) in binary32 with the library's logf and sincospif: what a kernel without a law would
// do. It decides otherwise than the exact reference only where z / 2 is within rounding error of a
// half-integer.
__device__ void NoiseBoxMuller(std::int8_t* noise, const Matrix& matrix, const RandomKey& key) {
  const std::uint64_t count = matrix.rows * matrix.cols;
  for (std::uint64_t i = ThreadIndex(); i < count; i += ThreadCount()) {
    const std::uint64_t element = LogicalIndex(matrix, key, i);
    const Words w = PhiloxWords(key.seed, key.stream, element / 2);
    const float u = __fmaf_rn(__uint2float_rn(w.w0), 0x1p-32f, 0x1p-33f);
    const float v = __fmaf_rn(__uint2float_rn(w.w1), 0x1p-32f, 0x1p-33f);
    const float radius = __fsqrt_rn(__fmul_rn(-2.0f, logf(u)));
    float sine, cosine;
    sincospif(__fmul_rn(2.0f, v), &sine, &cosine);
    const float z = __fmul_rn(radius, element & 1u ? sine : cosine);
    noise[i] = static_cast<std::int8_t>(__float2int_rn(__fmul_rn(0.5f, z)));
  }
}

__device__ void NoiseUniform(float* noise, const Matrix& matrix, const RandomKey& key) {
  const std::uint64_t count = matrix.rows * matrix.cols;
  for (std::uint64_t i = ThreadIndex(); i < count; i += ThreadCount()) {
    noise[i] = Uniform::At<AsFloat>(key, LogicalIndex(matrix, key, i));
  }
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the output, the shape (index_stride is never 0), the random key.
#define ULPROOF_NOISE_KERNEL(name, body, Type)                                         \
  extern "C" __global__ void name(Type* noise, std::uint64_t rows, std::uint64_t cols, \
                                  std::uint64_t index_stride, std::uint64_t seed,      \
                                  std::uint64_t stream, std::uint64_t offset) {        \
    ulproof::gpu::body(noise, {rows, cols, index_stride}, {seed, stream, offset});     \
  }
#define ULPROOF_NOISE_KERNELS(id, Law)                                                          \
  ULPROOF_NOISE_KERNEL(noise_##id##_int8_plain, NoiseInt8Plain<ulproof::gpu::Law>, std::int8_t) \
  ULPROOF_NOISE_KERNEL(noise_##id##_int8, NoiseInt8<ulproof::gpu::Law>, std::int8_t)            \
  ULPROOF_NOISE_KERNEL(noise_##id##_nibbles_plain, NoiseNibblesPlain<ulproof::gpu::Law>,        \
                       std::uint32_t)                                                           \
  ULPROOF_NOISE_KERNEL(noise_##id##_nibbles, NoiseNibbles<ulproof::gpu::Law>, std::uint32_t)

ULPROOF_NOISE_KERNELS(rg16, Rg16)
ULPROOF_NOISE_KERNELS(rg32, Rg32)
ULPROOF_NOISE_KERNELS(rgbits, Rgbits)
ULPROOF_NOISE_KERNEL(noise_boxmuller_int8, NoiseBoxMuller, std::int8_t)
ULPROOF_NOISE_KERNEL(noise_uniform, NoiseUniform, float)
