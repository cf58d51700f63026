// SPDX-License-Identifier: Apache-2.0
#include "trainer/layers/cross_entropy.h"

#include "base/parallel.h"
#include "trainer/layers/math.h"

namespace ulproof::trainer {
namespace {

std::size_t Grain(std::size_t vocabulary) { return (std::size_t{1} << 14) / vocabulary + 1; }

}  // namespace

template <typename T>
void CrossEntropyForward(std::span<const std::int32_t> targets, std::size_t vocabulary, T* logits,
                         T* losses) {
  base::ParallelFor(targets.size(), Grain(vocabulary), [&](std::uint64_t begin, std::uint64_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      T* row = logits + n * vocabulary;
      T largest = row[0];
      for (std::size_t j = 1; j < vocabulary; ++j) largest = std::max(largest, row[j]);
      const T target = row[targets[n]] - largest;
      for (std::size_t j = 0; j < vocabulary; ++j) row[j] = Exp(row[j] - largest);
      const T sum = Sum<T>(vocabulary, [&](std::size_t j) { return row[j]; });
      losses[n] = std::log(sum) - target;
      const T inverse = 1 / sum;
      for (std::size_t j = 0; j < vocabulary; ++j) row[j] *= inverse;
    }
  });
}

template <typename T>
void CrossEntropyBackward(std::span<const std::int32_t> targets, std::size_t vocabulary, T scale,
                          T* probabilities) {
  base::ParallelFor(targets.size(), Grain(vocabulary), [&](std::uint64_t begin, std::uint64_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      T* row = probabilities + n * vocabulary;
      row[targets[n]] -= 1;
      for (std::size_t j = 0; j < vocabulary; ++j) row[j] *= scale;
    }
  });
}

template void CrossEntropyForward(std::span<const std::int32_t>, std::size_t, float*, float*);
template void CrossEntropyForward(std::span<const std::int32_t>, std::size_t, double*, double*);
template void CrossEntropyBackward(std::span<const std::int32_t>, std::size_t, float, float*);
template void CrossEntropyBackward(std::span<const std::int32_t>, std::size_t, double, double*);

}  // namespace ulproof::trainer
