// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/shrink.h"

#include <gtest/gtest.h>

#include <bit>

#include "reference/compare/inputs.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::OpKind;

// Elements, then the words of the key, then set bits: a step makes one of them smaller and leaves
// what stands before it alone.
std::array<std::uint64_t, 6> Size(const Case& c) {
  std::uint64_t bits = 0;
  for (const formats::Tensor& input : c.inputs) {
    for (std::uint64_t i = 0; i < input.count(); ++i) bits += std::popcount(input.Get(i));
  }
  const formats::RandomKey& key = c.op.key;
  return {c.op.shape.count(), key.offset, key.seed, key.stream, c.op.shape.index_stride, bits};
}

// Would catch candidates that are invalid, not simpler (shrinking would not end), or whose line
// cannot be replayed.
TEST(ShrinkTest, CandidatesAreValidAndSimpler) {
  for (const OpKind kind : formats::kOpKinds) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      Rng rng(seed);
      const Case c = RandomCase(RandomOperation(kind, rng), rng);
      for (const Case& candidate : ShrinkCandidates(c)) {
        ASSERT_TRUE(formats::ValidateOperation(candidate.op).ok());
        ASSERT_LT(Size(candidate), Size(c)) << formats::CaseLine(candidate);
        const auto parsed = formats::ParseCase(formats::CaseLine(candidate));
        ASSERT_TRUE(parsed.ok()) << parsed.error().ToString();
        ASSERT_EQ(*parsed, candidate);
      }
    }
  }
}

// Would catch a cut that loses an element's logical index or its block's bitwidth.
TEST(ShrinkTest, CutsKeepLogicalIndicesAndBlockInputs) {
  formats::Operation op = {.kind = OpKind::kSample, .bits_per_block = true};
  op.block = {.rows = 2, .cols = 4};
  op.shape = {.rows = 6, .cols = 10, .index_stride = 50};
  op.key.offset = 1000;
  Case c = formats::EmptyCase(op);
  for (std::uint64_t i = 0; i < 60; ++i) c.inputs[0].Set(i, i);
  for (std::uint64_t i = 0; i < 9; ++i) c.inputs[1].Set(i, 100 + i);
  const auto part = SubMatrix(c, 3, 6, 5, 10);
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ(part->op.key.offset, 1000 + 3 * 50 + 5u);
  EXPECT_EQ(part->op.shape, (formats::Shape{.rows = 3, .cols = 5, .index_stride = 50}));
  EXPECT_EQ(part->inputs[0].Get(0), 35u);
  EXPECT_EQ(part->inputs[0].Get(14), 59u);
  // Blocks of the part: rows 3, 5 and columns 5, 9 of the whole are their first elements.
  ASSERT_EQ(part->inputs[1].count(), 4u);
  EXPECT_EQ(part->inputs[1].Get(0), 104u);
  EXPECT_EQ(part->inputs[1].Get(1), 105u);
  EXPECT_EQ(part->inputs[1].Get(2), 107u);
  EXPECT_EQ(part->inputs[1].Get(3), 108u);
}

// Would catch a minimiser that stops early or drops the failing condition.
TEST(ShrinkTest, MinimisesToOneElementWithOneBit) {
  Rng rng(3);
  formats::Operation op = {.kind = OpKind::kCast};
  op.shape = {.rows = 20, .cols = 50};
  Case c = RandomCase(op, rng);
  c.inputs[0].Set(777, 0x40490FDB);
  int tries = 0;
  const auto fails = [&](const Case& candidate) {
    ++tries;
    for (std::uint64_t i = 0; i < candidate.inputs[0].count(); ++i) {
      if ((candidate.inputs[0].Get(i) & 0x40000001) == 0x40000001) return true;
    }
    return false;
  };
  ASSERT_TRUE(fails(c));
  const Case smallest = Minimise(c, fails);
  EXPECT_EQ(smallest.op.shape.count(), 1u);
  EXPECT_EQ(smallest.inputs[0].Get(0), 0x40000001u);
  EXPECT_LT(tries, 500);
}

}  // namespace
}  // namespace ulproof::reference
