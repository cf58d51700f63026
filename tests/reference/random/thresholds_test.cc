// SPDX-License-Identifier: Apache-2.0
// Where the numbers in formats/noise_law.h come from: each threshold is recomputed from
// erfc((2k - 1) / sqrt 2). Would catch a mistyped digit and a threshold rounded the wrong way.
#include <gtest/gtest.h>

#include "reference/random/law.h"

namespace ulproof::reference {
namespace {

using boost::multiprecision::cpp_int;

// The integer nearest to scale * x for every x of the interval. Fails the test when the interval
// does not decide.
cpp_int NearestNumerator(const Interval& x, const cpp_int& scale) {
  const auto nearest = [&](const Rational& end) {
    const Rational shifted = end * scale + Rational(1, 2);
    return cpp_int(numerator(shifted) / denominator(shifted));  // Positive: this is floor.
  };
  EXPECT_EQ(nearest(x.low), nearest(x.high));
  return nearest(x.low);
}

TEST(ThresholdsTest, AreTheNearestFractionsOfTheExactLaw) {
  struct Row {
    const char* name;
    formats::ThresholdLaw law;
    int used;
  };
  for (const Row& row : {Row{"rg16", formats::kRg16Law, 2}, Row{"rg32", formats::kRg32Law, 3},
                         Row{"rgbits", formats::kRgbitsLaw, 2}}) {
    const cpp_int scale = cpp_int(1) << row.law.magnitude_bits;
    for (int k = 1; k <= 3; ++k) {
      SCOPED_TRACE(std::string(row.name) + " k = " + std::to_string(k));
      // Each law stops at the first k whose nearest fraction is 0.
      EXPECT_EQ(cpp_int(row.law.thresholds[k - 1]),
                NearestNumerator(ExactTailProbability(k, 128), scale));
      EXPECT_EQ(row.law.thresholds[k - 1] != 0, k <= row.used);
    }
    EXPECT_EQ(NearestNumerator(ExactTailProbability(4, 128), scale), 0);
  }
}

}  // namespace
}  // namespace ulproof::reference
