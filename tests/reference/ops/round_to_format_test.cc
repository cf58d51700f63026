// SPDX-License-Identifier: Apache-2.0
// Clauses of contract section 2 that are easy to read wrongly, as hand-made answers, one test a
// clause; and the three entries of the rounding against each other. What holds in general is in
// rounding_paths_test.cc and cast_test.cc.
#include "reference/ops/round_to_format.h"

#include <gtest/gtest.h>

#include <random>

#include "formats/catalogue.h"
#include "reference/exact/real.h"
#include "reference/ops/round_real.h"
#include "tests/support/matchers.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kFloat8E8m0fnu;
using formats::Overflow;
using formats::Rounding;
using formats::ValueClass;
using tests::SameBits;

constexpr std::array kPolicies = {Overflow::kIeee, Overflow::kSaturate, Overflow::kSaturateFinite,
                                  Overflow::kToInfinity};

Rounding Mode(std::string_view name) { return *formats::ParseRounding(name); }
FormatSpec Format(std::string_view name) { return *formats::ParseFormat(name); }
// n * 2^exponent
Dyadic Number(std::int64_t n, std::int64_t exponent = 0) {
  return Dyadic::FromInteger(n).Scale2(exponent);
}

// Overflow of +-1000 (largest finite: 448, 57344, 6, ...), each policy in the order of kPolicies.
void ExpectOverflows(std::string_view format, std::string_view mode, std::int64_t x,
                     std::array<Code, 4> expected) {
  const FormatSpec to = Format(format);
  for (std::size_t i = 0; i < kPolicies.size(); ++i) {
    const RoundDetail detail = RoundToFormatDetail(to, Number(x), Mode(mode), kPolicies[i]);
    EXPECT_THAT(detail.code, SameBits(to, expected[i]))
        << format << " " << mode << " " << x << " " << OverflowName(kPolicies[i]);
    EXPECT_TRUE(detail.overflow);
    EXPECT_TRUE(detail.inexact);
  }
}

// Would catch a directed mode that overflows to infinity on the wrong side.
TEST(RoundToFormatTest, OverflowFollowsModeAndPolicy) {
  // ieee: infinity 0x78, largest 0x77.
  ExpectOverflows("float8_e4m3", "rne", 1000, {0x78, 0x77, 0x77, 0x78});
  ExpectOverflows("float8_e4m3", "rna", -1000, {0xF8, 0xF7, 0xF7, 0xF8});
  ExpectOverflows("float8_e4m3", "rtz", 1000, {0x77, 0x77, 0x77, 0x78});
  ExpectOverflows("float8_e4m3", "rup", 1000, {0x78, 0x77, 0x77, 0x78});
  ExpectOverflows("float8_e4m3", "rup", -1000, {0xF7, 0xF7, 0xF7, 0xF8});
  ExpectOverflows("float8_e4m3", "rdn", 1000, {0x77, 0x77, 0x77, 0x78});
  ExpectOverflows("float8_e4m3", "rdn", -1000, {0xF8, 0xF7, 0xF7, 0xF8});
  ExpectOverflows("float8_e4m3", "rto", 1000, {0x77, 0x77, 0x77, 0x78});
  ExpectOverflows("float8_e4m3", "sra8", 1000, {0x78, 0x77, 0x77, 0x78});
  // fn and fnuz: NaN stands for infinity, with sign 0.
  ExpectOverflows("float8_e4m3fn", "rne", -1000, {0x7F, 0xFE, 0xFE, 0x7F});
  ExpectOverflows("float8_e4m3fn", "rtz", -1000, {0xFE, 0xFE, 0xFE, 0x7F});
  ExpectOverflows("float8_e4m3fnuz", "rne", -1000, {0x80, 0xFF, 0xFF, 0x80});
  ExpectOverflows("float8_e4m3fnuz", "rup", -1000, {0xFF, 0xFF, 0xFF, 0x80});
  // finite: the largest finite value of that sign, always.
  ExpectOverflows("float4_e2m1fn", "rne", -1000, {0xF, 0xF, 0xF, 0xF});
  ExpectOverflows("float4_e2m1fn", "rtz", 1000, {0x7, 0x7, 0x7, 0x7});
  // e1m0 has no finite value but zero, and infinity.
  ExpectOverflows("e1m0", "rtz", -1000, {0x2, 0x2, 0x2, 0x3});
  ExpectOverflows("e1m0", "rne", 1000, {0x1, 0x0, 0x0, 0x1});
}

