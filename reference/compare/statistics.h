// SPDX-License-Identifier: Apache-2.0
// Whether a long run of noise looks like its law: chi-square against the exact probabilities, and
// against independence between elements at given distances and between the lanes of a group. The
// numbers here judge; they are not results of the contract, so binary64 is good enough.
#ifndef ULPROOF_REFERENCE_COMPARE_STATISTICS_H_
#define ULPROOF_REFERENCE_COMPARE_STATISTICS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/noise_law.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// The chance that a right implementation fails any test of one law's battery, over all choices of a
// seed. (For one seed the outcome is fixed, so a battery that has passed passes for ever.)
inline constexpr double kFalseAlarmRate = 1e-9;

struct ChiSquare {
  double statistic = 0;
  int degrees_of_freedom = 0;
  double p_value = 1;  // Chance of at least this statistic if the law holds.
};

// Pearson's test of counts against probabilities that sum to 1. Cells that expect fewer than 10 are
// pooled. Precondition: as many counts as probabilities.
ChiSquare TestCounts(std::span<const std::uint64_t> counts, std::span<const double> probabilities);

// The law's probabilities of the classes that ClassOf sorts elements into. Integer laws: R clamped
// to -2..2 (the exact rationals; for boxmuller the exact law). Real laws: 16 equal or equally
// likely parts.
std::vector<double> ClassProbabilities(formats::NoiseLaw law);
// Every element's class. `noise` is int8, or binary32 for the laws that are not integers.
std::vector<std::uint8_t> ClassesOf(formats::NoiseLaw law, const formats::ConstBuffer& noise);

struct StatisticsFinding {
  std::string test;  // "law", "lane 3", "lag 32"
  ChiSquare result;
};
struct StatisticsReport {
  int tests = 0;
  double least_p_value = 1;
  std::vector<StatisticsFinding> failures;  // p below kFalseAlarmRate / tests.
};

// The battery on consecutive elements from logical element 0: the law over all of them, over each
// lane (position in GroupingOf(law)), and pairs at lags 1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 1024 (for
// boxmuller and normal2, whose pairs share a radius, still independent).
StatisticsReport TestNoise(formats::NoiseLaw law, const formats::ConstBuffer& noise);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_STATISTICS_H_
