// SPDX-License-Identifier: Apache-2.0
// Blocks of any shape (contract section 6) and the canonical sums over them (section 8), for the
// quantizers with a fitted scale.
//
// Version 1's way, BlockSum: a warp has one block, a lane one column in 32, and each row is reduced
// by five shuffles.
//
// Version 2's way, RowBatch: a warp has 32 whole rows at a time, those of one block that is 32 high
// or of 32 blocks that are one row each. Vector v of a lane is in row 8v + lane/4, columns 8 (lane
// mod 4) .. +7, as in tile.cuh: 16-byte loads of bfloat16, and the eight accumulators of a vector
// are eight of the contract's 32 lanes. So the fold over wide rows needs no shuffle, and of the
// butterfly only distances 16 and 8 leave the lane, for all 32 rows together in 16 + 8 shuffles;
// the other three are additions of a lane's own numbers. Binary32 addition commutes, so which
// partner adds does not show; the tree of sums is the contract's.
#ifndef ULPROOF_GPU_KERNELS_BLOCKS_CUH_
#define ULPROOF_GPU_KERNELS_BLOCKS_CUH_

#include <cstdint>

#include "convert.cuh"
#include "tile.cuh"

namespace ulproof::gpu {

struct Block {
  std::uint64_t row, col;  // First element.
  int height, width;

  __device__ __forceinline__ float Count() const {
    return __ull2float_rn(static_cast<std::uint64_t>(height) * width);
  }
};

// A matrix and how it is cut.
struct BlockGrid {
  std::uint64_t rows, cols;
  std::uint32_t block_rows, block_cols;

  __device__ __forceinline__ std::uint64_t Across() const {
    return (cols + block_cols - 1) / block_cols;
  }
  __device__ __forceinline__ std::uint64_t Count() const {
    return (rows + block_rows - 1) / block_rows * Across();
  }
  __device__ __forceinline__ Block At(std::uint64_t index) const {
    const std::uint64_t across = Across();
    const std::uint64_t row = index / across * block_rows, col = index % across * block_cols;
    return {row, col, static_cast<int>(min(std::uint64_t{block_rows}, rows - row)),
            static_cast<int>(min(std::uint64_t{block_cols}, cols - col))};
  }
  // The block of an element.
  __device__ __forceinline__ std::uint64_t Of(std::uint64_t row, std::uint64_t col) const {
    return row / block_rows * Across() + col / block_cols;
  }
};

template <typename In>
__device__ __forceinline__ float LoadFloat(const typename In::Storage* from) {
  return __uint_as_float(In::ToFloat32Bits(*from));
}
// Eight neighbours, in 16-byte accesses. Precondition: aligned.
template <typename In>
__device__ __forceinline__ void LoadFloats(const typename In::Storage* from, float (&values)[8]) {
  Eight<typename In::Storage> eight;
  eight.Load(from);
#pragma unroll
  for (int i = 0; i < 8; ++i) values[i] = __uint_as_float(In::ToFloat32Bits(eight.Get(i)));
}
__device__ __forceinline__ void StoreFloats(float* to, const float (&values)[8]) {
  Eight<std::uint32_t> eight;
#pragma unroll
  for (int i = 0; i < 8; ++i) eight.Set(i, __float_as_uint(values[i]));
  eight.Store(reinterpret_cast<std::uint32_t*>(to));
}

// --- Version 1's way ---------------------------------------------------------------------------

// SUM of term(row, col) over the block, on all lanes. An accumulator starts from -0, which any
// number added to leaves as it was; a lane that is absent is +0.
template <typename Term>
__device__ __forceinline__ float BlockSum(const Block& block, const Term& term) {
  const int lane = threadIdx.x % kWarpSize;
  float row_sums = lane < block.height ? -0.0f : 0.0f;
  for (int r = 0; r < block.height; ++r) {
    float x = lane < block.width ? -0.0f : 0.0f;
    for (int c = lane; c < block.width; c += kWarpSize) {
      x = __fadd_rn(x, term(block.row + r, block.col + c));
    }
    const float sum = ButterflySum(x);
    if (lane == r % kWarpSize) row_sums = __fadd_rn(row_sums, sum);
  }
  return ButterflySum(row_sums);
}

// --- Version 2's way ---------------------------------------------------------------------------

struct RowBatch {
  bool is_one_block;
  std::uint64_t first_block, block_count;  // Of the batch, of the grid.
  std::uint64_t row[4], col[4];            // Where the lane's vectors begin.
  int width;

  __device__ __forceinline__ RowBatch(const BlockGrid& grid, bool one_block, std::uint64_t unit)
      : is_one_block(one_block),
        first_block(one_block ? unit : 32 * unit),
        block_count(grid.Count()),
        width(static_cast<int>(grid.block_cols)) {
    const int lane = threadIdx.x % kWarpSize;
    const std::uint64_t across = grid.Across();
#pragma unroll
    for (int v = 0; v < 4; ++v) {
      const std::uint64_t block = BlockOf(v);
      row[v] = is_one_block ? block / across * kBlockSide + 8 * v + lane / 4 : block / across;
      col[v] = block % across * grid.block_cols + 8 * (lane % 4);
    }
  }

  // The block of vector v's row; the last batch may reach beyond the last block.
  __device__ __forceinline__ std::uint64_t BlockOf(int v) const {
    return first_block + (is_one_block ? 0 : 8 * v + threadIdx.x % kWarpSize / 4);
  }
  __device__ __forceinline__ bool Has(int v) const { return BlockOf(v) < block_count; }