// Would catch an infinite input treated as a huge finite one.
TEST(RoundToFormatTest, InfinityIgnoresTheMode) {
  for (const char* mode : {"rne", "rtz", "rup", "rdn", "rto", "srb4"}) {
    const auto infinity = [&](std::string_view format, bool negative, Overflow overflow) {
      return RoundToFormat(Format(format), {ValueClass::kInfinity, negative, 0, 0}, Mode(mode),
                           overflow);
    };
    for (const Overflow overflow :
         {Overflow::kIeee, Overflow::kSaturateFinite, Overflow::kToInfinity}) {
      EXPECT_EQ(infinity("float8_e5m2", true, overflow), 0xFC) << mode;
      EXPECT_EQ(infinity("float8_e4m3fn", true, overflow), 0x7F) << mode;
      EXPECT_EQ(infinity("float6_e3m2fn", true, overflow), 0x3F) << mode;
      EXPECT_EQ(infinity("float8_e8m0fnu", false, overflow), 0xFF) << mode;
    }
    EXPECT_EQ(infinity("float8_e5m2", true, Overflow::kSaturate), 0xFB) << mode;
    EXPECT_EQ(infinity("float8_e4m3fn", false, Overflow::kSaturate), 0x7E) << mode;
    EXPECT_EQ(infinity("float8_e8m0fnu", false, Overflow::kSaturate), 0xFE) << mode;
    EXPECT_EQ(infinity("float8_e8m0fnu", true, Overflow::kSaturate), 0x00) << mode;
    EXPECT_EQ(infinity("float8_e8m0fnu", true, Overflow::kSaturateFinite), 0xFF) << mode;
  }
}

// Would catch a NaN that keeps its sign or payload.
TEST(RoundToFormatTest, NanIsCanonical) {
  const auto nan = [](std::string_view format) {
    return RoundToFormat(Format(format), {ValueClass::kNan, true, 0, 0}, Rounding{},
                         Overflow::kSaturate);
  };
  EXPECT_EQ(nan("bfloat16"), 0x7FC0u);
  EXPECT_EQ(nan("float16"), 0x7E00u);
  EXPECT_EQ(nan("float8_e5m2"), 0x7Eu);
  EXPECT_EQ(nan("float8_e4m3fn"), 0x7Fu);
  EXPECT_EQ(nan("float8_e4m3fnuz"), 0x80u);
  EXPECT_EQ(nan("float8_e8m0fnu"), 0xFFu);
  EXPECT_EQ(nan("float4_e2m1fn"), 0x7u);
  EXPECT_EQ(nan("e3m0"), 0x6u);  // Infinity (7) and no room for a NaN: the largest finite.
}

// Would catch a -0 written into a format that has none, or lost where it exists.
TEST(RoundToFormatTest, ZerosKeepTheirSignWhereTheyCan) {
  const auto zero = [](std::string_view format) {
    return RoundToFormat(Format(format), Dyadic(), Rounding{}, Overflow::kIeee, 0, true);
  };
  EXPECT_EQ(zero("float8_e4m3fn"), 0x80u);
  EXPECT_EQ(zero("float4_e2m1fn"), 0x8u);
  EXPECT_EQ(zero("float8_e4m3fnuz"), 0x00u);
  // Underflow to zero does the same.
  EXPECT_EQ(RoundToFormat(Format("float8_e4m3fn"), Number(-1, -100), Rounding{}, Overflow::kIeee),
            0x80u);
  EXPECT_EQ(RoundToFormat(Format("float8_e4m3fnuz"), Number(-1, -100), Rounding{}, Overflow::kIeee),
            0x00u);
}

// Would catch ties that go to the even significand (always 1 here) or always up: with no trailing
// bits the even code wins, and round-to-odd takes the odd code.
TEST(RoundToFormatTest, ParityIsThatOfTheCode) {
  const FormatSpec e8m0 = kFloat8E8m0fnu;
  const auto at = [&](const FormatSpec& to, const Dyadic& x, std::string_view mode) {
    return RoundToFormat(to, x, Mode(mode), Overflow::kIeee);
  };
  // 2^0 is code 127, 2^1 is code 128.
  EXPECT_EQ(at(e8m0, Number(3, -1), "rne"), 128u);
  EXPECT_EQ(at(e8m0, Number(3), "rne"), 128u);
  EXPECT_EQ(at(e8m0, Number(3, -1), "rna"), 128u);
  EXPECT_EQ(at(e8m0, Number(3), "rna"), 129u);
  EXPECT_EQ(at(e8m0, Number(5, -2), "rto"), 127u);
  EXPECT_EQ(at(e8m0, Number(5, -1), "rto"), 129u);
  EXPECT_EQ(at(e8m0, Number(1), "rto"), 127u);
  // float4_e3m0: codes 0, 1 (2^-2), 2 (2^-1), 3 (1), ...
  const FormatSpec e3m0 = Format("float4_e3m0");
  EXPECT_EQ(at(e3m0, Number(1, -3), "rne"), 0u);  // Between 0 and 2^-2.
  EXPECT_EQ(at(e3m0, Number(3, -3), "rne"), 2u);  // Between 2^-2 and 2^-1.
  EXPECT_EQ(at(e3m0, Number(3, -2), "rne"), 2u);  // Between 2^-1 and 1.
  EXPECT_EQ(at(e3m0, Number(-3, -2), "rto"), 0xBu);
}

