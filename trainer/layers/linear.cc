// SPDX-License-Identifier: Apache-2.0
#include "trainer/layers/linear.h"

namespace ulproof::trainer {

template <typename T>
void LinearForward(const LinearShape& shape, const T* x, const Operand<T>& weight, const T* bias,
                   T* y, OperandRounding rounding) {
  const auto [rows, in, out] = shape;
  Gemm(rows, out, in, RowMajor(x, in), weight, y, out, false, rounding);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < out; ++j) y[row * out + j] += bias[j];
  }
}

template <typename T>
void LinearBackward(const LinearShape& shape, const T* x, const Operand<T>& weight, const T* dy,
                    T* dx, T* dweight, T* dbias, OperandRounding rounding) {
  const auto [rows, in, out] = shape;
  Gemm(rows, in, out, RowMajor(dy, out), weight.Transposed(), dx, in, false, rounding);
  Gemm(in, out, rows, RowMajor(x, in).Transposed(), RowMajor(dy, out), dweight, out, true,
       rounding);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t j = 0; j < out; ++j) dbias[j] += dy[row * out + j];
  }
}

template void LinearForward(const LinearShape&, const float*, const Operand<float>&, const float*,
                            float*, OperandRounding);
template void LinearForward(const LinearShape&, const double*, const Operand<double>&,
                            const double*, double*, OperandRounding);
template void LinearBackward(const LinearShape&, const float*, const Operand<float>&, const float*,
                             float*, float*, float*, OperandRounding);
template void LinearBackward(const LinearShape&, const double*, const Operand<double>&,
                             const double*, double*, double*, double*, OperandRounding);

}  // namespace ulproof::trainer
