// SPDX-License-Identifier: Apache-2.0
// GaussWS without learning: b falls linearly over the run, b(step) = target + a(step) (init -
// target) with a from 1 to 0 (contract section 10). Nothing is kept for it and nothing learned.
#include "trainer/methods/noisy.h"

namespace ulproof::trainer {
namespace {

class ScheduledBits final : public Noisy {
 public:
  using Noisy::Noisy;
  std::vector<float> Bits(std::size_t matrix, double progress) const override {
    const auto a = static_cast<float>(1 - progress);
    const float b = spec().bits_target + a * (spec().bits_init - spec().bits_target);
    return std::vector<float>(block_count(matrix), b);
  }
};

}  // namespace

std::unique_ptr<Method> MakeGausswsFixed(const MethodSpec& spec,
                                         const std::vector<MatrixShape>& matrices,
                                         formats::Backend& backend, std::uint64_t seed) {
  return std::make_unique<ScheduledBits>(spec, matrices, backend, seed);
}

}  // namespace ulproof::trainer