// Would catch float8_e8m0fnu treated like a format with zero and signs.
TEST(RoundToFormatTest, E8m0HasOnlyPositiveValues) {
  for (const Dyadic& x : {Dyadic(), Number(-1, -1000), Number(-1), Number(-1, 1000)}) {
    const auto code = [&](Overflow overflow) {
      return RoundToFormat(kFloat8E8m0fnu, x, Rounding{}, overflow);
    };
    EXPECT_EQ(code(Overflow::kIeee), 0xFFu);
    EXPECT_EQ(code(Overflow::kToInfinity), 0xFFu);
    EXPECT_EQ(code(Overflow::kSaturate), 0x00u);
    EXPECT_EQ(code(Overflow::kSaturateFinite), 0x00u);
  }
  for (const char* mode : {"rne", "rna", "rtz", "rup", "rdn", "rto", "sra1"}) {
    for (const Overflow overflow : kPolicies) {
      EXPECT_EQ(RoundToFormat(kFloat8E8m0fnu, Number(1, -500), Mode(mode), overflow), 0u);
    }
  }
  EXPECT_EQ(RoundToFormat(kFloat8E8m0fnu, Number(1, 128), Mode("rtz"), Overflow::kIeee), 0xFEu);
  EXPECT_EQ(RoundToFormat(kFloat8E8m0fnu, Number(1, 128), Mode("rne"), Overflow::kIeee), 0xFFu);
}

// The three variants on one discarded fraction, nu = 5/16 + 1/64 of the last place, N = 4:
// floor(nu 16) = 5, floor(nu 32) = 10, RNE(nu 16 = 5.25) = 5; and nu = 7/32: 3, 7, RNE(3.5) = 4.
// Would catch a variant with another's threshold.
TEST(RoundToFormatTest, StochasticVariantsHaveTheirThresholds) {
  const FormatSpec to = Format("float8_e4m3fn");  // 1 + nu / 8
  const auto first_away = [&](const Dyadic& nu, std::string_view mode) {
    std::uint32_t r = 0;
    while (r < 16 &&
           RoundToFormat(to, Number(1) + nu.Scale2(-3), Mode(mode), Overflow::kIeee, r) == 0x38) {
      ++r;
    }
    return r;
  };
  const Dyadic one = Number(21, -6);
  EXPECT_EQ(first_away(one, "sra4"), 11u);  // 5 + r >= 16
  EXPECT_EQ(first_away(one, "srb4"), 11u);  // 10 + 2r + 1 >= 32
  EXPECT_EQ(first_away(one, "src4"), 11u);
  const Dyadic two = Number(7, -5);
  EXPECT_EQ(first_away(two, "sra4"), 13u);  // 3 + r >= 16
  EXPECT_EQ(first_away(two, "srb4"), 12u);  // 7 + 2r + 1 >= 32
  EXPECT_EQ(first_away(two, "src4"), 12u);  // 4 + r >= 16
  // An exact number stays for every r; nu = 63/64 has floor(nu 16) = 15, floor(nu 32) = 31 and
  // RNE(nu 16) = 16.
  EXPECT_EQ(first_away(Dyadic(), "srb4"), 16u);
  EXPECT_EQ(first_away(Number(63, -6), "src4"), 0u);
  EXPECT_EQ(first_away(Number(63, -6), "sra4"), 1u);
  EXPECT_EQ(first_away(Number(63, -6), "srb4"), 0u);
}

// Small, 64-bit and long significands take different ways in; would catch one that is wrong.
TEST(RoundToFormatTest, EntriesAgree) {
  std::mt19937_64 random(5);
  const FormatSpec to = Format("bfloat16");
  for (int i = 0; i < 20000; ++i) {
    // 20 bits or more: the last one is below every midpoint of the target.
    const std::uint64_t significand = random() >> (1 + random() % 43) | std::uint64_t{1} << 20;
    const int exponent = static_cast<int>(random() % 320) - 200;
    const bool negative = random() % 2 != 0;
    const Rounding rounding = formats::kDeterministicRoundings[random() % 6];
    const auto by_decoded = [&](std::uint64_t n, int e) {
      return RoundToFormatDetail(to, {ValueClass::kNormal, negative, n, e}, rounding,
                                 Overflow::kIeee);
    };
    const RoundDetail expected = by_decoded(significand, exponent);
    const Dyadic x = Dyadic::FromParts(negative, significand, exponent);
    ASSERT_EQ(RoundToFormatDetail(to, x, rounding, Overflow::kIeee), expected);
    Real wide(2000);
    const Real real = ToReal(x);
    mpfr_set(wide, real, MPFR_RNDN);
    ASSERT_EQ(RoundRealDetail(to, wide, rounding, Overflow::kIeee), expected);
    // A hair 1000 bits further down counts as much as half of the last bit.
    const Dyadic hair = Number(negative ? -1 : 1, exponent - 1000);
    ASSERT_EQ(RoundToFormatDetail(to, x + hair, rounding, Overflow::kIeee),
              by_decoded(2 * significand + 1, exponent - 1));
  }
}

}  // namespace
}  // namespace ulproof::reference
