// SPDX-License-Identifier: Apache-2.0
#include "trainer/layers/distillation.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "trainer/layers/math.h"

namespace ulproof::trainer {
namespace {

std::size_t Grain(std::size_t vocabulary) { return (std::size_t{1} << 14) / vocabulary + 1; }

// ln(p / t), finite also where a softmax has underflowed to 0.
template <typename T>
T LogRatio(T p, T t) {
  constexpr T kFloor = static_cast<T>(0x1p-120);
  return std::log(std::max(p, kFloor)) - std::log(std::max(t, kFloor));
}

}  // namespace

template <typename T>
void DivergenceForward(const Distillation<T>& distillation, std::size_t rows,
                       std::size_t vocabulary, const T* probabilities, T* divergences) {
  base::ParallelFor(rows, Grain(vocabulary), [&](std::uint64_t begin, std::uint64_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      const T* p = probabilities + n * vocabulary;
      const T* t = distillation.teacher + n * vocabulary;
      const bool both = distillation.divergence == TeacherDistance::kJeffreys;
      divergences[n] = Sum<T>(vocabulary, [&](std::size_t j) {
        return ((both ? p[j] : T{0}) - t[j]) * LogRatio(p[j], t[j]);
      });
    }
  });
}

template <typename T>
void DistillationBackward(const Distillation<T>& distillation,
                          std::span<const std::int32_t> targets, std::size_t vocabulary, T scale,
                          T* probabilities) {
  const T weight = distillation.weight;
  const auto rows = targets.size();
  base::ParallelFor(rows, Grain(vocabulary), [&](std::uint64_t begin, std::uint64_t end) {
    for (std::size_t n = begin; n < end; ++n) {
      T* p = probabilities + n * vocabulary;
      const T* t = distillation.teacher + n * vocabulary;
      const bool both = distillation.divergence == TeacherDistance::kJeffreys;
      // KL(p || t) = sum p ln(p/t) has the gradient p (ln(p/t) - KL) by the logits, KL(t || p) the
      // gradient p - t.
      const T reverse =
          both ? Sum<T>(vocabulary, [&](std::size_t j) { return p[j] * LogRatio(p[j], t[j]); })
               : T{0};
      for (std::size_t j = 0; j < vocabulary; ++j) {
        const T label = static_cast<std::size_t>(targets[n]) == j ? T{1} : T{0};
        const T excess = both ? p[j] * (LogRatio(p[j], t[j]) - reverse) : T{0};
        p[j] = scale * ((1 - weight) * (p[j] - label) + weight * (p[j] - t[j] + excess));
      }
    }
  });
}

template void DivergenceForward(const Distillation<float>&, std::size_t, std::size_t, const float*,
                                float*);
template void DivergenceForward(const Distillation<double>&, std::size_t, std::size_t,
                                const double*, double*);
template void DistillationBackward(const Distillation<float>&, std::span<const std::int32_t>,
                                   std::size_t, float, float*);
template void DistillationBackward(const Distillation<double>&, std::span<const std::int32_t>,
                                   std::size_t, double, double*);

}  // namespace ulproof::trainer
