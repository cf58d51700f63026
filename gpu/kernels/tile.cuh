// SPDX-License-Identifier: Apache-2.0
// One warp holds one 32 x 32 block in registers. Where the block is whole and everything is
// aligned, a lane owns four vectors of eight elements: vector v is row 8v + lane/4, columns 8 (lane
// mod 4) .. +7, so that a vector of bfloat16 is one 16-byte access and one group of rg16 noise.
// Elsewhere (edges, odd column counts, odd offsets) a lane owns one column. Both visit each element
// once.
#ifndef ULPROOF_GPU_KERNELS_TILE_CUH_
#define ULPROOF_GPU_KERNELS_TILE_CUH_

#include <cstdint>

#include "philox.cuh"

namespace ulproof::gpu {

inline constexpr int kBlockSide = 32;
inline constexpr int kWarpSize = 32;
inline constexpr unsigned kFullWarp = 0xFFFFFFFFu;

// A matrix or a part of one: formats/block_spec.h's Shape, index_stride never 0 here.
struct Matrix {
  std::uint64_t rows, cols, index_stride;

  __device__ __forceinline__ std::uint64_t BlocksAcross() const {
    return (cols + kBlockSide - 1) / kBlockSide;
  }
  __device__ __forceinline__ std::uint64_t BlockCount() const {
    return (rows + kBlockSide - 1) / kBlockSide * BlocksAcross();
  }
};

struct Tile {
  std::uint64_t row, col;  // First element.
  int height, width;       // At most 32.

  __device__ __forceinline__ Tile(const Matrix& matrix, std::uint64_t block) {
    const std::uint64_t across = matrix.BlocksAcross();
    row = block / across * kBlockSide;
    col = block % across * kBlockSide;
    height = static_cast<int>(min(std::uint64_t{kBlockSide}, matrix.rows - row));
    width = static_cast<int>(min(std::uint64_t{kBlockSide}, matrix.cols - col));
  }
  __device__ __forceinline__ bool whole() const {
    return height == kBlockSide && width == kBlockSide;
  }
};

// Whether whole tiles can take the vector path: rows, the logical indices of rows, and the call's
// first index all fall on multiples of eight elements, and the buffers on 16 bytes (`addresses`
// ored together).
__device__ __forceinline__ bool VectorsAligned(const Matrix& matrix, std::uint64_t offset,
                                               std::uint64_t addresses) {
  return ((matrix.cols | matrix.index_stride | offset) & 7u) == 0 && (addresses & 15u) == 0;
}

// The largest over the warp, on all lanes. On integers: binary32 magnitudes compare like their
// bits, and a NaN is larger than everything, so it wins as the contract asks.
__device__ __forceinline__ std::uint32_t WarpMax(std::uint32_t value) {
#if __CUDA_ARCH__ >= 800
  return __reduce_max_sync(kFullWarp, value);
#else
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value = max(value, __shfl_xor_sync(kFullWarp, value, distance));
  }
  return value;
#endif
}

// Step 3 of the canonical sum (contract section 8): one number a lane, the sum on all lanes.
__device__ __forceinline__ float ButterflySum(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    x = __fadd_rn(x, __shfl_xor_sync(kFullWarp, x, distance));
  }
  return x;
}

// Eight elements as they lie in memory: 8, 16 or 32 bytes, moved in accesses of up to 16. Kept as
// words, because the compiler splits a struct of small integers into small stores.
template <typename Storage>
struct Eight {
  static constexpr int kPerWord = 4 / sizeof(Storage);
  static constexpr int kBits = 8 * sizeof(Storage);
  std::uint32_t words[8 / kPerWord] = {};

  __device__ __forceinline__ Storage Get(int i) const {
    return static_cast<Storage>(words[i / kPerWord] >> (kBits * (i % kPerWord)));
  }
  // Precondition: element i was not set before.
  __device__ __forceinline__ void Set(int i, Storage code) {
    words[i / kPerWord] |= static_cast<std::uint32_t>(code) << (kBits * (i % kPerWord));
  }
  __device__ __forceinline__ void Load(const Storage* from) {
    if constexpr (sizeof(Storage) == 1) {
      const uint2 v = *reinterpret_cast<const uint2*>(from);
      words[0] = v.x, words[1] = v.y;
    } else {
#pragma unroll
      for (int i = 0; i < 8 / kPerWord; i += 4) {
        const uint4 v = reinterpret_cast<const uint4*>(from)[i / 4];
        words[i] = v.x, words[i + 1] = v.y, words[i + 2] = v.z, words[i + 3] = v.w;
      }
    }
  }
  // Streaming stores: nobody here reads the result again, and a plain store of a vector would be
  // split.
  __device__ __forceinline__ void Store(Storage* to) const {
    if constexpr (sizeof(Storage) == 1) {
      __stcs(reinterpret_cast<uint2*>(to), make_uint2(words[0], words[1]));
    } else {
#pragma unroll
      for (int i = 0; i < 8 / kPerWord; i += 4) {
        __stcs(reinterpret_cast<uint4*>(to) + i / 4,
               make_uint4(words[i], words[i + 1], words[i + 2], words[i + 3]));
      }
    }
  }
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_TILE_CUH_
