// SPDX-License-Identifier: Apache-2.0
// GPT-2's GELU, forward and backward: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
#ifndef ULPROOF_TRAINER_LAYERS_GELU_H_
#define ULPROOF_TRAINER_LAYERS_GELU_H_

#include <cstddef>

namespace ulproof::trainer {

template <typename T>
void GeluForward(std::size_t count, const T* x, T* y);

// dx = dy * gelu'(x); dx may be dy.
template <typename T>
void GeluBackward(std::size_t count, const T* x, const T* dy, T* dx);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_GELU_H_
