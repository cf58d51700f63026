// SPDX-License-Identifier: Apache-2.0
#include "trainer/layers/layer_norm.h"

#include "trainer/layers/math.h"

namespace ulproof::trainer {

template <typename T>
void LayerNormForward(std::size_t rows, std::size_t width, const T* x, const T* gain, const T* bias,
                      T* y, T* mean, T* rstd) {
  const T count = static_cast<T>(width);
  for (std::size_t row = 0; row < rows; ++row, x += width, y += width) {
    const T m = Sum<T>(width, [&](std::size_t c) { return x[c]; }) / count;
    const T variance =
        Sum<T>(width, [&](std::size_t c) { return (x[c] - m) * (x[c] - m); }) / count;
    const T r = 1 / std::sqrt(variance + static_cast<T>(kNormEpsilon));
    for (std::size_t c = 0; c < width; ++c) y[c] = (x[c] - m) * r * gain[c] + bias[c];
    mean[row] = m;
    rstd[row] = r;
  }
}

template <typename T>
void LayerNormBackward(std::size_t rows, std::size_t width, const T* x, const T* gain,
                       const T* mean, const T* rstd, const T* dy, T* dx, T* dgain, T* dbias) {
  const T count = static_cast<T>(width);
  for (std::size_t row = 0; row < rows; ++row, x += width, dy += width, dx += width) {
    const T m = mean[row], r = rstd[row];
    // With z the normalised row and g = dy * gain: dx = rstd (g - mean(g) - z mean(g z)).
    const T mean_g = Sum<T>(width, [&](std::size_t c) { return dy[c] * gain[c]; }) / count;
    const T mean_gz =
        Sum<T>(width, [&](std::size_t c) { return dy[c] * gain[c] * ((x[c] - m) * r); }) / count;
    for (std::size_t c = 0; c < width; ++c) {
      const T z = (x[c] - m) * r;
      dx[c] += r * (dy[c] * gain[c] - mean_g - z * mean_gz);
      dgain[c] += dy[c] * z;
      dbias[c] += dy[c];
    }
  }
}

template void LayerNormForward(std::size_t, std::size_t, const float*, const float*, const float*,
                               float*, float*, float*);
template void LayerNormForward(std::size_t, std::size_t, const double*, const double*,
                               const double*, double*, double*, double*);
template void LayerNormBackward(std::size_t, std::size_t, const float*, const float*, const float*,
                                const float*, const float*, float*, float*, float*);
template void LayerNormBackward(std::size_t, std::size_t, const double*, const double*,
                                const double*, const double*, const double*, double*, double*,
                                double*);

}  // namespace ulproof::trainer
