// SPDX-License-Identifier: Apache-2.0
#include "reference/inspect/law_table.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ulproof::reference {
namespace {

using formats::NoiseLaw;

// Would catch: a value left out or counted twice, a probability on the wrong R.
TEST(LawTable, IntegerLawsSumToOneAndAreSymmetric) {
  for (const NoiseLaw law : formats::kNoiseLaws) {
    if (!formats::HasIntegerNoise(law)) continue;
    const LawTable table = LawTableOf(law);
    double sum = 0;
    for (const LawValue& value : table.values) sum += value.probability;
    EXPECT_NEAR(sum, 1, 1e-11) << formats::NoiseLawName(law);
    const std::size_t n = table.values.size();
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_EQ(table.values[i].r, -table.values[n - 1 - i].r);
      EXPECT_EQ(table.values[i].probability, table.values[n - 1 - i].probability);
    }
  }
}

// rg16's thresholds are 10398 and 88 of 2^15: the numbers by hand.
TEST(LawTable, Rg16ByHand) {
  const LawTable table = LawTableOf(NoiseLaw::kRg16);
  ASSERT_EQ(table.values.size(), 5u);
  EXPECT_EQ(table.values[2].exact, "44740/65536");
  EXPECT_EQ(table.values[3].exact, "10310/65536");
  EXPECT_EQ(table.values[4].exact, "88/65536");
  EXPECT_EQ(table.intact, 22370.0 / 32768);
  EXPECT_DOUBLE_EQ(table.variance, (10310 + 4 * 88) / 32768.0);
  EXPECT_DOUBLE_EQ(table.fourth_moment, (10310 + 16 * 88) / 32768.0);
}

// The moments of the real laws against a sum over all 2^24 points, and against an integral.
TEST(LawTable, MomentsOfTheRealLaws) {
  double square = 0;
  double fourth = 0;
  for (int k = 0; k < 1 << 24; ++k) {
    const double r = k * 0x1p-24 - 0.5;
    square += r * r * 0x1p-24;
    fourth += r * r * r * r * 0x1p-24;
  }
  const LawTable uniform = LawTableOf(NoiseLaw::kUniform);
  // The sum of 2^24 terms is itself off by some 10^-13.
  EXPECT_NEAR(uniform.variance, square, 1e-12);
  EXPECT_NEAR(uniform.fourth_moment, fourth, 1e-12);
  double normal_square = 0;
  double normal_fourth = 0;
  for (double x = -5; x < 5; x += 1.0 / 64) {
    const double probability = RealLawProbability(NoiseLaw::kNormal2, x, x + 1.0 / 64);
    const double middle = x + 1.0 / 128;
    normal_square += probability * middle * middle;
    normal_fourth += probability * middle * middle * middle * middle;
  }
  const LawTable normal = LawTableOf(NoiseLaw::kNormal2);
  EXPECT_NEAR(normal.variance, normal_square, 1e-4);
  EXPECT_NEAR(normal.fourth_moment, normal_fourth, 1e-4);
}

// Would catch: a tail computed as 1 minus almost 1, a factor in the argument.
TEST(LawTable, ProbabilitiesOfTheRealLaws) {
  EXPECT_DOUBLE_EQ(RealLawProbability(NoiseLaw::kUniform, -0.25, 0.5), 0.75);
  EXPECT_EQ(RealLawProbability(NoiseLaw::kUniform, 0.5, 2), 0);
  // P(z >= 8) = 6.22096e-16, from tables of the normal law.
  EXPECT_NEAR(RealLawProbability(NoiseLaw::kNormal2, 4, INFINITY), 6.22096057427178e-16, 1e-27);
  EXPECT_NEAR(RealLawProbability(NoiseLaw::kNormal2, -INFINITY, -4), 6.22096057427178e-16, 1e-27);
  EXPECT_NEAR(RealLawProbability(NoiseLaw::kNormal2, -0.5, 0.5), 0.682689492137086, 1e-14);
}

}  // namespace
}  // namespace ulproof::reference
