// SPDX-License-Identifier: Apache-2.0
// Layer normalisation, forward and backward.
#ifndef ULPROOF_TRAINER_LAYERS_LAYER_NORM_H_
#define ULPROOF_TRAINER_LAYERS_LAYER_NORM_H_

#include <cstddef>

namespace ulproof::trainer {

inline constexpr double kNormEpsilon = 1e-5;

// For each of `rows` rows of `width`: y = (x - mean) * rstd * gain + bias, with
// rstd = 1 / sqrt(variance + kNormEpsilon), variance the mean square of x - mean. Keeps mean and
// rstd (one a row) for the backward.
template <typename T>
void LayerNormForward(std::size_t rows, std::size_t width, const T* x, const T* gain, const T* bias,
                      T* y, T* mean, T* rstd);

// Adds to dx, dgain and dbias.
template <typename T>
void LayerNormBackward(std::size_t rows, std::size_t width, const T* x, const T* gain,
                       const T* mean, const T* rstd, const T* dy, T* dx, T* dgain, T* dbias);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_LAYER_NORM_H_