  // visit(v, column) for each of the lane's vectors, the columns in order.
  template <typename Visit>
  __device__ __forceinline__ void ForVectors(const Visit& visit) const {
    for (int c = 0; c < width; c += kWarpSize) {
#pragma unroll
      for (int v = 0; v < 4; ++v) {
        if (Has(v)) visit(v, col[v] + c);
      }
    }
  }

  // After a reduction lane l owns row 8 (l mod 4) + l/4, or a share of the one block. Its block:
  __device__ __forceinline__ std::uint64_t OwnBlock() const {
    const int lane = threadIdx.x % kWarpSize;
    return first_block + (is_one_block ? 0 : 8 * (lane % 4) + lane / 4);
  }
  // Whether the lane is the one that writes what its block has come out with.
  __device__ __forceinline__ bool Writes() const {
    return is_one_block ? threadIdx.x % kWarpSize == 0 : OwnBlock() < block_count;
  }
  // Elements of a block.
  __device__ __forceinline__ float Count() const {
    return __int2float_rn(is_one_block ? kBlockSide * width : width);
  }
  // What the owner of vector v's row has in `value`.
  __device__ __forceinline__ float FromOwner(float value, int v) const {
    return __shfl_sync(kFullWarp, value, (threadIdx.x % kWarpSize & ~3u) | v);
  }

  // kSums canonical sums at once over each row's block. terms(v, column, terms) makes eight terms
  // for each.
  template <int kSums, typename Terms>
  __device__ __forceinline__ void Sum(const Terms& make_terms, float (&sums)[kSums]) const {
    float lanes[kSums][4][8];
#pragma unroll
    for (int k = 0; k < kSums; ++k) {
#pragma unroll
      for (int v = 0; v < 4; ++v) {
#pragma unroll
        for (int i = 0; i < 8; ++i) lanes[k][v][i] = -0.0f;
      }
    }
    ForVectors([&](int v, std::uint64_t column) {
      float terms[kSums][8];
      make_terms(v, column, terms);
#pragma unroll
      for (int k = 0; k < kSums; ++k) {
#pragma unroll
        for (int i = 0; i < 8; ++i) lanes[k][v][i] = __fadd_rn(lanes[k][v][i], terms[k][i]);
      }
    });
#pragma unroll
    for (int k = 0; k < kSums; ++k) sums[k] = Reduce(lanes[k]);
  }

 private:
  __device__ __forceinline__ float Reduce(const float (&lanes)[4][8]) const {
    const bool upper = threadIdx.x & 2, odd = threadIdx.x & 1;
    float x[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      float half[2];
#pragma unroll
      for (int v = 0; v < 2; ++v) {
        const float send = upper ? lanes[v][i] : lanes[v + 2][i];
        const float keep = upper ? lanes[v + 2][i] : lanes[v][i];
        half[v] = __fadd_rn(keep, __shfl_xor_sync(kFullWarp, send, 2));
      }
      const float send = odd ? half[0] : half[1], keep = odd ? half[1] : half[0];
      x[i] = __fadd_rn(keep, __shfl_xor_sync(kFullWarp, send, 1));
    }
    float sum = __fadd_rn(__fadd_rn(__fadd_rn(x[0], x[4]), __fadd_rn(x[2], x[6])),
                          __fadd_rn(__fadd_rn(x[1], x[5]), __fadd_rn(x[3], x[7])));
    // A block of one row adds 31 absent ones, which are +0.
    if (!is_one_block) return __fadd_rn(sum, 0.0f);
    // Rows at distance 16, 8, 4, 2, 1.
    sum = __fadd_rn(sum, __shfl_xor_sync(kFullWarp, sum, 2));
    sum = __fadd_rn(sum, __shfl_xor_sync(kFullWarp, sum, 1));
    sum = __fadd_rn(sum, __shfl_xor_sync(kFullWarp, sum, 16));
    sum = __fadd_rn(sum, __shfl_xor_sync(kFullWarp, sum, 8));
    return __fadd_rn(sum, __shfl_xor_sync(kFullWarp, sum, 4));
  }
};

// Deals the grid to the warps: rows(batch) where version 2's way can go, else one(block index).
// `aligned`: vectors of eight elements fall on the addresses of vector accesses.
template <typename Rows, typename One>
__device__ __forceinline__ void ForBlocks(const BlockGrid& grid, bool aligned, const Rows& rows,
                                          const One& one) {
  const bool can_batch = aligned && grid.block_cols % kWarpSize == 0;
  const bool one_row_each = can_batch && grid.block_rows == 1 && grid.cols % grid.block_cols == 0;
  const std::uint64_t count = grid.Count();
  const std::uint64_t units = one_row_each ? (count + 31) / 32 : count;
  const std::uint64_t warps_a_block = blockDim.x / kWarpSize;
  for (std::uint64_t unit = blockIdx.x * warps_a_block + threadIdx.x / kWarpSize; unit < units;
       unit += gridDim.x * warps_a_block) {
    const Block block = grid.At(unit);
    const bool is_whole = can_batch && block.height == kBlockSide &&
                          grid.block_rows == kBlockSide &&
                          static_cast<std::uint32_t>(block.width) == grid.block_cols;
    if (one_row_each || is_whole) {
      rows(RowBatch(grid, !one_row_each, unit));
    } else {
      one(unit);
    }
  }
}

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_BLOCKS_CUH_
