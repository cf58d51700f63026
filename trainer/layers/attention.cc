// SPDX-License-Identifier: Apache-2.0
#include "trainer/layers/attention.h"

#include <vector>

#include "base/parallel.h"
#include "trainer/layers/math.h"

namespace ulproof::trainer {
namespace {

// Heads whose work is worth a thread of its own, in elements of probabilities.
constexpr std::size_t kParallelElements = std::size_t{1} << 15;

// Calls body(offset of the head in a row of C, batch * T, index of its T x T probabilities).
template <typename Body>
void ForEachHead(const AttentionShape& shape, const Body& body) {
  const std::size_t square = shape.length * shape.length;
  const std::size_t grain = (kParallelElements + square - 1) / square;
  base::ParallelFor(shape.batch * shape.heads, grain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const std::size_t head_width = shape.width / shape.heads;
      body(i % shape.heads * head_width, i / shape.heads * shape.length, i * square);
    }
  });
}

template <typename T>
T ScoreScale(const AttentionShape& shape) {
  return 1 / std::sqrt(static_cast<T>(shape.width / shape.heads));
}

}  // namespace

template <typename T>
void AttentionForward(const AttentionShape& shape, const T* qkv, T* probabilities, T* y,
                      OperandRounding rounding) {
  const std::size_t length = shape.length, width = shape.width, head = width / shape.heads;
  const T scale = ScoreScale<T>(shape);
  ForEachHead(shape, [&](std::size_t column, std::size_t row, std::size_t square) {
    const T* q = qkv + row * 3 * width + column;
    const auto queries = RowMajor(q, 3 * width);
    const auto keys = RowMajor(q + width, 3 * width), values = RowMajor(q + 2 * width, 3 * width);
    T* p = probabilities + square;
    Gemm(length, length, head, queries, keys.Transposed(), p, length, false, rounding);
    for (std::size_t i = 0; i < length; ++i, p += length) {
      T largest = p[0];
      for (std::size_t j = 0; j <= i; ++j) largest = std::max(largest, p[j]);
      for (std::size_t j = 0; j <= i; ++j) p[j] = Exp((p[j] - largest) * scale);
      const T inverse = 1 / Sum<T>(i + 1, [&](std::size_t j) { return p[j]; });
      for (std::size_t j = 0; j <= i; ++j) p[j] *= inverse;
      std::fill(p + i + 1, p + length, T{0});
    }
    Gemm(length, head, length, RowMajor<T>(probabilities + square, length), values,
         y + row * width + column, width, false, rounding);
  });
}

template <typename T>
void AttentionBackward(const AttentionShape& shape, const T* qkv, const T* probabilities,
                       const T* dy, T* dqkv, OperandRounding rounding) {
  const std::size_t length = shape.length, width = shape.width, head = width / shape.heads;
  const T scale = ScoreScale<T>(shape);
  ForEachHead(shape, [&](std::size_t column, std::size_t row, std::size_t square) {
    const T* q = qkv + row * 3 * width + column;
    T* dq = dqkv + row * 3 * width + column;
    const auto queries = RowMajor(q, 3 * width);
    const auto keys = RowMajor(q + width, 3 * width), values = RowMajor(q + 2 * width, 3 * width);
    const T* p = probabilities + square;
    const auto probs = RowMajor(p, length);
    const auto douts = RowMajor(dy + row * width + column, width);
    // dvalues = P^T dy; then the scores' gradient: P * (dP - sum_j dP P), dP = dy values^T.
    Gemm(length, head, length, probs.Transposed(), douts, dq + 2 * width, 3 * width, false,
         rounding);
    std::vector<T> scores(length * length);
    Gemm(length, length, head, douts, values.Transposed(), scores.data(), length, false, rounding);
    for (std::size_t i = 0; i < length; ++i, p += length) {
      T* d = scores.data() + i * length;
      const T mean = Sum<T>(i + 1, [&](std::size_t j) { return d[j] * p[j]; });
      for (std::size_t j = 0; j < length; ++j) d[j] = p[j] * (d[j] - mean) * scale;
    }
    const auto dscores = RowMajor<T>(scores.data(), length);
    Gemm(length, head, length, dscores, keys, dq, 3 * width, false, rounding);
    Gemm(length, head, length, dscores.Transposed(), queries, dq + width, 3 * width, false,
         rounding);
  });
}

template void AttentionForward(const AttentionShape&, const float*, float*, float*,
                               OperandRounding);
template void AttentionForward(const AttentionShape&, const double*, double*, double*,
                               OperandRounding);
template void AttentionBackward(const AttentionShape&, const float*, const float*, const float*,
                                float*, OperandRounding);
template void AttentionBackward(const AttentionShape&, const double*, const double*, const double*,
                                double*, OperandRounding);

}  // namespace ulproof::trainer
