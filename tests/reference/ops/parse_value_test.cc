// SPDX-License-Identifier: Apache-2.0
// Typed values to codes: one exact rounding. Would catch a double rounding through binary64, a tie
// decided from a truncated decimal, and junk that is half read.
#include "reference/ops/parse_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>

#include "formats/catalogue.h"
#include "tests/support/matchers.h"
#include "tests/support/operation_generator.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;
using formats::kFloat64;
using formats::kFloat8E4m3fn;
using formats::Overflow;
using testing::HasSubstr;
using tests::SameBits;

Code Parsed(const FormatSpec& spec, std::string_view text) {
  const auto parsed = ParseValue(spec, text);
  EXPECT_TRUE(parsed.ok()) << text << ": " << parsed.error().ToString();
  return parsed.ok() ? *parsed : spec.code_mask() + 1;
}

// What the text of a code says is that code, in any format: HexFloat always, DecimalText too, being
// nearer to its value than to any other.
RC_GTEST_PROP(ParseValueProperty, ReadsWhatDescribePrints, ()) {
  const FormatSpec spec = *tests::AnyFormat();
  const Code code = *tests::AnyCode(spec);
  if (spec.IsNan(code)) return;
  RC_ASSERT(*ParseValue(spec, formats::HexFloat(spec, code)) == code);
  std::string decimal = formats::DecimalText(spec, code);
  if (decimal.starts_with('~')) decimal.erase(0, 1);
  RC_ASSERT(*ParseValue(spec, decimal) == code);
}

// The C library's correctly rounded readers are a second way for binary32 and binary64.
RC_GTEST_PROP(ParseValueProperty, AgreesWithTheCLibrary, ()) {
  const auto digits = *rc::gen::container<std::string>(rc::gen::inRange<char>('0', '9' + 1));
  const auto places = *rc::gen::container<std::string>(rc::gen::inRange<char>('0', '9' + 1));
  const int exponent = *rc::gen::oneOf(rc::gen::inRange(-400, 400), rc::gen::inRange(-50, 40));
  const std::string text = (*rc::gen::arbitrary<bool>() ? "-" : "") + digits + "7." + places + "e" +
                           std::to_string(exponent);
  RC_ASSERT(Parsed(kFloat32, text) ==
            std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr)));
  RC_ASSERT(Parsed(kFloat64, text) ==
            std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)));
}

TEST(ParseValueTest, TakesTheUsualForms) {
  EXPECT_THAT(Parsed(kFloat32, "0.1"), SameBits(kFloat32, 0x3DCCCCCD));
  EXPECT_THAT(Parsed(kFloat32, "-1e-7"), SameBits(kFloat32, 0xB3D6BF95));
  EXPECT_THAT(Parsed(kFloat32, "+3"), SameBits(kFloat32, 0x40400000));
  EXPECT_THAT(Parsed(kFloat32, ".5"), SameBits(kFloat32, 0x3F000000));
  EXPECT_THAT(Parsed(kFloat32, "5."), SameBits(kFloat32, 0x40A00000));
  EXPECT_THAT(Parsed(kFloat32, "1E+2"), SameBits(kFloat32, 0x42C80000));
  EXPECT_THAT(Parsed(kFloat32, "0x1.8p-3"), SameBits(kFloat32, 0x3E400000));
  EXPECT_THAT(Parsed(kFloat32, "0XF.8P1"), SameBits(kFloat32, 0x41F80000));
  EXPECT_THAT(Parsed(kFloat32, "0x10"), SameBits(kFloat32, 0x41800000));
  EXPECT_THAT(Parsed(kFloat32, "0x.1"), SameBits(kFloat32, 0x3D800000));
  EXPECT_THAT(Parsed(kFloat32, "-0"), SameBits(kFloat32, 0x80000000));
  EXPECT_THAT(Parsed(kFloat32, "-0x0p+0"), SameBits(kFloat32, 0x80000000));
  EXPECT_THAT(Parsed(kFloat32, "Inf"), SameBits(kFloat32, 0x7F800000));
  EXPECT_THAT(Parsed(kFloat32, "-infinity"), SameBits(kFloat32, 0xFF800000));
  EXPECT_THAT(Parsed(kFloat32, "NaN"), SameBits(kFloat32, 0x7FC00000));
  EXPECT_THAT(Parsed(kFloat32, "-nan"), SameBits(kFloat32, 0x7FC00000));
}

// Ties that only the last digit of a long text breaks; binary64 in between would lose it.
TEST(ParseValueTest, RoundsTheExactValueOnce) {
  const FormatSpec& spec = kFloat8E4m3fn;
  // Halfway between 1 (code 38, even) and 1.125.
  EXPECT_THAT(Parsed(spec, "1.0625"), SameBits(spec, 0x38));
  EXPECT_THAT(Parsed(spec, "1.0625" + std::string(400, '0') + "1"), SameBits(spec, 0x39));
  EXPECT_THAT(Parsed(spec, "1.0624" + std::string(400, '9')), SameBits(spec, 0x38));
  EXPECT_THAT(Parsed(spec, "1.1875"), SameBits(spec, 0x3A));
  EXPECT_THAT(Parsed(spec, "1.1874" + std::string(400, '9')), SameBits(spec, 0x39));
  EXPECT_THAT(Parsed(spec, "0x1.1" + std::string(400, '0') + "1"), SameBits(spec, 0x39));
  // Half the smallest subnormal, and a little more.
  EXPECT_THAT(Parsed(spec, "0x1p-10"), SameBits(spec, 0x00));
  EXPECT_THAT(Parsed(spec, "0x1.0000000000000000000001p-10"), SameBits(spec, 0x01));
  EXPECT_THAT(Parsed(spec, "-1e-20"), SameBits(spec, 0x80));
}

