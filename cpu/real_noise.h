// SPDX-License-Identifier: Apache-2.0
// What noise whose R is real (the laws uniform and normal2) is expected to do to weights, without a
// draw: t grows with R and rounding is monotone, so that the Rs that leave an element at cast(w)
// are an interval, and so are those that flush it. The ends are found by bisection over all R.
#ifndef ULPROOF_CPU_REAL_NOISE_H_
#define ULPROOF_CPU_REAL_NOISE_H_

#include <functional>
#include <string>
#include <vector>

#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

struct RealNoiseExpectation {
  // Some weight or scale is not finite, or t might overflow the format: nothing else is set.
  bool refused = false;
  double elements = 0;
  // Expected numbers of elements (contract section 10). Nothing overflows.
  double absorbed = 0;
  double flushed = 0;
  // [k]: of the elements k binades below their block's maximum.
  std::vector<double> elements_below_max = {};
  std::vector<double> absorbed_below_max = {};
};

// Empty when the expectation of a sample is found here, else the reason why not.
// Precondition: op is a valid sample whose law has real noise.
std::string WhyRealNoiseUnsupported(const formats::Operation& op);

// P(low <= R < high) of the law. `low` and `high` are values of R, or one above the largest.
using NoiseProbability = std::function<double(float low, float high)>;

// `zero` is P(R = 0). As exact as `probability`; the same for any number of threads. Threaded by
// base::ParallelFor, which calls `probability` from all threads. Preconditions: supported; `w` and
// `bits` are the inputs of SignatureOf(op); `target` is one of RunnableTargets().
RealNoiseExpectation ExpectRealNoise(Target target, const formats::Operation& op,
                                     const formats::ConstBuffer& w,
                                     const formats::ConstBuffer& bits,
                                     const NoiseProbability& probability, double zero);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_REAL_NOISE_H_
