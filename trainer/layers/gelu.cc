// SPDX-License-Identifier: Apache-2.0
#include "trainer/layers/gelu.h"

#include "base/parallel.h"
#include "base/target_clones.h"
#include "trainer/layers/math.h"

namespace ulproof::trainer {
namespace {

constexpr std::size_t kGrain = std::size_t{1} << 14;
constexpr double kScale = 0.79788456080286535588;  // sqrt(2 / pi)
constexpr double kCubic = 0.044715;

template <typename T>
ULPROOF_TARGET_CLONES void ForwardRange(std::size_t begin, std::size_t end, const T* x, T* y) {
  for (std::size_t i = begin; i < end; ++i) {
    const T u = static_cast<T>(kScale) * (x[i] + static_cast<T>(kCubic) * x[i] * x[i] * x[i]);
    y[i] = static_cast<T>(0.5) * x[i] * (1 + Tanh(u));
  }
}

template <typename T>
ULPROOF_TARGET_CLONES void BackwardRange(std::size_t begin, std::size_t end, const T* x,
                                         const T* dy, T* dx) {
  for (std::size_t i = begin; i < end; ++i) {
    const T square = x[i] * x[i];
    const T t = Tanh(static_cast<T>(kScale) * (x[i] + static_cast<T>(kCubic) * square * x[i]));
    const T inner = static_cast<T>(kScale) * (1 + static_cast<T>(3 * kCubic) * square);
    dx[i] = dy[i] * static_cast<T>(0.5) * ((1 + t) + x[i] * (1 - t * t) * inner);
  }
}

}  // namespace

template <typename T>
void GeluForward(std::size_t count, const T* x, T* y) {
  base::ParallelFor(count, kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    ForwardRange(begin, end, x, y);
  });
}

template <typename T>
void GeluBackward(std::size_t count, const T* x, const T* dy, T* dx) {
  base::ParallelFor(count, kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    BackwardRange(begin, end, x, dy, dx);
  });
}

template void GeluForward(std::size_t, const float*, float*);
template void GeluForward(std::size_t, const double*, double*);
template void GeluBackward(std::size_t, const float*, const float*, float*);
template void GeluBackward(std::size_t, const double*, const double*, double*);

}  // namespace ulproof::trainer
