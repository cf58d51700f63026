// SPDX-License-Identifier: Apache-2.0
// Dyadic against the machine's integers and doubles where these are exact, and against its own
// defining properties elsewhere. Would catch a wrong alignment, a lost sign, a significand that is
// not reduced (equality would fail), an exponent off by one at powers of two.
#include "reference/exact/dyadic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "formats/catalogue.h"

namespace ulproof::reference {
namespace {

TEST(DyadicTest, CodesOfFloat16AndBfloat16HaveTheirValues) {
  for (const formats::FormatSpec& spec : {formats::kFloat16, formats::kBfloat16}) {
    for (formats::Code code = 0; code <= spec.code_mask(); ++code) {
      if (!spec.IsFinite(code)) continue;
      const Dyadic value = Dyadic::FromCode(spec, code);
      const formats::Decoded decoded = Decode(spec, code);
      const double expected =
          std::ldexp(static_cast<double>(decoded.significand), decoded.exponent) *
          (decoded.negative ? -1 : 1);
      int exponent = 0;
      const double fraction = std::frexp(expected, &exponent);
      const auto integer = static_cast<std::int64_t>(std::ldexp(fraction, 53));
      ASSERT_EQ(value, Dyadic::FromInteger(integer).Scale2(exponent - 53)) << code;
      if (expected == 0) continue;
      ASSERT_EQ(value.FloorLog2(), std::ilogb(expected)) << code;
      ASSERT_EQ(value.sign(), expected < 0 ? -1 : 1);
    }
  }
}

TEST(DyadicTest, ArithmeticAgreesWithMachineIntegers) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    // Few bits at random places, so that sums cancel and carry.
    const auto pick = [&] {
      return static_cast<std::int64_t>(random() >> (34 + random() % 30)) * (random() % 2 ? 1 : -1);
    };
    const std::int64_t a = pick();
    const std::int64_t b = pick();
    const Dyadic x = Dyadic::FromInteger(a);
    const Dyadic y = Dyadic::FromInteger(b);
    ASSERT_EQ(x + y, Dyadic::FromInteger(a + b));
    ASSERT_EQ(x - y, Dyadic::FromInteger(a - b));
    ASSERT_EQ(x * y, Dyadic::FromInteger(a * b));
    ASSERT_EQ(x <=> y, a <=> b);
    ASSERT_EQ(-x, Dyadic::FromInteger(-a));
    ASSERT_EQ(x.Abs(), Dyadic::FromInteger(std::abs(a)));
    // The same with the point moved far away: nothing may depend on small exponents.
    const std::int64_t k = static_cast<std::int64_t>(random() % 4000) - 2000;
    ASSERT_EQ(x.Scale2(k) + y.Scale2(k), (x + y).Scale2(k));
    ASSERT_EQ(x.Scale2(k) * y.Scale2(-k), x * y);
    ASSERT_EQ(x.Scale2(k) <=> y.Scale2(k), a <=> b);
  }
}

TEST(DyadicTest, FarApartTermsStayExact) {
  const Dyadic huge = Dyadic::FromParts(false, 1, 5000);
  const Dyadic tiny = Dyadic::FromParts(true, 3, -5000);
  const Dyadic sum = huge + tiny;
  EXPECT_EQ(sum - huge, tiny);
  EXPECT_LT(sum, huge);
  EXPECT_EQ(sum.FloorLog2(), 4999);
  EXPECT_EQ(sum.SignificandBits(), 10000);
}

TEST(DyadicTest, LogarithmsAreExactAroundPowersOfTwo) {
  for (int k = -300; k <= 300; k += 7) {
    const Dyadic power = Dyadic::FromParts(false, 1, k);
    const Dyadic step = Dyadic::FromParts(false, 1, k - 200);
    EXPECT_EQ(power.FloorLog2(), k);
    EXPECT_EQ(power.CeilLog2(), k);
    EXPECT_EQ((power - step).FloorLog2(), k - 1);
    EXPECT_EQ((power - step).CeilLog2(), k);
    EXPECT_EQ((-(power + step)).FloorLog2(), k);
    EXPECT_EQ((power + step).CeilLog2(), k + 1);
  }
}

TEST(DyadicTest, ZeroIsOneValue) {
  EXPECT_EQ(Dyadic(), Dyadic::FromParts(true, 0, 77));
  EXPECT_EQ(Dyadic::FromInteger(5) - Dyadic::FromInteger(5), Dyadic());
  EXPECT_EQ(Dyadic().Scale2(9), Dyadic());
  EXPECT_EQ(Dyadic().sign(), 0);
  EXPECT_LT(Dyadic::FromInteger(-1), Dyadic());
}

TEST(DyadicTest, TextIsHexadecimalAndExact) {
  EXPECT_EQ(Dyadic().ToString(), "0");
  EXPECT_EQ(Dyadic::FromInteger(1).ToString(), "0x1p+0");
  EXPECT_EQ(Dyadic::FromParts(true, 3, -4).ToString(), "-0x1.8p-3");
  EXPECT_EQ(Dyadic::FromInteger(0x1234567).ToString(), "0x1.234567p+24");
  EXPECT_EQ((Dyadic::FromInteger(1) + Dyadic::FromParts(false, 1, -64)).ToString(),
            "0x1.0000000000000001p+0");
}

TEST(DyadicTest, QuotientToOddBracketsTheQuotient) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    const Dyadic a = Dyadic::FromParts(random() % 2, (random() >> random() % 64) | 1, 3);
    const Dyadic b = Dyadic::FromParts(random() % 2, (random() >> random() % 64) | 1, -5);
    const int bits = 2 + static_cast<int>(random() % 70);
    const Dyadic q = QuotientToOdd(a, b, bits);
    const Dyadic rest = a.Abs() - q.Abs() * b.Abs();
    ASSERT_EQ(q.is_negative(), a.is_negative() != b.is_negative());
    if (rest.is_zero()) continue;
    // Inexact: at least `bits` bits and odd in the last (the reduced significand shows both), and
    // the neighbours of that length enclose the quotient.
    ASSERT_GE(q.SignificandBits(), bits);
    const Dyadic last_place = Dyadic::FromParts(false, 1, q.exponent());
    ASSERT_GT((q.Abs() + last_place) * b.Abs(), a.Abs());
    ASSERT_LT((q.Abs() - last_place) * b.Abs(), a.Abs());
  }
}

}  // namespace
}  // namespace ulproof::reference
