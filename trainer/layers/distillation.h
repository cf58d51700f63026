// SPDX-License-Identifier: Apache-2.0
// Distillation: the distance between the predictions of a model and of its teacher, and the
// gradient of its mixture with the cross entropy.
#ifndef ULPROOF_TRAINER_LAYERS_DISTILLATION_H_
#define ULPROOF_TRAINER_LAYERS_DISTILLATION_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace ulproof::trainer {

// Of a teacher's probabilities t and the model's p, in nats.
enum class TeacherDistance : std::uint8_t {
  kJeffreys,  // KL(t || p) + KL(p || t), as GDNSQ distils (arXiv 2508.14004)
  kForward,   // KL(t || p) alone, as in Hinton's distillation at temperature 1
};

template <typename T>
struct Distillation {
  const T* teacher = nullptr;  // Probabilities, rows of `vocabulary`; nullptr: there is no teacher.
  T weight = 0;                // The loss is (1 - weight) * cross entropy + weight * divergence.
  TeacherDistance divergence = TeacherDistance::kJeffreys;
};

// The divergence of each row. A probability below 2^-120 counts as that in a logarithm.
template <typename T>
void DivergenceForward(const Distillation<T>& distillation, std::size_t rows,
                       std::size_t vocabulary, const T* probabilities, T* divergences);

// Turns the probabilities into the gradient of scale * (sum of the mixed losses) by the logits.
// Precondition: there is a teacher.
template <typename T>
void DistillationBackward(const Distillation<T>& distillation,
                          std::span<const std::int32_t> targets, std::size_t vocabulary, T scale,
                          T* probabilities);

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_DISTILLATION_H_
