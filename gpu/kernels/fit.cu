// SPDX-License-Identifier: Apache-2.0
// Scale and zero point of each block from its elements (contract section 14), by four rules: the
// largest magnitude (`minmax`), minimum and maximum onto the outermost levels (`range`) or onto a
// real number of bits (`bits`), and a number of standard deviations (`sigma`). Extremes are
// compared as integers, free of order; sums are canonical.
//
// Version 1, `_plain`: one warp a block. Version 2: 32 rows a warp in 16-byte loads (blocks.cuh);
// extremes of a row are in four lanes, so 32 blocks of one row each cost the shuffles of one.
#include <cstdint>

#include "blocks.cuh"
#include "convert.cuh"
#include "exp2.cuh"
#include "levels.cuh"

namespace ulproof::gpu {
namespace {

// What a rule needs of a block: maxima of integers made of the elements' binary32 bits. A minimum
// is the maximum of the complements.
struct Magnitude {
  static constexpr int kMaxima = 1;
  static __device__ __forceinline__ void Take(std::uint32_t bits, std::uint32_t (&maxima)[1]) {
    maxima[0] = max(maxima[0], bits & 0x7FFFFFFFu);
  }
};
struct MinAndMax {
  static constexpr int kMaxima = 2;
  // Ordered as the numbers are, NaNs outside the infinities.
  static __device__ __forceinline__ void Take(std::uint32_t bits, std::uint32_t (&maxima)[2]) {
    const std::uint32_t key = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    maxima[0] = max(maxima[0], key);
    maxima[1] = max(maxima[1], ~key);
  }
  // Zeros are +0; with a NaN in the block one of them is NaN, and the difference with it.
  static __device__ __forceinline__ float FromKey(std::uint32_t key) {
    const std::uint32_t bits = (key & 0x80000000u) != 0 ? key & 0x7FFFFFFFu : ~key;
    return __fadd_rn(__uint_as_float(bits), 0.0f);
  }
  static __device__ __forceinline__ float Max(const std::uint32_t (&maxima)[2]) {
    return FromKey(maxima[0]);
  }
  static __device__ __forceinline__ float Min(const std::uint32_t (&maxima)[2]) {
    return FromKey(~maxima[1]);
  }
};

// The rules. `Fit` of a block from its maxima.
struct MinmaxRule {
  using Extremes = Magnitude;
  float half_width;

  __device__ __forceinline__ FittedScale Fit(const std::uint32_t (&maxima)[1],
                                             std::uint64_t) const {
    return {__fdiv_rn(__uint_as_float(maxima[0]), half_width), 0.0f};
  }
};
struct RangeRule {
  using Extremes = MinAndMax;
  float width, lowest;

  __device__ __forceinline__ FittedScale Fit(const std::uint32_t (&maxima)[2],
                                             std::uint64_t) const {
    const float least = MinAndMax::Min(maxima);
    const float scale = __fdiv_rn(__fsub_rn(MinAndMax::Max(maxima), least), width);
    return {scale, __fmaf_rn(-lowest, scale, least)};
  }
};
struct BitsRule {
  using Extremes = MinAndMax;
  const float* bits;
  bool bits_per_block;

  __device__ __forceinline__ FittedScale Fit(const std::uint32_t (&maxima)[2],
                                             std::uint64_t block) const {
    const float least = MinAndMax::Min(maxima);
    const float steps = __fsub_rn(Exp2Rn(bits[bits_per_block ? block : 0]), 1.0f);
    return {__fdiv_rn(__fsub_rn(MinAndMax::Max(maxima), least), steps), least};
  }
};

// What every rule is given.
template <typename In>
struct FitCall {
  const typename In::Storage* x;
  float* scales;
  float* zeros;
  BlockGrid grid;

  __device__ __forceinline__ void Write(std::uint64_t block, const FittedScale& fitted) const {
    const FittedScale finite = fitted.OrNan();
    scales[block] = finite.scale;
    zeros[block] = finite.zero;
  }
};

template <typename In, typename Rule>
struct FitExtremes {
  static constexpr int kMaxima = Rule::Extremes::kMaxima;
  FitCall<In> call;
  Rule rule;

