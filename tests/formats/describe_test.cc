// SPDX-License-Identifier: Apache-2.0
// Text of codes: exact where it says so. The C library's exact reader of long double is the way
// back.
#include "formats/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "formats/catalogue.h"
#include "tests/support/matchers.h"
#include "tests/support/operation_generator.h"

namespace ulproof::formats {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

long double ValueOf(const FormatSpec& spec, Code code) {
  const Decoded x = Decode(spec, code);
  const long double magnitude = std::ldexp(static_cast<long double>(x.significand), x.exponent);
  return x.negative ? -magnitude : magnitude;
}

// The style itself: these lines stand in documents and in users' scripts.
TEST(DescribeTest, HasItsStyle) {
  EXPECT_EQ(Describe(kFloat8E4m3fn, 0x38),
            "0x38 = +1 = 0x1p+0, exponent 7, significand 1.000, float8_e4m3fn");
  EXPECT_EQ(Describe(kFloat8E4m3fn, 0x83),
            "0x83 = -0.005859375 = -0x1.8p-8, exponent 0, significand 0.011, float8_e4m3fn");
  EXPECT_EQ(Describe(kFloat8E4m3fn, 0x00),
            "0x00 = +0 = 0x0p+0, exponent 0, significand 0.000, float8_e4m3fn");
  EXPECT_EQ(Describe(kFloat8E4m3fn, 0x80),
            "0x80 = -0 = -0x0p+0, exponent 0, significand 0.000, float8_e4m3fn");
  EXPECT_EQ(Describe(kFloat8E4m3fn, 0x7E),
            "0x7e = +448 = 0x1.cp+8, exponent 15, significand 1.110, float8_e4m3fn");
  EXPECT_EQ(Describe(kFloat8E4m3fn, 0x7F), "0x7f = NaN (canonical), float8_e4m3fn");
  EXPECT_EQ(Describe(kFloat8E4m3fn, 0xFF), "0xff = NaN (not canonical), float8_e4m3fn");
  EXPECT_EQ(Describe(kFloat8E5m2, 0xFC), "0xfc = -inf, float8_e5m2");
  EXPECT_EQ(Describe(kFloat32, 0x3DCCCCCD),
            "0x3dcccccd = ~+0.1 = 0x1.99999ap-4, exponent 123, "
            "significand 1.10011001100110011001101, float32");
  EXPECT_EQ(Describe(kFloat8E8m0fnu, 0x80),
            "0x80 = +2 = 0x1p+1, exponent 128, significand 1, float8_e8m0fnu");
  EXPECT_EQ(Describe(kFloat4E2m1fn, 0xF),
            "0xf = -6 = -0x1.8p+2, exponent 3, significand 1.1, float4_e2m1fn");
  EXPECT_EQ(Describe(*ParseFormat("e3m0"), 0x9),
            "0x9 = -0.25 = -0x1p-2, exponent 1, significand 1, e3m0");
  // Code digits follow the format's width, not the storage's.
  EXPECT_THAT(Describe(SpecOf("tfloat32"), 0), StartsWith("0x00000 = "));
  EXPECT_THAT(Describe(SpecOf("float12_e4m7"), 0xFFF), StartsWith("0xfff = "));
}

TEST(HexFloatTest, HasItsStyle) {
  EXPECT_EQ(HexFloat(kFloat32, 0x3E400000), "0x1.8p-3");
  EXPECT_EQ(HexFloat(kFloat32, 0x80000001), "-0x1p-149");  // Leading digit 1 in subnormals too.
  EXPECT_EQ(HexFloat(kFloat32, 0x7F7FFFFF), "0x1.fffffep+127");
  EXPECT_EQ(HexFloat(kFloat32, 0x80000000), "-0x0p+0");
  EXPECT_EQ(HexFloat(kFloat32, 0x7F800000), "inf");
  EXPECT_EQ(HexFloat(kFloat32, 0xFF800000), "-inf");
  EXPECT_EQ(HexFloat(kFloat32, 0xFFC00000), "nan");
}

TEST(DecimalTextTest, IsExactOrMarked) {
  EXPECT_EQ(DecimalText(kFloat32, 0x3F800000), "1");
  EXPECT_EQ(DecimalText(kFloat32, 0xBC800000), "-0.015625");
  EXPECT_EQ(DecimalText(kFloat32, 0x3DCCCCCD), "~0.1");
  EXPECT_EQ(DecimalText(kFloat32, 0xBDCCCCCD), "~-0.1");
  EXPECT_EQ(DecimalText(kFloat32, 0x80000000), "-0");
  EXPECT_EQ(DecimalText(kFloat32, 0x7FC00000), "nan");
  EXPECT_EQ(DecimalText(kFloat64, 0xFFF0000000000000), "-inf");
  EXPECT_EQ(DecimalText(kFloat64, 0x7FEFFFFFFFFFFFFF), "~1.7976931348623157e+308");
  EXPECT_EQ(DecimalText(kFloat64, 1), "~5e-324");
  // 2^56 has 17 digits, 2^57 has 18.
  EXPECT_EQ(DecimalText(kFloat32, (127 + 56) << 23), "72057594037927936");
  EXPECT_THAT(DecimalText(kFloat32, (127 + 57) << 23), StartsWith("~"));
  // 5^24 has 17 digits: 2^-24 is short.
  EXPECT_EQ(DecimalText(kFloat32, (127 - 24) << 23), "5.9604644775390625e-08");
  EXPECT_THAT(DecimalText(kFloat32, (127 - 25) << 23), StartsWith("~"));
  // Trailing zeros are no digits: 5^10 * 2^24 has 5, and 5 * 2^56 has 17 and one zero.
  EXPECT_EQ(DecimalText(kFloat64, *EncodeExact(kFloat64, false, 9765625, 24)), "163840000000000");
  EXPECT_EQ(DecimalText(kFloat64, *EncodeExact(kFloat64, false, 5, 56)), "3.6028797018963968e+17");
  // Ends of a format without infinities: no neighbour on one side.
  EXPECT_EQ(DecimalText(kFloat8E8m0fnu, 0), "~6e-39");
  EXPECT_EQ(DecimalText(kFloat8E8m0fnu, 0xFE), "~2e+38");
}

// Every code of the formats up to 16 bits: the hexadecimal text is the value; the decimal text is
// the value when it is not marked, and nearest to it among the format's when it is.
TEST(TextTest, OfEveryCodeReadsBackAsItsValue) {
  for (const CatalogueEntry& entry : kCatalogue) {
    const FormatSpec& spec = entry.spec;
    if (spec.storage_bits() > kMaxTableBits) continue;
    SCOPED_TRACE(entry.name);
    for (const ValueRow& row : ValueTable(spec)) {
      if (!spec.IsFinite(row.code)) continue;
      const long double value = ValueOf(spec, row.code);
      ASSERT_EQ(std::strtold(row.hex_float.c_str(), nullptr), value) << row.hex_float;
      const bool marked = row.decimal.starts_with('~');
      const long double read = std::strtold(row.decimal.c_str() + marked, nullptr);
      if (!marked) {
        ASSERT_EQ(read, value) << row.decimal;
        continue;
      }
      const long double error = std::abs(read - value);
      for (const Code neighbour : {row.code - 1, row.code + 1}) {
        if (neighbour > spec.code_mask() || !spec.IsFinite(neighbour)) continue;
        ASSERT_LT(error, std::abs(read - ValueOf(spec, neighbour))) << row.decimal;
      }
    }
  }
}

RC_GTEST_PROP(TextProperty, HexFloatIsTheValueInAnyFormat, ()) {
  const FormatSpec spec = *tests::AnyFormat();
  const Code code = *tests::AnyCode(spec);
  if (!spec.IsFinite(code)) return;
  const std::string text = HexFloat(spec, code);
  RC_ASSERT(std::strtold(text.c_str(), nullptr) == ValueOf(spec, code));
  RC_ASSERT(text.starts_with('-') == Decode(spec, code).negative);
}

// printf's %a is the same notation for normal binary64 numbers.
RC_GTEST_PROP(TextProperty, HexFloatIsPrintfs, ()) {
  const Code code = *rc::gen::suchThat(
      tests::AnyCode(kFloat64), [](Code c) { return std::isnormal(std::bit_cast<double>(c)); });
  const auto value = std::bit_cast<double>(code);
  char text[64];
  std::snprintf(text, sizeof(text), "%a", value);
  RC_ASSERT(HexFloat(kFloat64, code) == text);
}

// Against the standard library's shortest text: ours names the same value with as few digits, or
// one more (its text may be nearer to the interval's end than a correctly rounded one).
RC_GTEST_PROP(TextProperty, DecimalIsAsShortAsTheStandardLibrarys, ()) {
  const Code code = *rc::gen::suchThat(
      tests::AnyCode(kFloat32), [](Code c) { return kFloat32.IsFinite(c) && !kFloat32.IsZero(c); });
  const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(code));
  const std::string text = DecimalText(kFloat32, code);
  RC_ASSERT(std::strtof(text.c_str() + text.starts_with('~'), nullptr) == value);
  if (!text.starts_with('~')) return;
  const auto digits = [](std::string_view number) {
    int count = 0;
    bool leading = true;
    for (const char c : number.substr(0, number.find('e'))) {
      leading = leading && (c < '1' || c > '9');
      count += !leading && '0' <= c && c <= '9';
    }
    return count;
  };
  char shortest[64];
  const auto end =
      std::to_chars(shortest, shortest + sizeof(shortest), value, std::chars_format::scientific);
  RC_ASSERT(digits(text) <= digits({shortest, end.ptr}) + 1);
}

