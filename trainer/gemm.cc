// SPDX-License-Identifier: Apache-2.0
#include "trainer/gemm.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/check.h"
#include "base/parallel.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ulproof::trainer {
namespace {

// A block of B (depth x columns) is packed once and stays in the second cache; row panels of A run
// over it, each by one thread. Cutting the depth does not cut the chain: C holds its exact state.
constexpr std::size_t kDepthBlock = 256;
constexpr std::size_t kColBlock = 1024;
constexpr std::size_t kMostPanelRows = 4 * kTileRows;
// Below this many multiplications a second thread costs more than it brings.
constexpr std::size_t kParallelWork = std::size_t{1} << 20;

void RunPortable(const float* a, const float* b, std::size_t depth, float* c, std::size_t c_stride,
                 bool load) {
  for (std::size_t row = 0; row < kTileRows; ++row) {
    float sums[kTileCols];
    for (std::size_t col = 0; col < kTileCols; ++col)
      sums[col] = load ? c[row * c_stride + col] : 0.0f;
    for (std::size_t k = 0; k < depth; ++k) {
      for (std::size_t col = 0; col < kTileCols; ++col) {
        sums[col] = std::fma(a[k * kTileRows + row], b[k * kTileCols + col], sums[col]);
      }
    }
    std::copy(sums, sums + kTileCols, c + row * c_stride);
  }
}

#if defined(__x86_64__)
[[gnu::target("avx512f")]] void RunAvx512(const float* a, const float* b, std::size_t depth,
                                          float* c, std::size_t c_stride, bool load) {
  __m512 left[kTileRows], right[kTileRows];
#pragma GCC unroll 12
  for (std::size_t row = 0; row < kTileRows; ++row) {
    left[row] = load ? _mm512_loadu_ps(c + row * c_stride) : _mm512_setzero_ps();
    right[row] = load ? _mm512_loadu_ps(c + row * c_stride + 16) : _mm512_setzero_ps();
  }
  for (std::size_t k = 0; k < depth; ++k, a += kTileRows, b += kTileCols) {
    const __m512 b_left = _mm512_loadu_ps(b), b_right = _mm512_loadu_ps(b + 16);
#pragma GCC unroll 12
    for (std::size_t row = 0; row < kTileRows; ++row) {
      const __m512 factor = _mm512_set1_ps(a[row]);
      left[row] = _mm512_fmadd_ps(factor, b_left, left[row]);
      right[row] = _mm512_fmadd_ps(factor, b_right, right[row]);
    }
  }
#pragma GCC unroll 12
  for (std::size_t row = 0; row < kTileRows; ++row) {
    _mm512_storeu_ps(c + row * c_stride, left[row]);
    _mm512_storeu_ps(c + row * c_stride + 16, right[row]);
  }
}

// A quarter of the tile at a time: 6 x 16, which fits sixteen registers.
[[gnu::target("avx2,fma")]] void RunAvx2(const float* a, const float* b, std::size_t depth,
                                         float* c, std::size_t c_stride, bool load) {
  constexpr std::size_t kRows = 6;
  for (std::size_t part = 0; part < 4; ++part) {
    const float* part_a = a + part / 2 * kRows;
    const float* part_b = b + part % 2 * 16;
    float* part_c = c + part / 2 * kRows * c_stride + part % 2 * 16;
    __m256 left[kRows], right[kRows];
#pragma GCC unroll 6
    for (std::size_t row = 0; row < kRows; ++row) {
      left[row] = load ? _mm256_loadu_ps(part_c + row * c_stride) : _mm256_setzero_ps();
      right[row] = load ? _mm256_loadu_ps(part_c + row * c_stride + 8) : _mm256_setzero_ps();
    }
    for (std::size_t k = 0; k < depth; ++k, part_a += kTileRows, part_b += kTileCols) {
      const __m256 b_left = _mm256_loadu_ps(part_b), b_right = _mm256_loadu_ps(part_b + 8);
#pragma GCC unroll 6
      for (std::size_t row = 0; row < kRows; ++row) {
        const __m256 factor = _mm256_set1_ps(part_a[row]);
        left[row] = _mm256_fmadd_ps(factor, b_left, left[row]);
        right[row] = _mm256_fmadd_ps(factor, b_right, right[row]);
      }
    }
#pragma GCC unroll 6
    for (std::size_t row = 0; row < kRows; ++row) {
      _mm256_storeu_ps(part_c + row * c_stride, left[row]);
      _mm256_storeu_ps(part_c + row * c_stride + 8, right[row]);
    }
  }
}
#endif

// Copies elements (first + i, k) of a matrix, i < tile, to out[k * tile + i]; rows past `rows` are
// zeros. B is packed by the same words with its view transposed.
template <std::size_t tile, typename Load>
void PackTile(std::size_t first, std::size_t rows, std::size_t depth_begin, std::size_t depth,
              std::size_t row_stride, std::size_t depth_stride, const Load& load, float* out) {
  const std::size_t present = std::min(tile, rows - first);
  const std::size_t base = first * row_stride + depth_begin * depth_stride;
  if (present < tile) std::fill(out, out + depth * tile, 0.0f);
  if (row_stride == 1) {
    for (std::size_t k = 0; k < depth; ++k) {
      for (std::size_t i = 0; i < present; ++i)
        out[k * tile + i] = load(base + k * depth_stride + i);
    }
    return;
  }
  for (std::size_t i = 0; i < present; ++i) {
    for (std::size_t k = 0; k < depth; ++k) {
      out[k * tile + i] = load(base + i * row_stride + k * depth_stride);
    }
  }
}

template <std::size_t tile>
void Pack(const Operand<float>& m, OperandRounding rounding, std::size_t first, std::size_t rows,
          std::size_t depth_begin, std::size_t depth, float* out) {
  const auto pack = [&](const auto& load) {
    PackTile<tile>(first, rows, depth_begin, depth, m.row_stride, m.col_stride, load, out);
  };
  if (m.codes != nullptr) {
    pack([codes = m.codes](std::size_t i) { return FromBfloat16(codes[i]); });
  } else if (rounding == OperandRounding::kBfloat16) {
    pack([values = m.values](std::size_t i) { return FromBfloat16(ToBfloat16(values[i])); });
  } else {
    pack([values = m.values](std::size_t i) { return values[i]; });
  }
}

std::size_t TileCount(std::size_t size, std::size_t tile) { return (size + tile - 1) / tile; }

// One packed panel of A's rows against the packed block of B.
struct Panel {
  const float* a;
  const float* b;
  std::size_t rows, cols, depth;
  float* c;
  std::size_t c_stride;
  bool load;
};

void MultiplyPanel(const Panel& p) {
  const auto run = GemmKernels().back().run;
  for (std::size_t col = 0; col < p.cols; col += kTileCols) {
    for (std::size_t row = 0; row < p.rows; row += kTileRows) {
      const float* a = p.a + row * p.depth;
      const float* b = p.b + col * p.depth;
      float* c = p.c + row * p.c_stride + col;
      const std::size_t rows = std::min(kTileRows, p.rows - row);
      const std::size_t cols = std::min(kTileCols, p.cols - col);
      if (rows == kTileRows && cols == kTileCols) {
        run(a, b, p.depth, c, p.c_stride, p.load);
        continue;
      }
      float tile[kTileRows * kTileCols] = {};
      for (std::size_t i = 0; p.load && i < rows; ++i) {
        std::copy(c + i * p.c_stride, c + i * p.c_stride + cols, tile + i * kTileCols);
      }
      run(a, b, p.depth, tile, kTileCols, p.load);
      for (std::size_t i = 0; i < rows; ++i) {
        std::copy(tile + i * kTileCols, tile + i * kTileCols + cols, c + i * p.c_stride);
      }
    }
  }
}

}  // namespace