  // All lanes of a warp.
  __device__ __forceinline__ void OneBlock(std::uint64_t index) const {
    const Block block = call.grid.At(index);
    std::uint32_t maxima[kMaxima] = {};
    for (int r = 0; r < block.height; ++r) {
      for (int c = threadIdx.x % kWarpSize; c < block.width; c += kWarpSize) {
        const std::uint64_t element = (block.row + r) * call.grid.cols + block.col + c;
        Rule::Extremes::Take(In::ToFloat32Bits(call.x[element]), maxima);
      }
    }
#pragma unroll
    for (int k = 0; k < kMaxima; ++k) maxima[k] = WarpMax(maxima[k]);
    if (threadIdx.x % kWarpSize == 0) call.Write(index, rule.Fit(maxima, index));
  }

  __device__ __forceinline__ void Rows(const RowBatch& batch) const {
    std::uint32_t of_row[4][kMaxima] = {};
    batch.ForVectors([&](int v, std::uint64_t col) {
      Eight<typename In::Storage> eight;
      eight.Load(call.x + batch.row[v] * call.grid.cols + col);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        Rule::Extremes::Take(In::ToFloat32Bits(eight.Get(i)), of_row[v]);
      }
    });
    std::uint32_t own[kMaxima];
#pragma unroll
    for (int k = 0; k < kMaxima; ++k) {
#pragma unroll
      for (int v = 0; v < 4; ++v) {
        std::uint32_t most = of_row[v][k];
        most = max(most, __shfl_xor_sync(kFullWarp, most, 2));
        most = max(most, __shfl_xor_sync(kFullWarp, most, 1));
        own[k] = v == 0 || threadIdx.x % 4 == v ? most : own[k];
      }
      if (batch.is_one_block) own[k] = WarpMax(own[k]);
    }
    if (batch.Writes()) call.Write(batch.OwnBlock(), rule.Fit(own, batch.OwnBlock()));
  }
};

template <typename In>
struct FitSigma {
  FitCall<In> call;
  const float* clip;
  float half_width;
  bool mean_zero;

  __device__ __forceinline__ FittedScale Fit(float mean, float squares, float count) const {
    const float deviation = __fsqrt_rn(__fdiv_rn(squares, count));
    return {__fdiv_rn(__fmul_rn(*clip, deviation), half_width), mean_zero ? mean : 0.0f};
  }

  __device__ __forceinline__ void OneBlock(std::uint64_t index) const {
    const Block block = call.grid.At(index);
    const auto value = [&](std::uint64_t row, std::uint64_t col) {
      return LoadFloat<In>(call.x + row * call.grid.cols + col);
    };
    const float mean = __fdiv_rn(BlockSum(block, value), block.Count());
    const float squares = BlockSum(block, [&](std::uint64_t row, std::uint64_t col) {
      const float distance = __fsub_rn(value(row, col), mean);
      return __fmul_rn(distance, distance);
    });
    if (threadIdx.x % kWarpSize == 0) call.Write(index, Fit(mean, squares, block.Count()));
  }

  __device__ __forceinline__ void Rows(const RowBatch& batch) const {
    const auto load = [&](int v, std::uint64_t col, float(&values)[8]) {
      LoadFloats<In>(call.x + batch.row[v] * call.grid.cols + col, values);
    };
    float sum[1], squares[1], means[4];
    batch.Sum<1>([&](int v, std::uint64_t col, float(&terms)[1][8]) { load(v, col, terms[0]); },
                 sum);
    const float mean = __fdiv_rn(sum[0], batch.Count());
#pragma unroll
    for (int v = 0; v < 4; ++v) means[v] = batch.FromOwner(mean, v);
    batch.Sum<1>(
        [&](int v, std::uint64_t col, float(&terms)[1][8]) {
          load(v, col, terms[0]);
#pragma unroll
          for (int i = 0; i < 8; ++i) {
            const float distance = __fsub_rn(terms[0][i], means[v]);
            terms[0][i] = __fmul_rn(distance, distance);
          }
        },
        squares);
    if (batch.Writes()) call.Write(batch.OwnBlock(), Fit(mean, squares[0], batch.Count()));
  }
};

template <typename Fit>
__device__ __forceinline__ void FitPlain(const Fit& fit) {
  const std::uint64_t block =
      blockIdx.x * std::uint64_t{blockDim.x / kWarpSize} + threadIdx.x / kWarpSize;
  if (block < fit.call.grid.Count()) fit.OneBlock(block);
}

template <typename Fit>
__device__ __forceinline__ void FitRows(const Fit& fit) {
  const bool aligned =
      (fit.call.grid.cols & 7u) == 0 && (reinterpret_cast<std::uint64_t>(fit.call.x) & 15u) == 0;
  ForBlocks(
      fit.call.grid, aligned, [&](const RowBatch& batch) { fit.Rows(batch); },
      [&](std::uint64_t block) { fit.OneBlock(block); });
}

}  // namespace
}  // namespace ulproof::gpu

