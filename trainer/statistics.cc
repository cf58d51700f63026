// SPDX-License-Identifier: Apache-2.0
#include "trainer/statistics.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace ulproof::trainer {

double StudentQuantile(std::size_t degrees) {
  // tests/trainer/statistics_test.cc integrates the density up to each.
  static constexpr std::array<double, 30> kTable = {
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
      2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
      2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  ULPROOF_CHECK(degrees >= 1);
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  // The first two terms of the Cornish-Fisher expansion about the normal quantile.
  const double z = 1.959964, n = static_cast<double>(degrees);
  return z + (z * z * z + z) / (4 * n) +
         (5 * std::pow(z, 5) + 16 * z * z * z + 3 * z) / (96 * n * n);
}

Interval MeanInterval(std::span<const double> values) {
  ULPROOF_CHECK(!values.empty());
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double v : values) sum += v;
  Interval interval = {.mean = sum / count};
  if (values.size() == 1) {
    interval.half_width = std::numeric_limits<double>::infinity();
    return interval;
  }
  double squares = 0;
  for (const double v : values) squares += (v - interval.mean) * (v - interval.mean);
  interval.half_width =
      StudentQuantile(values.size() - 1) * std::sqrt(squares / (count - 1) / count);
  return interval;
}

Verdict Judge(const Interval& difference, double margin) {
  if (difference.low() > -margin && difference.high() < margin) return Verdict::kWithin;
  if (difference.low() > 0) return Verdict::kWorse;
  if (difference.high() < 0) return Verdict::kBetter;
  return Verdict::kUndecided;
}

std::string_view VerdictName(Verdict verdict) {
  static constexpr std::array<std::string_view, 4> kNames = {"within", "worse", "better",
                                                             "undecided"};
  return kNames[static_cast<std::size_t>(verdict)];
}

}  // namespace ulproof::trainer
