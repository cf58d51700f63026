// SPDX-License-Identifier: Apache-2.0
// The catalogue's names and numbers, and the generic names.
#include "formats/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "formats/codec.h"
#include "tests/support/operation_generator.h"

namespace ulproof::formats {
namespace {

using testing::HasSubstr;

double ValueOf(const FormatSpec& spec, Code code) {
  const Decoded x = Decode(spec, code);
  return std::ldexp(static_cast<double>(x.significand), x.exponent);
}

// Largest value, smallest normal and subnormal as their sources state them (OFP8 table 2, MX table
// 1, the fnuz paper, ml_dtypes' documentation): a second way to the numbers that we derive.
TEST(CatalogueTest, HasTheRangesOfItsSources) {
  struct Row {
    const char* name;
    double largest, smallest_normal, smallest;
    int storage_bits;
  };
  constexpr Row kRows[] = {
      {"float16", 65504, 0x1p-14, 0x1p-24, 16},
      {"bfloat16", 0x1.FEp127, 0x1p-126, 0x1p-133, 16},
      {"tfloat32", 0x1.FFCp127, 0x1p-126, 0x1p-136, 19},
      {"float32", 0x1.FFFFFEp127, 0x1p-126, 0x1p-149, 32},
      {"float64", 0x1.FFFFFFFFFFFFFp1023, 0x1p-1022, 0x1p-1074, 64},
      {"float12_e4m7", 0x1.FEp8, 0x1p-6, 0x1p-13, 12},
      {"float8_e5m2", 57344, 0x1p-14, 0x1p-16, 8},
      {"float8_e4m3", 240, 0x1p-6, 0x1p-9, 8},
      {"float8_e3m4", 15.5, 0x1p-2, 0x1p-6, 8},
      {"float8_e4m3fn", 448, 0x1p-6, 0x1p-9, 8},
      {"float8_e4m3fnuz", 240, 0x1p-7, 0x1p-10, 8},
      {"float8_e5m2fnuz", 57344, 0x1p-15, 0x1p-17, 8},
      {"float8_e4m3b11fnuz", 30, 0x1p-10, 0x1p-13, 8},
      {"float8_e8m0fnu", 0x1p127, 0x1p-127, 0x1p-127, 8},
      {"float6_e3m2fn", 28, 0x1p-2, 0x1p-4, 6},
      {"float6_e2m3fn", 7.5, 1, 0x1p-3, 6},
      {"float4_e2m1fn", 6, 1, 0.5, 4},
      {"float4_e3m0", 16, 0x1p-2, 0x1p-2, 4},
  };
  EXPECT_EQ(std::size(kRows), kCatalogue.size()) << "a row of the catalogue has no facts here";
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    const FormatSpec spec = *ParseFormat(row.name);
    EXPECT_EQ(ValueOf(spec, spec.max_finite_code()), row.largest);
    EXPECT_EQ(std::ldexp(1.0, spec.min_exponent()), row.smallest_normal);
    EXPECT_EQ(ValueOf(spec, spec.has_zero() ? 1 : 0), row.smallest);
    EXPECT_EQ(std::ldexp(1.0, spec.quantum_exponent()), row.smallest);
    EXPECT_EQ(std::ilogb(row.largest), spec.max_exponent());
    EXPECT_EQ(spec.storage_bits(), row.storage_bits);
  }
}

// The codes of contract section 2.
TEST(CatalogueTest, HasTheCanonicalNansOfTheContract) {
  EXPECT_EQ(kBfloat16.canonical_nan_code(), 0x7FC0u);
  EXPECT_EQ(kFloat16.canonical_nan_code(), 0x7E00u);
  EXPECT_EQ(kFloat32.canonical_nan_code(), 0x7FC00000u);
  EXPECT_EQ(kFloat8E5m2.canonical_nan_code(), 0x7Eu);
  EXPECT_EQ(kFloat8E4m3fn.canonical_nan_code(), 0x7Fu);
  EXPECT_EQ(SpecOf("float8_e4m3fnuz").canonical_nan_code(), 0x80u);
  EXPECT_EQ(kFloat8E8m0fnu.canonical_nan_code(), 0xFFu);
  EXPECT_EQ(kFloat4E2m1fn.canonical_nan_code(), 0x7u);  // No NaN: the largest finite value.
  // No room for a NaN beside the infinity.
  EXPECT_EQ(ParseFormat("e3m0")->canonical_nan_code(), ParseFormat("e3m0")->max_finite_code());
}

TEST(CatalogueTest, EveryNameParsesToItsRowAndBack) {
  for (const CatalogueEntry& entry : kCatalogue) {
    const auto parsed = ParseFormat(entry.name);
    ASSERT_TRUE(parsed.ok()) << entry.name;
    EXPECT_EQ(*parsed, entry.spec);
    EXPECT_EQ(FormatName(entry.spec), entry.name);
  }
}

TEST(GenericNameTest, HasDefaultsAndSuffixes) {
  EXPECT_EQ(*ParseFormat("e5m10"), kFloat16);  // The catalogue's name wins in print.
  EXPECT_EQ(*ParseFormat("e8m7b127"), kBfloat16);
  EXPECT_EQ(*ParseFormat("e4m3fnuz"), SpecOf("float8_e4m3fnuz"));
  EXPECT_EQ(*ParseFormat("e4m3b11fnuz"), SpecOf("float8_e4m3b11fnuz"));
  EXPECT_EQ(*ParseFormat("e2m1finite"), kFloat4E2m1fn);
  EXPECT_EQ(ParseFormat("e1m2")->bias, 0);
  EXPECT_EQ(ParseFormat("e1m2fnuz")->bias, 1);
  EXPECT_EQ(FormatName(*ParseFormat("e6m5fn")), "e6m5fn");
  EXPECT_EQ(FormatName(*ParseFormat("e6m5b31fn")), "e6m5fn");
  EXPECT_EQ(FormatName(*ParseFormat("e6m5b30fn")), "e6m5b30fn");
  EXPECT_EQ(ParseFormat("e11m52b2047finite")->storage_bits(), 64);
}

RC_GTEST_PROP(GenericNameProperty, EverySpecThatParsesComesBack, ()) {
  const FormatSpec spec = *tests::AnyFormat();
  const auto parsed = ParseFormat(FormatName(spec));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == spec);
}