TEST(ParseValueTest, OverflowsByThePolicy) {
  const FormatSpec& spec = kFloat8E4m3fn;
  EXPECT_THAT(Parsed(spec, "464"), SameBits(spec, 0x7E));  // Tie to the even 448.
  EXPECT_THAT(Parsed(spec, "464.0001"), SameBits(spec, 0x7F));
  EXPECT_THAT(*ParseValue(spec, "1e9", Overflow::kSaturate), SameBits(spec, 0x7E));
  EXPECT_THAT(*ParseValue(spec, "-inf", Overflow::kSaturate), SameBits(spec, 0xFE));
  EXPECT_THAT(*ParseValue(spec, "-inf", Overflow::kSaturateFinite), SameBits(spec, 0x7F));
  EXPECT_THAT(Parsed(formats::kFloat4E2m1fn, "nan"), SameBits(formats::kFloat4E2m1fn, 0x7));
  EXPECT_THAT(Parsed(formats::kFloat8E8m0fnu, "-1"), SameBits(formats::kFloat8E8m0fnu, 0xFF));
}

// Exponents that no machine could write out, in every direction and every extreme format.
TEST(ParseValueTest, TakesAnyExponent) {
  for (const char* name : {"float32", "float64", "e11m52b2047", "e11m52b0", "e1m52b2047", "e11m0b0",
                           "float8_e8m0fnu"}) {
    const FormatSpec spec = *formats::ParseFormat(name);
    SCOPED_TRACE(name);
    const Code huge = *ParseValue(spec, "1e99999", Overflow::kSaturate);
    EXPECT_THAT(huge, SameBits(spec, spec.max_finite_code()));
    for (const char* text : {"1e999999999999999999999", "0x1p999999999999999999", "0x1p20000",
                             "0.000001e40000", "123456789e32760", "0x123456789p8000"}) {
      EXPECT_THAT(*ParseValue(spec, text, Overflow::kSaturate), SameBits(spec, huge)) << text;
    }
    for (const char* text : {"1e-99999", "1e-999999999999999999999", "0x1p-999999999999999999",
                             "123456789e-33000", "0x123456789p-8000"}) {
      EXPECT_THAT(Parsed(spec, text), SameBits(spec, 0)) << text;
    }
  }
  EXPECT_THAT(Parsed(kFloat32, "0e999999999999"), SameBits(kFloat32, 0));
  // The text's digits and its exponent may be long together: this is 1.
  EXPECT_THAT(Parsed(kFloat32, "0." + std::string(9999, '0') + "1e10000"),
              SameBits(kFloat32, 0x3F800000));
  EXPECT_THAT(Parsed(kFloat32, "1" + std::string(10000, '0') + "e-10000"),
              SameBits(kFloat32, 0x3F800000));
}

struct BadText {
  const char* text;
  int column;
};

TEST(ParseValueTest, RefusesJunkAtItsColumn) {
  for (const BadText& bad : {BadText{"", 1}, {" 1", 1},   {"1 ", 2},    {"--1", 2},  {"+-1", 2},
                             {"abc", 1},     {".", 2},    {"1.2.3", 4}, {"1e", 3},   {"1e+", 4},
                             {"1e1.5", 4},   {"0x", 3},   {"0x.p1", 4}, {"0x1p", 5}, {"0x1pf", 5},
                             {"0x1g", 4},    {"infi", 1}, {"nanx", 1},  {"1f", 2},   {"1_000", 2},
                             {"1,5", 2},     {"0b1", 2},  {"-", 2},     {"~0.1", 1}, {"\xff", 1}}) {
    const auto parsed = ParseValue(kFloat32, bad.text);
    ASSERT_FALSE(parsed.ok()) << "'" << bad.text << "'";
    EXPECT_EQ(parsed.error().column, bad.column) << "'" << bad.text << "'";
    EXPECT_EQ(parsed.error().exit_code, base::ExitCode::kUsage);
  }
  EXPECT_THAT(ParseValue(kFloat32, "1.2.3").error().message,
              HasSubstr("expected the end of the number, not '.'"));
  EXPECT_THAT(ParseValue(kFloat32, std::string(kMaxValueTextLength + 1, '1')).error().message,
              HasSubstr("20001 characters"));
}

RC_GTEST_PROP(ParseValueProperty, NoTextCrashesTheParser, (const std::string& text)) {
  (void)ParseValue(kFloat32, text);
  (void)ParseValue(kFloat8E4m3fn, "0x" + text);
}

}  // namespace
}  // namespace ulproof::reference
