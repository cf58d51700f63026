// SPDX-License-Identifier: Apache-2.0
// Probabilities: exact rationals of the threshold laws, enclosures of the exact law.
#include "reference/random/law.h"

#include <gtest/gtest.h>

namespace ulproof::reference {
namespace {

using formats::ThresholdLaw;

constexpr ThresholdLaw kLaws[] = {formats::kRg16Law, formats::kRg32Law, formats::kRgbitsLaw};

// A decimal literal as an exact rational: "0.0026997960633" is Decimal(26997960633, 13).
Rational Decimal(long long digits, int places) {
  return Rational(digits, boost::multiprecision::pow(boost::multiprecision::cpp_int(10), places));
}

TEST(ThresholdLawTest, IsAProbabilityLaw) {
  for (const ThresholdLaw& law : kLaws) {
    Rational sum = 0;
    for (int r = -5; r <= 5; ++r) {
      EXPECT_GE(Probability(law, r), 0);
      EXPECT_EQ(Probability(law, r), Probability(law, -r));
      sum += Probability(law, r);
    }
    EXPECT_EQ(sum, 1);
    EXPECT_EQ(TailProbability(law, 0), 1);
    EXPECT_EQ(TailProbability(law, -1), 1);
    EXPECT_EQ(TailProbability(law, 4), 0);
  }
  EXPECT_EQ(LargestMagnitude(formats::kRg16Law), 2);
  EXPECT_EQ(LargestMagnitude(formats::kRg32Law), 3);
}

// Moments by hand from the thresholds: E R^2 = sum (2k - 1) P(|R| >= k).
TEST(ThresholdLawTest, HasItsMoments) {
  for (const ThresholdLaw& law : kLaws) {
    EXPECT_EQ(Moment(law, 0), 1);
    EXPECT_EQ(Moment(law, 1), 0);
    EXPECT_EQ(Moment(law, 3), 0);
  }
  EXPECT_EQ(Moment(formats::kRg16Law, 2), Rational(10398 + 3 * 88, 32768));
  EXPECT_EQ(Moment(formats::kRg16Law, 4), Rational(10398 + 15 * 88, 32768));
  EXPECT_EQ(Moment(formats::kRgbitsLaw, 2), Rational(650 + 3 * 6, 2048));
  EXPECT_EQ(Moment(formats::kRg32Law, 2),
            Rational(681419127ll + 3 * 5797768ll + 5 * 1231, 1ll << 31));
}

// The figures of contract section 5, to their last digit.
TEST(ExactLawTest, HasTheContractsFigures) {
  struct Figure {
    int k;
    long long digits;
    int places;
  };
  for (const Figure& figure : {Figure{1, 31731050786, 11}, Figure{2, 26997960633, 13},
                               Figure{3, 57330, 11}, Figure{4, 256, 14}}) {
    const Interval tail = ExactTailProbability(figure.k, 128);
    const Rational half_digit = Rational(1, 2) * Decimal(1, figure.places);
    EXPECT_LE(abs(tail.low - Decimal(figure.digits, figure.places)), half_digit) << figure.k;
    EXPECT_LE(abs(tail.high - Decimal(figure.digits, figure.places)), half_digit) << figure.k;
  }
}

// Enclosures at different precisions must nest around one number, and be narrow. Would catch an
// end rounded inward: nesting then breaks at some precision.
TEST(ExactLawTest, EnclosuresHoldTheMoreExactValue) {
  for (int k = 1; k <= 8; ++k) {
    const Interval sharp = ExactTailProbability(k, 512);
    for (int precision_bits = 16; precision_bits <= 256; ++precision_bits) {
      const Interval wide = ExactTailProbability(k, precision_bits);
      ASSERT_LE(wide.low, sharp.low) << k << " at " << precision_bits;
      ASSERT_GE(wide.high, sharp.high) << k << " at " << precision_bits;
      ASSERT_LT(wide.width() *
                    boost::multiprecision::pow(boost::multiprecision::cpp_int(2), precision_bits),
                sharp.high * 1024)
          << k << " at " << precision_bits;
    }
  }
}

TEST(ExactLawTest, SumsToOne) {
  Interval sum = {0, 0};
  for (int r = -12; r <= 12; ++r) {
    const Interval probability = ExactProbability(r, 128);
    sum.low += probability.low;
    sum.high += probability.high;
  }
  const Interval beyond = ExactTailProbability(13, 128);
  EXPECT_TRUE((Interval{sum.low + beyond.low, sum.high + beyond.high}.Contains(1)));
  EXPECT_LT(sum.width(), Decimal(1, 36));
}

// Figures that docs and reports quote, tight both ways: a changed threshold changes them.
TEST(ExactLawTest, HasItsVariance) {
  const Interval variance = ExactVariance(128);
  EXPECT_TRUE(Interval({variance.low - Decimal(1, 15), variance.high + Decimal(1, 15)})
                  .Contains(Decimal(325412762586331, 15)));
  EXPECT_LT(variance.width(), Decimal(1, 36));
  EXPECT_LE(ExactVariance(32).low, variance.low);
  EXPECT_GE(ExactVariance(32).high, variance.high);
}

TEST(TotalVariationTest, HasItsFigures) {
  const auto expect_near = [](const ThresholdLaw& law, const Rational& figure) {
    const Interval distance = TotalVariation(law, 128);
    EXPECT_LE(abs(distance.low - figure), figure / 1'000'000);
    EXPECT_LE(abs(distance.high - figure), figure / 1'000'000);
    EXPECT_LT(distance.width(), Decimal(1, 36));
    // A coarse enclosure holds the sharp one.
    EXPECT_LE(TotalVariation(law, 40).low, distance.low);
    EXPECT_GE(TotalVariation(law, 40).high, distance.high);
  };
  expect_near(formats::kRg16Law, Decimal(255186690960862, 19));    // 2.55e-5
  expect_near(formats::kRg32Law, Decimal(121230510328078, 24));    // 1.21e-10
  expect_near(formats::kRgbitsLaw, Decimal(230464739883569, 18));  // 2.30e-4
}

// A law that can be checked by hand: R = +-1 with probability 1/2 in all. The mass that has to
// move is P(|R| >= 1) of the exact law less 1/2 where that is too much, the rest where too little:
// the larger of the two one-sided sums.
TEST(TotalVariationTest, OfACoinIsByHand) {
  const ThresholdLaw coin = {.magnitude_bits = 1, .thresholds = {1, 0, 0}};
  const Interval exact_one = {ExactTailProbability(1, 128).low - ExactTailProbability(2, 128).high,
                              ExactTailProbability(1, 128).high - ExactTailProbability(2, 128).low};
  // Only |R| = 1 has too much mass: 1/2 against 0.3146.
  const Interval distance = TotalVariation(coin, 128);
  EXPECT_LE(abs(distance.low - (Rational(1, 2) - exact_one.high)), Decimal(1, 36));
  EXPECT_LE(abs(distance.high - (Rational(1, 2) - exact_one.low)), Decimal(1, 36));
}

}  // namespace
}  // namespace ulproof::reference