const std::vector<GemmKernel>& GemmKernels() {
  static const std::vector<GemmKernel> kernels = [] {
    std::vector<GemmKernel> runnable = {{"portable", RunPortable}};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
      runnable.push_back({"avx2", RunAvx2});
    if (__builtin_cpu_supports("avx512f")) runnable.push_back({"avx512", RunAvx512});
#endif
    return runnable;
  }();
  return kernels;
}

template <>
void Gemm<float>(std::size_t rows, std::size_t cols, std::size_t depth, const Operand<float>& a,
                 const Operand<float>& b, float* c, std::size_t c_stride, bool accumulate,
                 OperandRounding rounding) {
  if (depth == 0) {
    for (std::size_t row = 0; row < rows && !accumulate; ++row)
      std::fill(c + row * c_stride, c + row * c_stride + cols, 0.0f);
    return;
  }
  const Operand<float> b_columns = b.Transposed();
  const std::size_t max_depth = std::min(depth, kDepthBlock);
  const std::size_t max_cols = TileCount(std::min(cols, kColBlock), kTileCols) * kTileCols;
  const auto packed_b = std::make_unique_for_overwrite<float[]>(max_depth * max_cols);
  const bool parallel = rows * cols >= kParallelWork / depth;
  // Some panels for each thread, so that none waits long for the last.
  const std::size_t panels = 4 * static_cast<std::size_t>(base::ThreadCount());
  const std::size_t most_rows = std::clamp(
      TileCount(TileCount(rows, panels), kTileRows) * kTileRows, kTileRows, kMostPanelRows);
  for (std::size_t col = 0; col < cols; col += kColBlock) {
    const std::size_t block_cols = std::min(kColBlock, cols - col);
    for (std::size_t k = 0; k < depth; k += kDepthBlock) {
      const std::size_t block_depth = std::min(kDepthBlock, depth - k);
      const auto pack_b = [&](std::uint64_t begin, std::uint64_t end) {
        for (std::size_t tile = begin; tile < end; ++tile) {
          Pack<kTileCols>(b_columns, rounding, col + tile * kTileCols, cols, k, block_depth,
                          packed_b.get() + tile * kTileCols * block_depth);
        }
      };
      base::ParallelFor(TileCount(block_cols, kTileCols), parallel ? 1 : block_cols, pack_b);
      base::ParallelFor(
          rows, parallel ? most_rows : rows, [&](std::uint64_t begin, std::uint64_t end) {
            const auto packed_a = std::make_unique_for_overwrite<float[]>(most_rows * block_depth);
            for (std::size_t first = begin; first < end; first += most_rows) {
              const std::size_t panel_rows = std::min<std::size_t>(most_rows, end - first);
              for (std::size_t tile = 0; tile < panel_rows; tile += kTileRows) {
                Pack<kTileRows>(a, rounding, first + tile, first + panel_rows, k, block_depth,
                                packed_a.get() + tile * block_depth);
              }
              MultiplyPanel({.a = packed_a.get(),
                             .b = packed_b.get(),
                             .rows = panel_rows,
                             .cols = block_cols,
                             .depth = block_depth,
                             .c = c + first * c_stride + col,
                             .c_stride = c_stride,
                             .load = accumulate || k > 0});
            }
          });
    }
  }
}

template <>
void Gemm<double>(std::size_t rows, std::size_t cols, std::size_t depth, const Operand<double>& a,
                  const Operand<double>& b, double* c, std::size_t c_stride, bool accumulate,
                  OperandRounding) {
  ULPROOF_CHECK(a.values != nullptr && b.values != nullptr, "codes are for the float model");
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t col = 0; col < cols; ++col) {
      double sum = accumulate ? c[row * c_stride + col] : 0;
      for (std::size_t k = 0; k < depth; ++k) {
        sum += a.values[row * a.row_stride + k * a.col_stride] *
               b.values[k * b.row_stride + col * b.col_stride];
      }
      c[row * c_stride + col] = sum;
    }
  }
}

}  // namespace ulproof::trainer
