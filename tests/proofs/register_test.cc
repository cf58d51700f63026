// SPDX-License-Identifier: Apache-2.0
// Runs the register of claims. Catches: a claim that has become false, and a proof that cannot fail
// - each is also run on a variant of its statement that must come out otherwise.
#include "proofs/register.h"

#include <gtest/gtest.h>

#include <ostream>
#include <set>
#include <string>
#include <string_view>

namespace ulproof::proofs {

// How GoogleTest prints a claim.
void PrintTo(const Claim& claim, std::ostream* out) { *out << claim.id; }

namespace {

Depth depth = Depth::kQuick;  // --full

class ClaimTest : public testing::TestWithParam<Claim> {};

TEST_P(ClaimTest, ComesOutAsTheRegisterSays) {
  const Claim& claim = GetParam();
  const Outcome outcome = claim.prove(depth);
  EXPECT_EQ(VerdictName(outcome.verdict), VerdictName(claim.expected)) << outcome.counterexample;
  EXPECT_GT(outcome.cases, 0U);
  EXPECT_EQ(outcome.verdict == Verdict::kHoldsOnlyIf, !outcome.condition.empty());
  EXPECT_EQ(outcome.verdict == Verdict::kHolds, outcome.counterexample.empty());
}

TEST_P(ClaimTest, CanComeOutOtherwise) {
  const Outcome outcome = GetParam().prove_variant(Depth::kQuick);
  EXPECT_NE(VerdictName(outcome.verdict), VerdictName(GetParam().expected)) << GetParam().variant;
}

std::string TestName(const testing::TestParamInfo<Claim>& claim) {
  std::string name(claim.param.id);
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(Register, ClaimTest, testing::ValuesIn(Claims().begin(), Claims().end()),
                         TestName);

TEST(Register, IdsAreUniqueAndFound) {
  std::set<std::string_view> ids;
  for (const Claim& claim : Claims()) {
    EXPECT_TRUE(ids.insert(claim.id).second) << claim.id;
    EXPECT_EQ(*FindClaim(claim.id), &claim);
  }
  const auto unknown = FindClaim("absorption-treshold");
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("absorption-threshold"), std::string::npos);
}

}  // namespace
}  // namespace ulproof::proofs

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && std::string_view(argv[1]) == "--full") {
    ulproof::proofs::depth = ulproof::proofs::Depth::kFull;
  }
  return RUN_ALL_TESTS();
}
