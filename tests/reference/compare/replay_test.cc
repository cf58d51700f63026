// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "tests/support/mutant_backend.h"

namespace ulproof::reference {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string TextOf(std::string_view line) {
  const auto reference = MakeReferenceBackend();
  const auto c = formats::ParseCase(line);
  EXPECT_TRUE(c.ok()) << c.error().ToString();
  const auto replayed = Replay(*c, *reference, {});
  EXPECT_TRUE(replayed.ok());
  return replayed->text;
}

// Would catch a distance to the midpoint that is wrong, of the wrong sign, or in the wrong unit.
TEST(ReplayTest, PlacesNumbersBetweenNeighbours) {
  const formats::FormatSpec to = formats::kFloat8E4m3fn;
  const auto place = [&](std::uint64_t significand, int exponent, bool negative = false) {
    return PlaceText(to, Dyadic::FromParts(negative, significand, exponent));
  };
  EXPECT_EQ(place(17, -4),
            "between 0x38 = 0x1p+0 and 0x39 = 0x1.2p+0: 0.5 ulp above the lower, the midpoint");
  EXPECT_THAT(place(33, -5), HasSubstr("0.25 ulp above the lower, 0.25 ulp below the midpoint"));
  EXPECT_THAT(place(35, -5), HasSubstr("0.75 ulp above the lower, 0.25 ulp above the midpoint"));
  EXPECT_THAT(place(33, -5, true), HasSubstr("0.75 ulp above the lower"));
  EXPECT_EQ(place(1, 0), "exactly 0x38 = 0x1p+0");
  EXPECT_THAT(place(464, 0), HasSubstr("beyond the end 0x7e = 0x1.cp+8, by 0.5 ulp"));
  EXPECT_THAT(place(480, 0, true), HasSubstr("beyond the end 0xfe = -0x1.cp+8, by 1 ulp"));
  EXPECT_THAT(place(1, -11), HasSubstr("between 0x00 = 0x0p+0 and 0x01 = 0x1p-9: 0.25 ulp"));
}

// Would catch an explanation that shows other words, scales or sums than the contract's worked
// example.
TEST(ReplayTest, ShowsEveryIntermediateOfASample) {
  const std::string text = TextOf(
      "sample from=bfloat16 to=bfloat16 round=rne overflow=ovf law=rg16 block=32x32 pow2=0 "
      "bits=tensor shape=1x1 seed=1 stream=2 offset=7 | w=3f80 bits=40b9999a");
  for (const std::string_view part :
       {"random words", "group 0:", "lane 7: sign 0, U = 2570", "R              0x3f800000 = +1",
        "M              0x3f800000", "s = M e        0x3d13088b", "exactly", "t  ", "place",
        "reference"}) {
    EXPECT_THAT(text, HasSubstr(std::string(part)));
  }
}

// Would catch a crash or an empty explanation for any kind of operation, specials included.
TEST(ReplayTest, ExplainsAnyOperation) {
  const auto reference = MakeReferenceBackend();
  for (const formats::OpKind kind : formats::kOpKinds) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      Rng rng(seed);
      const formats::Case c = RandomCase(RandomOperation(kind, rng), rng);
      tests::MutantBackend same(*reference, "same", {}, {});
      const auto replayed = Replay(c, *reference, std::vector<formats::Backend*>{&same});
      ASSERT_TRUE(replayed.ok());
      EXPECT_TRUE(replayed->agree);
      EXPECT_THAT(replayed->text, HasSubstr("reference"));
      EXPECT_THAT(replayed->text, Not(HasSubstr("DIFFERS")));
    }
  }
}

// Would catch a replay that explains the first elements instead of the ones that differ.
TEST(ReplayTest, ShowsTheElementThatDiffers) {
  const auto reference = MakeReferenceBackend();
  tests::MutantBackend mutant(*reference, "mutant", {},
                              [](const formats::Operation&, auto, auto outputs) {
                                outputs[0].Set(7, outputs[0].Get(7) + 1);
                              });
  const auto c = formats::ParseCase(
      "cast from=float32 to=bfloat16 round=rne overflow=ovf shape=2x5 | x=3f800000*10");
  const auto replayed = Replay(*c, *reference, std::vector<formats::Backend*>{&mutant});
  ASSERT_TRUE(replayed.ok());
  EXPECT_FALSE(replayed->agree);
  EXPECT_THAT(replayed->text, HasSubstr("y[1,2]"));
  EXPECT_THAT(replayed->text, Not(HasSubstr("y[0,0]")));
  EXPECT_THAT(replayed->text, HasSubstr("DIFFERS by 1 ulp"));
  EXPECT_THAT(replayed->text, HasSubstr("1 of 10 elements differ"));
}

}  // namespace
}  // namespace ulproof::reference
