// SPDX-License-Identifier: Apache-2.0
// Token and position embeddings, forward and backward. T is float or double, here and in the other
// layers: double is what the gradients are checked in.
#ifndef ULPROOF_TRAINER_LAYERS_EMBEDDING_H_
#define ULPROOF_TRAINER_LAYERS_EMBEDDING_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace ulproof::trainer {

// y[n] = tokens_table[token n] + positions_table[n mod length]; rows of `width`.
// Precondition: every token is a row of the table.
template <typename T>
void EmbeddingForward(std::span<const std::int32_t> tokens, std::size_t length, std::size_t width,
                      const T* token_table, const T* position_table, T* y);

// Adds to the tables' gradients, in the order of the tokens.
template <typename T>
void EmbeddingBackward(std::span<const std::int32_t> tokens, std::size_t length, std::size_t width,
                       const T* dy, T* dtoken_table, T* dposition_table);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_EMBEDDING_H_
