// SPDX-License-Identifier: Apache-2.0
// Which shards make a whole, and sweeps put together. Would catch a gap or an overlap that passes,
// parts joined in the order of the arguments, mismatches kept from the wrong end.
#include "reference/compare/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ulproof::reference {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string RefusalOf(const std::vector<NamedShard>& parts) {
  const auto order = OrderOfShards(parts);
  return order.ok() ? "" : order.error().ToString();
}

TEST(OrderOfShardsTest, SortsAndRefuses) {
  const std::vector<NamedShard> parts = {{"b", {2, 3}}, {"c", {3, 3}}, {"a", {1, 3}}};
  const auto order = OrderOfShards(parts);
  ASSERT_TRUE(order.ok());
  EXPECT_THAT(*order, ElementsAre(2, 0, 1));
  EXPECT_THAT(RefusalOf({}), HasSubstr("nothing"));
  EXPECT_THAT(RefusalOf({{"a", {1, 3}}, {"c", {3, 3}}}), HasSubstr("one is missing: 2"));
  EXPECT_THAT(RefusalOf({{"b", {2, 12}}}),
              HasSubstr("11 are missing: 1, 3, 4, 5, 6, 7, 8, 9 and 3 more"));
  EXPECT_THAT(RefusalOf({{"a", {1, 2}}, {"b", {2, 2}}, {"d", {2, 2}}}),
              HasSubstr("an overlap: b and d are both shard 2/2"));
  EXPECT_THAT(RefusalOf({{"a", {1, 2}}, {"b", {2, 3}}}), HasSubstr("not cut alike"));
  EXPECT_THAT(RefusalOf({{"a", {1, 2}}, {"b", {2, 2}, false}}), HasSubstr("b is not complete"));
}

TEST(AppendSweepTest, AddsWhatFollows) {
  SweepResult whole;
  whole.begin = 5;
  whole.end = 10;
  whole.mismatches = SweepResult::kMaxKeptMismatches - 1;
  whole.first_mismatches.resize(whole.mismatches);
  whole.nan_inputs = 1;
  whole.seconds = 1;
  whole.hash.Append(7);
  SweepResult next;
  next.begin = 10;
  next.end = 12;
  next.mismatches = 2;
  next.first_mismatches = {{10, 1, 2}, {11, 1, 2}};
  next.seconds = 2;
  next.hash.Append(8);
  AppendSweep(whole, next);
  EXPECT_EQ(whole.begin, 5u);
  EXPECT_EQ(whole.end, 12u);
  EXPECT_EQ(whole.nan_inputs, 1u);
  EXPECT_EQ(whole.mismatches, SweepResult::kMaxKeptMismatches + 1);
  ASSERT_EQ(whole.first_mismatches.size(), SweepResult::kMaxKeptMismatches);
  EXPECT_EQ(whole.first_mismatches.back(), (SweepMismatch{10, 1, 2}));
  EXPECT_EQ(whole.seconds, 3);
  AffineHash hash;
  hash.Append(7);
  hash.Append(8);
  EXPECT_EQ(whole.hash, hash);
  EXPECT_DEATH(AppendSweep(whole, next), "begin == whole.end");
}

}  // namespace
}  // namespace ulproof::reference