RC_GTEST_PROP(TextProperty, DescribeHoldsItsParts, ()) {
  const FormatSpec spec = *tests::AnyFormat();
  const Code code = *tests::AnyCode(spec);
  const std::string text = Describe(spec, code);
  RC_ASSERT(text.starts_with(CodeText(spec, code) + " = "));
  RC_ASSERT(text.ends_with(", " + FormatName(spec)));
  if (spec.IsFinite(code)) RC_ASSERT(text.find(HexFloat(spec, code)) != text.npos);
}

TEST(ValueTableTest, HasEveryCodeOnce) {
  for (const char* name : {"float4_e2m1fn", "float8_e8m0fnu", "bfloat16", "e1m0"}) {
    const FormatSpec spec = *ParseFormat(name);
    const std::vector<ValueRow> table = ValueTable(spec);
    ASSERT_EQ(table.size(), spec.code_mask() + 1) << name;
    for (Code code = 0; code < table.size(); ++code) {
      ASSERT_EQ(table[code].code, code);
      ASSERT_EQ(table[code].decoded, Decode(spec, code));
    }
  }
}

TEST(ValueTableDeathTest, IsNotMadeForWideFormats) {
  EXPECT_DEATH(ValueTable(kFloat32), "kMaxTableBits");
}

// The matchers themselves: a comparison that cannot fail would pass every test.
TEST(MatchersTest, TellBitsFromValues) {
  using tests::SameBits;
  using tests::SameBitsOrBothNan;
  EXPECT_THAT(Code{0x38}, SameBits(kFloat8E4m3fn, 0x38));
  EXPECT_THAT(Code{0x00}, testing::Not(SameBits(kFloat8E4m3fn, 0x80)));  // +0 is not -0.
  EXPECT_THAT(Code{0x7F}, testing::Not(SameBits(kFloat8E4m3fn, 0xFF)));
  EXPECT_THAT(Code{0x7F}, SameBitsOrBothNan(kFloat8E4m3fn, 0xFF));
  EXPECT_THAT(Code{0x7E}, testing::Not(SameBitsOrBothNan(kFloat8E4m3fn, 0xFF)));
  EXPECT_THAT(Code{0x1FF}, testing::Not(SameBitsOrBothNan(kFloat8E4m3fn, 0xFF)));
  testing::StringMatchResultListener listener;
  EXPECT_FALSE(SameBits(kFloat8E4m3fn, 0x38).MatchAndExplain(0x39, &listener));
  EXPECT_THAT(listener.str(), HasSubstr("0x39 = +1.125"));
}

}  // namespace
}  // namespace ulproof::formats
