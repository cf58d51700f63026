// SPDX-License-Identifier: Apache-2.0
// What a sample did to its weights (contract section 10): counters and exact error sums, for the
// tensor and for each binade below the block maximum. Sums are exact, so they do not depend on the
// order of elements; the signal-to-noise ratio is rounded once, when it is printed.
#ifndef ULPROOF_REFERENCE_OPS_STATISTICS_H_
#define ULPROOF_REFERENCE_OPS_STATISTICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "formats/operation.h"
#include "formats/tensor.h"
#include "reference/exact/dyadic.h"

namespace ulproof::reference {

// Values are compared as numbers: zero is zero with either sign. `t` is the binary32 sum that is
// cast (section 7); cast() has the operation's format, mode, policy and the element's own r.
struct SampleCounts {
  std::uint64_t elements = 0;
  std::uint64_t non_finite = 0;  // w or s is infinite or NaN; counted nowhere below.
  std::uint64_t noisy = 0;       // R != 0.
  std::uint64_t absorbed = 0;    // R != 0 and sampled = cast(w).
  std::uint64_t swamped = 0;     // R != 0, w != 0 and sampled = cast(RN32(R * s)).
  std::uint64_t flushed = 0;     // t != 0 and sampled = 0.
  std::uint64_t subnormal = 0;   // sampled is subnormal and not equal to t.
  std::uint64_t saturated = 0;   // |t| rounded beyond the largest finite value, which is sampled.
  std::uint64_t overflowed = 0;  // |t| rounded beyond it, and sampled is infinite or NaN.
  std::uint64_t exact = 0;       // sampled is the real number R * s + w.
  // Over the elements whose `sampled` is finite: sum of w^2 and of (sampled - w)^2.
  Dyadic signal;
  Dyadic noise;

  friend bool operator==(const SampleCounts&, const SampleCounts&) = default;
  SampleCounts& operator+=(const SampleCounts& other);
};

struct SampleStatistics {
  SampleCounts total;
  SampleCounts zero_weights;  // w = 0: in no binade.
  // [k]: the elements k binades below their block's maximum, floor(log2 M) - floor(log2 |w|) = k;
  // as long as needed. Without a finite M and w an element is in `total` alone.
  std::vector<SampleCounts> below_max;

  friend bool operator==(const SampleStatistics&, const SampleStatistics&) = default;
};

// Measures op.kind kSample on its inputs: samples once more, so the counts are those of the
// reference. Over threads; the result does not depend on how many.
SampleStatistics MeasureSample(const formats::Operation& op, const formats::ConstBuffer& w,
                               const formats::ConstBuffer& bits);

// 10 log10(signal / noise) in dB with `decimals` digits after the point, rounded from a value that
// is good to 60 digits; "inf" without noise, "-inf" without signal, "nan" without either.
std::string SnrDecibels(const SampleCounts& counts, int decimals);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_STATISTICS_H_
