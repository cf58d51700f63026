// SPDX-License-Identifier: Apache-2.0
// DiffQ (arXiv 2104.09987): the same with real noise, uniform in [-1/2, 1/2) or N(0, 1/4), and b
// learned. Its groups are 8 weights along a row; ours are 32 x 32 unless block= says otherwise. Its
// step comes from the group's range, the contract's from the largest magnitude.
#include "trainer/methods/noisy.h"

namespace ulproof::trainer {

std::unique_ptr<Method> MakeDiffq(const MethodSpec& spec, const std::vector<MatrixShape>& matrices,
                                  formats::Backend& backend, std::uint64_t seed) {
  return std::make_unique<LearnedBits>(spec, matrices, backend, seed);
}

}  // namespace ulproof::trainer
