// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "reference/compare/inputs.h"

namespace ulproof::reference {
namespace {

using formats::NoiseLaw;
using formats::Tensor;

// Noise that follows rg16's law with the first threshold multiplied by `factor`, by a generator
// that has nothing to do with the contract's.
Tensor SyntheticRg16(std::uint64_t seed, std::uint64_t count, double factor = 1) {
  Rng rng(seed);
  Tensor noise(formats::ElementType::Int8(), count);
  const auto first =
      static_cast<std::uint64_t>(std::llround(formats::kRg16Law.thresholds[0] * factor));
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t u = rng.Next() >> 48;
    const std::uint64_t magnitude_bits = u & 0x7FFF;
    const int magnitude =
        (magnitude_bits < first) + (magnitude_bits < formats::kRg16Law.thresholds[1]);
    noise.Set(i, static_cast<std::uint8_t>(u >> 15 ? -magnitude : magnitude));
  }
  return noise;
}

// By hand: 25 and 75 of 100 expected, 30 and 70 counted, so 25/25 + 25/75 = 4/3 with one degree of
// freedom, p = erfc(sqrt(2/3)). And a cell that expects 5 joins another. Would catch a wrong
// statistic.
TEST(StatisticsTest, ChiSquareByHand) {
  const auto result =
      TestCounts(std::vector<std::uint64_t>{30, 70}, std::vector<double>{0.25, 0.75});
  EXPECT_DOUBLE_EQ(result.statistic, 4.0 / 3);
  EXPECT_EQ(result.degrees_of_freedom, 1);
  EXPECT_NEAR(result.p_value, std::erfc(std::sqrt(2.0 / 3)), 1e-12);
  const auto pooled =
      TestCounts(std::vector<std::uint64_t>{80, 14, 6}, std::vector<double>{0.88, 0.05, 0.07});
  EXPECT_EQ(pooled.degrees_of_freedom, 1);
  EXPECT_DOUBLE_EQ(pooled.statistic, 64.0 / 88 + 64.0 / 12);
}

// Would catch p-values that are not: over many right samples they are uniform.
TEST(StatisticsTest, PValuesAreUniformUnderTheLaw) {
  const std::vector<double> probabilities = ClassProbabilities(NoiseLaw::kRg16);
  double sum = 0;
  int below_tenth = 0;
  constexpr int kSamples = 400;
  for (int sample = 0; sample < kSamples; ++sample) {
    const Tensor noise = SyntheticRg16(1000 + sample, 20000);
    std::vector<std::uint64_t> counts(probabilities.size());
    for (const std::uint8_t c : ClassesOf(NoiseLaw::kRg16, noise.view())) ++counts[c];
    const double p = TestCounts(counts, probabilities).p_value;
    sum += p;
    below_tenth += p < 0.1;
  }
  // Six standard deviations of the mean and of the binomial.
  EXPECT_NEAR(sum / kSamples, 0.5, 6 * std::sqrt(1.0 / 12 / kSamples));
  EXPECT_NEAR(below_tenth, 0.1 * kSamples, 6 * std::sqrt(0.09 * kSamples));
}

// Would catch a battery that raises false alarms.
TEST(StatisticsTest, PassesRightNoise) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const StatisticsReport report = TestNoise(NoiseLaw::kRg16, SyntheticRg16(seed, 1 << 18).view());
    EXPECT_TRUE(report.failures.empty()) << report.failures[0].test;
    EXPECT_GT(report.least_p_value, 1e-5);
    EXPECT_EQ(report.tests, 8 + 1 + 11);
  }
}

// The power that the quick level has (2^21 elements): a threshold that is off by 2 percent. Would
// catch a battery too blunt to see it.
TEST(StatisticsTest, DetectsAThresholdOffByTwoPercent) {
  for (const double factor : {0.98, 1.02}) {
    const StatisticsReport report =
        TestNoise(NoiseLaw::kRg16, SyntheticRg16(7, 1 << 21, factor).view());
    ASSERT_FALSE(report.failures.empty()) << factor;
    EXPECT_LT(report.least_p_value, 1e-20);
  }
}

// One element in fifty repeats the one eight before. Would catch a missing or mistaken lag.
TEST(StatisticsTest, DetectsDependenceAtALag) {
  Tensor noise = SyntheticRg16(8, 1 << 20);
  for (std::uint64_t i = 50; i < noise.count(); i += 50) noise.Set(i, noise.Get(i - 8));
  const StatisticsReport report = TestNoise(NoiseLaw::kRg16, noise.view());
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].test, "lag 8");
}

// One lane has its sign always positive: the sum over all lanes hardly shows it. Would catch lanes
// that are pooled.
TEST(StatisticsTest, DetectsOneBadLane) {
  Tensor noise = SyntheticRg16(9, 1 << 18);
  for (std::uint64_t i = 5; i < noise.count(); i += 8) {
    noise.Set(i, std::abs(static_cast<std::int8_t>(noise.Get(i))));
  }
  const StatisticsReport report = TestNoise(NoiseLaw::kRg16, noise.view());
  const auto is_lane_5 = [](const StatisticsFinding& f) { return f.test == "lane 5"; };
  EXPECT_TRUE(std::ranges::any_of(report.failures, is_lane_5));
}

// Would catch class limits that are not quantiles.
TEST(StatisticsTest, RealLawsFallIntoTheirClasses) {
  const auto codes = std::to_array<formats::Code>({
      0xBF000000,  // -0.5: the first uniform class; z = -1, of probability 0.1587
      0x3EFFFFFE,  // just below 0.5
      0x00000000,
      0xBDCCCCCD,  // -0.1: z = -0.2, of probability 0.4207
  });
  Tensor noise(formats::ElementType::CodeOf(formats::kFloat32), codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) noise.Set(i, codes[i]);
  EXPECT_EQ(ClassesOf(NoiseLaw::kUniform, noise.view()), (std::vector<std::uint8_t>{0, 15, 8, 6}));
  EXPECT_EQ(ClassesOf(NoiseLaw::kNormal2, noise.view()), (std::vector<std::uint8_t>{2, 13, 8, 6}));
}

}  // namespace
}  // namespace ulproof::reference
