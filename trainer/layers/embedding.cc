// SPDX-License-Identifier: Apache-2.0
#include "trainer/layers/embedding.h"

namespace ulproof::trainer {

template <typename T>
void EmbeddingForward(std::span<const std::int32_t> tokens, std::size_t length, std::size_t width,
                      const T* token_table, const T* position_table, T* y) {
  for (std::size_t n = 0; n < tokens.size(); ++n) {
    const T* token = token_table + static_cast<std::size_t>(tokens[n]) * width;
    const T* position = position_table + n % length * width;
    for (std::size_t c = 0; c < width; ++c) y[n * width + c] = token[c] + position[c];
  }
}

template <typename T>
void EmbeddingBackward(std::span<const std::int32_t> tokens, std::size_t length, std::size_t width,
                       const T* dy, T* dtoken_table, T* dposition_table) {
  for (std::size_t n = 0; n < tokens.size(); ++n) {
    T* token = dtoken_table + static_cast<std::size_t>(tokens[n]) * width;
    T* position = dposition_table + n % length * width;
    for (std::size_t c = 0; c < width; ++c) {
      token[c] += dy[n * width + c];
      position[c] += dy[n * width + c];
    }
  }
}

template void EmbeddingForward(std::span<const std::int32_t>, std::size_t, std::size_t,
                               const float*, const float*, float*);
template void EmbeddingForward(std::span<const std::int32_t>, std::size_t, std::size_t,
                               const double*, const double*, double*);
template void EmbeddingBackward(std::span<const std::int32_t>, std::size_t, std::size_t,
                                const float*, float*, float*);
template void EmbeddingBackward(std::span<const std::int32_t>, std::size_t, std::size_t,
                                const double*, double*, double*);

}  // namespace ulproof::trainer