// Would catch a sloppy matcher: signs, blanks, missing and trailing parts.
TEST(GenericNameTest, RefusesWhatIsNotAName) {
  for (const char* name : {"",
                           " ",
                           "e",
                           "e4",
                           "em",
                           "e4m",
                           "m3e4",
                           "e4m3 ",
                           " e4m3",
                           "e4m3x",
                           "e4m3b",
                           "e4m3bfn",
                           "e4m3fnfn",
                           "E4M3",
                           "e+4m3",
                           "e4m-3",
                           "e4m3fnu",
                           "e8m0fnu",
                           "e99999999999999999999m1",
                           "e4m3b99999999999"}) {
    EXPECT_FALSE(ParseFormat(name).ok()) << "'" << name << "'";
  }
}

TEST(GenericNameTest, SaysWhatIsOutOfRange) {
  EXPECT_THAT(ParseFormat("e0m3").error().message, HasSubstr("exponent bits 0 is not in 1..11"));
  EXPECT_THAT(ParseFormat("e12m3").error().message, HasSubstr("exponent bits 12 is not in 1..11"));
  EXPECT_THAT(ParseFormat("e4m53").error().message, HasSubstr("trailing bits 53 is not in 0..52"));
  EXPECT_THAT(ParseFormat("e4m3b2048").error().message, HasSubstr("bias 2048 is not in 0..2047"));
}

TEST(GenericNameTest, SuggestsTheNearestName) {
  EXPECT_THAT(ParseFormat("float8_e4m3nf").error().message,
              HasSubstr("did you mean 'float8_e4m3fn'?"));
  EXPECT_THAT(ParseFormat("blfoat16").error().message, HasSubstr("did you mean 'bfloat16'?"));
  EXPECT_EQ(ParseFormat("nonsense").error().exit_code, base::ExitCode::kUsage);
}

// Every format that can be spelled is sound in its masks and special codes: the consteval walk over
// the catalogue does not see the generic ones.
RC_GTEST_PROP(FormatSpecProperty, MasksAndSpecialCodesFit, ()) {
  const FormatSpec spec = *tests::AnyFormat();
  RC_ASSERT((spec.sign_mask() ^ spec.exponent_mask() ^ spec.trailing_mask()) == spec.code_mask());
  RC_ASSERT(spec.IsFinite(spec.max_finite_code()));
  RC_ASSERT(spec.max_finite_code() == spec.magnitude_mask() ||
            !spec.IsFinite(spec.max_finite_code() + 1));
  RC_ASSERT(spec.IsNan(spec.canonical_nan_code()) == spec.has_nan());
  if (spec.has_infinity()) RC_ASSERT(spec.IsInfinity(spec.infinity_code()));
  RC_ASSERT(8 * spec.storage_bytes() >= spec.storage_bits());
}

}  // namespace
}  // namespace ulproof::formats
