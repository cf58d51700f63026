// SPDX-License-Identifier: Apache-2.0
// Softmax with cross entropy, forward and backward.
#ifndef ULPROOF_TRAINER_LAYERS_CROSS_ENTROPY_H_
#define ULPROOF_TRAINER_LAYERS_CROSS_ENTROPY_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace ulproof::trainer {

// logits: one row of `vocabulary` a target. losses[n] = -ln softmax(row n)[targets[n]], in nats.
// Turns the logits into probabilities. Precondition: targets are below `vocabulary`.
template <typename T>
void CrossEntropyForward(std::span<const std::int32_t> targets, std::size_t vocabulary, T* logits,
                         T* losses);

// Turns the probabilities into the gradient of scale * (sum of losses) by the logits.
template <typename T>
void CrossEntropyBackward(std::span<const std::int32_t> targets, std::size_t vocabulary, T scale,
                          T* probabilities);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_CROSS_ENTROPY_H_
