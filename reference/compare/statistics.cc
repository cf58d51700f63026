// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "reference/random/law.h"

namespace ulproof::reference {
namespace {

using formats::NoiseLaw;

constexpr int kLargestClass = 2;  // |R| of 2 and more is one class.
constexpr int kRealClasses = 16;
constexpr double kLeastExpected = 10;
constexpr std::array<std::uint64_t, 11> kLags = {1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 1024};

// P(|R| >= k).
double Tail(NoiseLaw law, int k) {
  const auto of_thresholds = [&](const formats::ThresholdLaw& thresholds) {
    return TailProbability(thresholds, k).convert_to<double>();
  };
  switch (law) {
    case NoiseLaw::kRg16:
      return of_thresholds(formats::kRg16Law);
    case NoiseLaw::kRg32:
      return of_thresholds(formats::kRg32Law);
    case NoiseLaw::kRgbits:
      return of_thresholds(formats::kRgbitsLaw);
    default:
      return ExactTailProbability(k, 64).low.convert_to<double>();
  }
}

// The upper ends of the first 15 of 16 equally likely parts of z / 2.
std::array<float, kRealClasses - 1> NormalQuantiles() {
  std::array<float, kRealClasses - 1> ends;
  for (int i = 0; i < kRealClasses - 1; ++i) {
    const double probability = (i + 1) / double{kRealClasses};
    // z = sqrt(2) erfinv(2p - 1); half of it.
    ends[i] = static_cast<float>(boost::math::erf_inv(2 * probability - 1) / std::sqrt(2.0));
  }
  return ends;
}

class Battery {
 public:
  void Add(std::string test, const ChiSquare& result) {
    findings_.push_back({std::move(test), result});
  }
  StatisticsReport Report() const {
    StatisticsReport report;
    report.tests = static_cast<int>(findings_.size());
    for (const StatisticsFinding& finding : findings_) {
      report.least_p_value = std::min(report.least_p_value, finding.result.p_value);
      // Bonferroni: the union of all tests keeps the stated rate.
      if (finding.result.p_value < kFalseAlarmRate / report.tests) {
        report.failures.push_back(finding);
      }
    }
    return report;
  }

 private:
  std::vector<StatisticsFinding> findings_;
};

}  // namespace

ChiSquare TestCounts(std::span<const std::uint64_t> counts, std::span<const double> probabilities) {
  ULPROOF_CHECK(counts.size() == probabilities.size());
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), 0ull));
  ChiSquare result;
  int cells = 0;
  double pooled_count = 0;
  double pooled_expected = 0;
  const auto add = [&](double count, double expected) {
    result.statistic += (count - expected) * (count - expected) / expected;
    ++cells;
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * probabilities[i];
    const double count = static_cast<double>(counts[i]);
    if (expected >= kLeastExpected) {
      add(count, expected);
    } else {
      pooled_count += count;
      pooled_expected += expected;
    }
  }
  if (pooled_expected >= kLeastExpected) {
    add(pooled_count, pooled_expected);
  } else if (pooled_count > 20 * kLeastExpected) {
    // What the law all but excludes came often: Poisson's chance of that is far below any rate
    // here.
    return {INFINITY, 1, 0};
  }
  result.degrees_of_freedom = std::max(cells - 1, 0);
  if (result.degrees_of_freedom > 0) {
    result.p_value = boost::math::gamma_q(result.degrees_of_freedom / 2.0, result.statistic / 2);
  }
  return result;
}

std::vector<double> ClassProbabilities(NoiseLaw law) {
  if (!formats::HasIntegerNoise(law)) {
    return std::vector<double>(kRealClasses, 1.0 / kRealClasses);
  }
  const double one = (Tail(law, 1) - Tail(law, 2)) / 2;
  const double two = Tail(law, 2) / 2;
  return {two, one, 1 - Tail(law, 1), one, two};
}

std::vector<std::uint8_t> ClassesOf(NoiseLaw law, const formats::ConstBuffer& noise) {
  std::vector<std::uint8_t> classes(noise.count);
  if (formats::HasIntegerNoise(law)) {
    const auto* r = noise.As<std::int8_t>();
    for (std::uint64_t i = 0; i < noise.count; ++i) {
      classes[i] = static_cast<std::uint8_t>(std::clamp<int>(r[i], -kLargestClass, kLargestClass) +
                                             kLargestClass);
    }
    return classes;
  }
  const auto ends = NormalQuantiles();
  for (std::uint64_t i = 0; i < noise.count; ++i) {
    const float r = std::bit_cast<float>(noise.As<std::uint32_t>()[i]);
    if (law == NoiseLaw::kUniform) {
      classes[i] = static_cast<std::uint8_t>(
          std::clamp(static_cast<int>((r + 0.5f) * kRealClasses), 0, kRealClasses - 1));
    } else {
      classes[i] = static_cast<std::uint8_t>(std::ranges::upper_bound(ends, r) - ends.begin());
    }
  }
  return classes;
}

StatisticsReport TestNoise(NoiseLaw law, const formats::ConstBuffer& noise) {
  const std::vector<double> probabilities = ClassProbabilities(law);
  const std::size_t kinds = probabilities.size();
  const std::vector<std::uint8_t> classes = ClassesOf(law, noise);
  Battery battery;

  const std::size_t lanes = formats::GroupingOf(law).elements;
  std::vector<std::uint64_t> counts_of_lanes(lanes * kinds);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    ++counts_of_lanes[i % lanes * kinds + classes[i]];
  }
  std::vector<std::uint64_t> counts(kinds);
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const auto of_lane = std::span(counts_of_lanes).subspan(lane * kinds, kinds);
    battery.Add(fmt::format("lane {}", lane), TestCounts(of_lane, probabilities));
    for (std::size_t k = 0; k < kinds; ++k) counts[k] += of_lane[k];
  }
  battery.Add("law", TestCounts(counts, probabilities));

  std::vector<double> pair_probabilities;
  for (const double a : probabilities) {
    for (const double b : probabilities) pair_probabilities.push_back(a * b);
  }
  for (const std::uint64_t lag : kLags) {
    if (lag >= classes.size()) break;
    std::vector<std::uint64_t> pairs(kinds * kinds);
    for (std::size_t i = lag; i < classes.size(); ++i) {
      ++pairs[classes[i - lag] * kinds + classes[i]];
    }
    battery.Add(fmt::format("lag {}", lag), TestCounts(pairs, pair_probabilities));
  }
  return battery.Report();
}

}  // namespace ulproof::reference