// Arguments: the buffers, the shape of the matrix and of a block, what the rule knows of the
// levels.
#define ULPROOF_FIT_SHAPE \
  std::uint64_t rows, std::uint64_t cols, std::uint32_t block_rows, std::uint32_t block_cols
#define ULPROOF_FIT_GRID \
  { rows, cols, block_rows, block_cols }
#define ULPROOF_FIT_MINMAX_KERNEL(name, body, In)                                                  \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* x, float* scales, float* zeros, \
                                  ULPROOF_FIT_SHAPE, float half_width) {                           \
    ulproof::gpu::body(ulproof::gpu::FitExtremes<ulproof::gpu::In, ulproof::gpu::MinmaxRule>{      \
        {x, scales, zeros, ULPROOF_FIT_GRID}, {half_width}});                                      \
  }
#define ULPROOF_FIT_RANGE_KERNEL(name, body, In)                                                   \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* x, float* scales, float* zeros, \
                                  ULPROOF_FIT_SHAPE, float width, float lowest) {                  \
    ulproof::gpu::body(ulproof::gpu::FitExtremes<ulproof::gpu::In, ulproof::gpu::RangeRule>{       \
        {x, scales, zeros, ULPROOF_FIT_GRID}, {width, lowest}});                                   \
  }
#define ULPROOF_FIT_BITS_KERNEL(name, body, In)                                             \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* x, const float* bits,    \
                                  float* scales, float* zeros, ULPROOF_FIT_SHAPE,           \
                                  std::uint32_t bits_per_block) {                           \
    ulproof::gpu::body(ulproof::gpu::FitExtremes<ulproof::gpu::In, ulproof::gpu::BitsRule>{ \
        {x, scales, zeros, ULPROOF_FIT_GRID}, {bits, bits_per_block != 0}});                \
  }
#define ULPROOF_FIT_SIGMA_KERNEL(name, body, In)                                         \
  extern "C" __global__ void name(const ulproof::gpu::In::Storage* x, const float* clip, \
                                  float* scales, float* zeros, ULPROOF_FIT_SHAPE,        \
                                  float half_width, std::uint32_t mean_zero) {           \
    ulproof::gpu::body(ulproof::gpu::FitSigma<ulproof::gpu::In>{                         \
        {x, scales, zeros, ULPROOF_FIT_GRID}, clip, half_width, mean_zero != 0});        \
  }
#define ULPROOF_FIT_KERNELS(id, In)                                \
  ULPROOF_FIT_MINMAX_KERNEL(fit_minmax_##id##_plain, FitPlain, In) \
  ULPROOF_FIT_MINMAX_KERNEL(fit_minmax_##id, FitRows, In)          \
  ULPROOF_FIT_RANGE_KERNEL(fit_range_##id##_plain, FitPlain, In)   \
  ULPROOF_FIT_RANGE_KERNEL(fit_range_##id, FitRows, In)            \
  ULPROOF_FIT_BITS_KERNEL(fit_bits_##id##_plain, FitPlain, In)     \
  ULPROOF_FIT_BITS_KERNEL(fit_bits_##id, FitRows, In)              \
  ULPROOF_FIT_SIGMA_KERNEL(fit_sigma_##id##_plain, FitPlain, In)   \
  ULPROOF_FIT_SIGMA_KERNEL(fit_sigma_##id, FitRows, In)

ULPROOF_FIT_KERNELS(bfloat16, Bfloat16)
ULPROOF_FIT_KERNELS(float32, Float32)
