// SPDX-License-Identifier: Apache-2.0
// The laws as data. Where their thresholds come from: tests/reference/random/thresholds_test.cc.
#include "formats/noise_law.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ulproof::formats {
namespace {

// Would catch a name that parses to another law.
TEST(NoiseLawTest, NamesParseBack) {
  constexpr std::string_view kNames[] = {"rg16",      "rg32",    "rgbits",
                                         "boxmuller", "uniform", "normal2"};
  for (std::size_t i = 0; i < kNoiseLaws.size(); ++i) {
    EXPECT_EQ(NoiseLawName(kNoiseLaws[i]), kNames[i]);
    EXPECT_EQ(*ParseNoiseLaw(kNames[i]), kNoiseLaws[i]);
  }
  EXPECT_THAT(ParseNoiseLaw("rg61").error().message,
              testing::HasSubstr("unknown noise law 'rg61' (did you mean 'rg16'?)"));
  EXPECT_FALSE(ParseNoiseLaw("").ok());
}

TEST(NoiseLawTest, UniformAndNormal2AreNoIntegers) {
  for (const NoiseLaw law : kNoiseLaws) {
    EXPECT_EQ(HasIntegerNoise(law), law != NoiseLaw::kUniform && law != NoiseLaw::kNormal2);
  }
}

// Contract section 5: bits that an element uses, times elements, are the words of its groups.
TEST(NoiseLawTest, GroupsHoldTheBitsThatTheirElementsUse) {
  const auto bits_used = [](NoiseLaw law) {
    switch (law) {
      case NoiseLaw::kRg16:
        return 16;
      case NoiseLaw::kRg32:
      case NoiseLaw::kUniform:
        return 32;
      case NoiseLaw::kRgbits:
        return 12;
      case NoiseLaw::kBoxMuller:
      case NoiseLaw::kNormal2:
        break;
    }
    return 32;  // Two words a pair; the other two of the group are left.
  };
  for (const NoiseLaw law : kNoiseLaws) {
    const NoiseGrouping grouping = GroupingOf(law);
    const bool pairs = law == NoiseLaw::kBoxMuller || law == NoiseLaw::kNormal2;
    EXPECT_EQ(grouping.elements * bits_used(law) * (pairs ? 2 : 1), grouping.groups * 128)
        << NoiseLawName(law);
  }
}

// Thresholds fall, fit their bits, and the unused ones are never above any U.
TEST(NoiseLawTest, ThresholdsFall) {
  for (const ThresholdLaw& law : {kRg16Law, kRg32Law, kRgbitsLaw}) {
    EXPECT_LT(law.thresholds[0], std::uint64_t{1} << law.magnitude_bits);
    EXPECT_GT(law.thresholds[0], law.thresholds[1]);
    EXPECT_GT(law.thresholds[1], law.thresholds[2]);
  }
}

}  // namespace
}  // namespace ulproof::formats
