// SPDX-License-Identifier: Apache-2.0
// Causal self-attention between its two linear layers, forward and backward.
#ifndef ULPROOF_TRAINER_LAYERS_ATTENTION_H_
#define ULPROOF_TRAINER_LAYERS_ATTENTION_H_

#include <cstddef>

#include "trainer/gemm.h"

namespace ulproof::trainer {

struct AttentionShape {
  std::size_t batch;   // B
  std::size_t length;  // T
  std::size_t heads;   // H
  std::size_t width;   // C, a multiple of H

  std::size_t probability_count() const { return batch * heads * length * length; }
};

// qkv (B, T, 3C) holds queries, keys, values, each H heads of C/H; y is (B, T, C).
// probabilities (B, H, T, T) = softmax over j <= i of q_i . k_j / sqrt(C/H), 0 for j > i; kept for
// the backward. y = probabilities * values.
template <typename T>
void AttentionForward(const AttentionShape& shape, const T* qkv, T* probabilities, T* y,
                      OperandRounding rounding);

// Writes dqkv.
template <typename T>
void AttentionBackward(const AttentionShape& shape, const T* qkv, const T* probabilities,
                       const T* dy, T* dqkv, OperandRounding rounding);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_ATTENTION_H_
