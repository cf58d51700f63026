// SPDX-License-Identifier: Apache-2.0
// Numbers and names from outside. Would catch a number that wraps, that stops at its first bad
// character, a sign or blank let through, and a suggestion that nobody meant.
#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace ulproof::base {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(ParseUnsignedTest, TakesWholeNumbersUpToTheLimit) {
  EXPECT_EQ(*ParseUnsigned("0", "seed"), 0u);
  EXPECT_EQ(*ParseUnsigned("007", "seed"), 7u);
  EXPECT_EQ(*ParseUnsigned("18446744073709551615", "seed"), UINT64_MAX);
  EXPECT_EQ(*ParseUnsigned("255", "byte", 255), 255u);
}

TEST(ParseUnsignedTest, RefusesEverythingElse) {
  for (const char* text :
       {"", " ", "-1", "+1", "1 ", " 1", "1.0", "1e3", "0x10", "one", "1,2", "\xff", "1_000"}) {
    const auto parsed = ParseUnsigned(text, "seed");
    ASSERT_FALSE(parsed.ok()) << "'" << text << "'";
    EXPECT_EQ(parsed.error().exit_code, ExitCode::kUsage);
    EXPECT_THAT(parsed.error().message, HasSubstr("seed"));
    EXPECT_THAT(parsed.error().message, HasSubstr("not an unsigned decimal number"));
  }
  EXPECT_THAT(ParseUnsigned("18446744073709551616", "seed").error().message,
              HasSubstr("larger than 18446744073709551615"));
  EXPECT_THAT(ParseUnsigned("256", "byte", 255).error().message, HasSubstr("larger than 255"));
}

TEST(ParseHexTest, TakesAnOptionalPrefixAndEitherCase) {
  EXPECT_EQ(*ParseHex("3f800000", "code"), 0x3F800000u);
  EXPECT_EQ(*ParseHex("0x7E", "code"), 0x7Eu);
  EXPECT_EQ(*ParseHex("0XfF", "code"), 0xFFu);
  EXPECT_EQ(*ParseHex("ffffffffffffffff", "code"), UINT64_MAX);
}

TEST(ParseHexTest, RefusesEverythingElse) {
  for (const char* text : {"", "0x", "0x0x1", "x1", "g", "-1", "1 ", "0x 1"}) {
    ASSERT_FALSE(ParseHex(text, "code").ok()) << "'" << text << "'";
    EXPECT_THAT(ParseHex(text, "code").error().message, HasSubstr("not a hexadecimal number"));
  }
  EXPECT_THAT(ParseHex("100", "code", 0xFF).error().message, HasSubstr("larger than 0xff"));
  EXPECT_FALSE(ParseHex("10000000000000000", "code").ok());
}

TEST(SplitTest, KeepsEmptyPieces) {
  EXPECT_THAT(Split("a,b", ','), ElementsAre("a", "b"));
  EXPECT_THAT(Split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(Split(",", ','), ElementsAre("", ""));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
}

constexpr std::array<std::string_view, 4> kNames = {"float8_e4m3fn", "float8_e5m2", "float16",
                                                    "bfloat16"};

TEST(NearestTest, FindsWhatWasMeant) {
  EXPECT_EQ(Nearest("float61", kNames), "float16");
  EXPECT_EQ(Nearest("blfoat16", kNames), "bfloat16");  // Two letters swapped are one mistake.
  EXPECT_EQ(Nearest("bfloat", kNames), "bfloat16");
  EXPECT_EQ(Nearest("e4m3fn", kNames), "float8_e4m3fn");
  EXPECT_EQ(Nearest("float8_e5m3", kNames), "float8_e5m2");
}

TEST(NearestTest, OffersNothingFarFetched) {
  EXPECT_EQ(Nearest("zzzzzz", kNames), "");
  EXPECT_EQ(Nearest("", kNames), "");
  EXPECT_EQ(Nearest("float16", {}), "");
}

TEST(UnknownNameTest, NamesTheKindTheHintAndWhatIsKnown) {
  const Error error = UnknownName("format", "float61", kNames);
  EXPECT_EQ(error.message,
            "unknown format 'float61' (did you mean 'float16'?); known: float8_e4m3fn, "
            "float8_e5m2, float16, bfloat16");
  EXPECT_EQ(error.exit_code, ExitCode::kUsage);
  EXPECT_THAT(UnknownName("format", "zzzzzz", kNames).message, Not(HasSubstr("did you mean")));
}

}  // namespace
}  // namespace ulproof::base
