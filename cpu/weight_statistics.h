// SPDX-License-Identifier: Apache-2.0
// What a sample does to its weights (contract section 10), measured at speed: the sample is made
// again row by row in the nearest cache, and nothing is written but counters. Every counter is
// exact; the sums of squares are binary64.
#ifndef ULPROOF_CPU_WEIGHT_STATISTICS_H_
#define ULPROOF_CPU_WEIGHT_STATISTICS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cpu/targets.h"
#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::cpu {

// The counters of contract section 10, under its words.
struct WeightCounts {
  std::uint64_t elements = 0;
  std::uint64_t non_finite = 0;  // w or s is infinite or NaN; counted nowhere below.
  std::uint64_t noisy = 0;       // R != 0.
  std::uint64_t absorbed = 0;
  std::uint64_t swamped = 0;
  std::uint64_t flushed = 0;
  std::uint64_t subnormal = 0;
  std::uint64_t saturated = 0;
  std::uint64_t overflowed = 0;
  std::uint64_t exact = 0;
  // Over the elements whose `sampled` is finite: sums of w^2, (sampled - w)^2 and, under
  // MeasureOptions::sums_by_binade, sampled - w.
  double signal = 0;
  double noise = 0;
  double error = 0;

  WeightCounts& operator+=(const WeightCounts& other);
};

struct WeightStatistics {
  WeightCounts total;
  WeightCounts zero_weights;  // w = 0: in no binade.
  // [k]: the elements k binades below their block's maximum; as long as needed.
  std::vector<WeightCounts> below_max;

  WeightStatistics& operator+=(const WeightStatistics& other);
};

// What is counted under a fixed noise.
enum class FixedDetail : std::uint8_t {
  kAll,
  // All counters of `total`, but `elements`, `noisy` and `absorbed` alone in zero_weights and
  // below_max, and no sums: what an expectation needs, several times as fast.
  kAbsorbed,
};

struct MeasureOptions {
  // Sums also for zero_weights and below_max, and of errors, where they are otherwise 0. Slower.
  bool sums_by_binade = false;
  FixedDetail fixed = FixedDetail::kAll;
};

// The noise that is drawn, or an R that is the same for all elements: sums of counts under such Rs,
// weighted by the law's probabilities, are expectations without sampling noise.
using Noise = std::optional<float>;

// Empty when the sample can be measured here, else the reason why not. Precondition: op is a valid
// sample.
std::string WhyMeasureUnsupported(const formats::Operation& op);

// Statistics under each noise, in their order; the weights are read from memory once. Counts are
// the same for every target and number of threads, sums for every number of threads. Exact except
// that the laws boxmuller and normal2 have their binary32 noise. Threaded by base::ParallelFor.
// Preconditions: supported; `w` and `bits` are the inputs of SignatureOf(op); `target` is one of
// RunnableTargets().
std::vector<WeightStatistics> MeasureWeights(Target target, const formats::Operation& op,
                                             const formats::ConstBuffer& w,
                                             const formats::ConstBuffer& bits,
                                             std::span<const Noise> noises,
                                             const MeasureOptions& options = {});

// Under the noise that is drawn.
WeightStatistics MeasureWeights(Target target, const formats::Operation& op,
                                const formats::ConstBuffer& w, const formats::ConstBuffer& bits,
                                const MeasureOptions& options = {});

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_WEIGHT_STATISTICS_H_
