// SPDX-License-Identifier: Apache-2.0
// The storage of MPFR numbers. Would catch a FixedReal whose bits MPFR reads otherwise than we
// wrote them (limb order, exponent convention), and a conversion that rounds.
#include "reference/exact/real.h"

#include <gtest/gtest.h>

#include <random>

#include "reference/exact/dyadic.h"

namespace ulproof::reference {
namespace {

TEST(RealTest, FixedRealHoldsTheNumberItWasGiven) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t significand = random() >> random() % 64;
    const auto exponent = static_cast<std::int64_t>(random() % 5000) - 2500;
    const bool negative = random() % 2 != 0;
    Real expected(64);
    mpfr_set_ui_2exp(expected, significand, exponent, MPFR_RNDN);
    mpfr_setsign(expected, expected, negative, MPFR_RNDN);
    const FixedReal<64> narrow(negative, significand, exponent);
    const FixedReal<192> wide(negative, significand, exponent);
    ASSERT_TRUE(mpfr_equal_p(narrow, expected));
    ASSERT_TRUE(mpfr_equal_p(wide, expected));
    ASSERT_EQ(mpfr_signbit(wide) != 0, negative);
    // Its bits serve as a destination too: 1 + 2^-150 needs 151 bits.
    FixedReal<192> sum;
    const FixedReal<64> one(false, 1, 0);
    const FixedReal<64> small(false, 1, -150);
    ASSERT_EQ(mpfr_add(sum, one, small, MPFR_RNDN), 0);
    ASSERT_EQ(mpfr_sub(sum, sum, one, MPFR_RNDN), 0);
    ASSERT_TRUE(mpfr_equal_p(sum, small));
  }
}

TEST(RealTest, ZerosKeepTheirSign) {
  const FixedReal<64> plus(false, 0, 0);
  const FixedReal<64> minus(true, 0, 0);
  EXPECT_EQ(mpfr_signbit(plus), 0);
  EXPECT_NE(mpfr_signbit(minus), 0);
  EXPECT_NE(mpfr_zero_p(minus), 0);
}

TEST(RealTest, CopiesAndMovesKeepPrecisionAndValue) {
  Real a(100);
  mpfr_set_ui(a, 1, MPFR_RNDN);
  mpfr_div_ui(a, a, 3, MPFR_RNDN);
  Real b = a;
  EXPECT_EQ(mpfr_get_prec(b), 100);
  EXPECT_TRUE(mpfr_equal_p(a, b));
  Real c = std::move(b);
  EXPECT_TRUE(mpfr_equal_p(a, c));
  Real d(10);
  d = c;
  EXPECT_EQ(mpfr_get_prec(d), 100);
  EXPECT_TRUE(mpfr_equal_p(a, d));
}

TEST(RealTest, DyadicRoundTripIsTheIdentity) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 5000; ++i) {
    Dyadic value;
    for (std::uint64_t terms = random() % 5; terms > 0; --terms) {
      value += Dyadic::FromParts(random() % 2, random(), static_cast<std::int64_t>(random() % 900));
    }
    const Real real = ToReal(value);
    ASSERT_EQ(ToDyadic(real), value);
  }
  const Real zero = ToReal(Dyadic());
  EXPECT_EQ(ToDyadic(zero), Dyadic());
}

}  // namespace
}  // namespace ulproof::reference
