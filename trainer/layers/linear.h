// SPDX-License-Identifier: Apache-2.0
// A linear layer, forward and backward. The weight is an operand, so that it may be the master in
// binary32 or the bfloat16 codes that a method made of it; its gradient is the same either way.
#ifndef ULPROOF_TRAINER_LAYERS_LINEAR_H_
#define ULPROOF_TRAINER_LAYERS_LINEAR_H_

#include <cstddef>

#include "trainer/gemm.h"

namespace ulproof::trainer {

struct LinearShape {
  std::size_t rows;  // Of x and y: tokens.
  std::size_t in;
  std::size_t out;
};

// y (rows x out) = x (rows x in) * weight (in x out) + bias, the bias added last, in T.
template <typename T>
void LinearForward(const LinearShape& shape, const T* x, const Operand<T>& weight, const T* bias,
                   T* y, OperandRounding rounding);

// dx = dy * weight^T (written); dweight += x^T * dy; dbias += column sums of dy.
template <typename T>
void LinearBackward(const LinearShape& shape, const T* x, const Operand<T>& weight, const T* dy,
                    T* dx, T* dweight, T* dbias, OperandRounding rounding);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_LINEAR_H_
