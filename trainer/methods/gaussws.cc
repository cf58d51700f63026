// SPDX-License-Identifier: Apache-2.0
// GaussWS (arXiv 2505.11170): rounded Gaussian noise, blocks of 32 x 32, b learned from 6
// towards 4.
#include "trainer/methods/noisy.h"

namespace ulproof::trainer {

std::unique_ptr<Method> MakeGaussws(const MethodSpec& spec,
                                    const std::vector<MatrixShape>& matrices,
                                    formats::Backend& backend, std::uint64_t seed) {
  return std::make_unique<LearnedBits>(spec, matrices, backend, seed);
}

}  // namespace ulproof::trainer
