// SPDX-License-Identifier: Apache-2.0
// Names of rounding modes and overflow policies. Would catch a mode that prints as another and an
// accepted number of random bits that means nothing.
#include "formats/rounding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "tests/support/operation_generator.h"

namespace ulproof::formats {
namespace {

using testing::HasSubstr;

TEST(RoundingTest, HasTheContractsNames) {
  EXPECT_EQ(RoundingName({RoundingMode::kNearestEven}), "rne");
  EXPECT_EQ(RoundingName({RoundingMode::kNearestAway}), "rna");
  EXPECT_EQ(RoundingName({RoundingMode::kTowardZero}), "rtz");
  EXPECT_EQ(RoundingName({RoundingMode::kUp}), "rup");
  EXPECT_EQ(RoundingName({RoundingMode::kDown}), "rdn");
  EXPECT_EQ(RoundingName({RoundingMode::kToOdd}), "rto");
  EXPECT_EQ(RoundingName({RoundingMode::kStochasticA, 1}), "sra1");
  EXPECT_EQ(RoundingName({RoundingMode::kStochasticB, 16}), "srb16");
  EXPECT_EQ(RoundingName({RoundingMode::kStochasticC, 32}), "src32");
}

RC_GTEST_PROP(RoundingProperty, NamesParseBack, ()) {
  const Rounding rounding = *tests::AnyRounding();
  const auto parsed = ParseRounding(RoundingName(rounding));
  RC_ASSERT(parsed.ok());
  RC_ASSERT(*parsed == rounding);
}

TEST(RoundingTest, RefusesWhatIsNoMode) {
  for (const char* name : {"", "rn", "rnee", "RNE", "sra", "sra0", "sra33", "sra-1", "sra 8", "sr8",
                           "rne8", "sra08x", "srd8"}) {
    EXPECT_FALSE(ParseRounding(name).ok()) << "'" << name << "'";
  }
  EXPECT_THAT(ParseRounding("sra33").error().message, HasSubstr("N in 1..32"));
  EXPECT_THAT(ParseRounding("rnx").error().message, HasSubstr("did you mean 'rne'?"));
}

TEST(RoundingTest, KnowsWhichModesAreStochastic) {
  for (const Rounding& rounding : kDeterministicRoundings) EXPECT_FALSE(rounding.is_stochastic());
  for (const char* name : {"sra4", "srb4", "src4"}) {
    EXPECT_TRUE(ParseRounding(name)->is_stochastic());
    EXPECT_EQ(ParseRounding(name)->random_bits, 4);
  }
}

TEST(OverflowTest, NamesParseBack) {
  EXPECT_EQ(OverflowName(Overflow::kIeee), "ovf");
  EXPECT_EQ(OverflowName(Overflow::kSaturate), "sat");
  EXPECT_EQ(OverflowName(Overflow::kSaturateFinite), "satprop");
  EXPECT_EQ(OverflowName(Overflow::kToInfinity), "ovfinf");
  for (const Overflow overflow : kOverflows) {
    EXPECT_EQ(*ParseOverflow(OverflowName(overflow)), overflow);
  }
  EXPECT_FALSE(ParseOverflow("saturate").ok());
  EXPECT_FALSE(ParseOverflow("").ok());
}

}  // namespace
}  // namespace ulproof::formats
