// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/exhaustive.h"

#include <gtest/gtest.h>

#include "base/parallel.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "tests/support/mutant_backend.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Operation;

Operation SmallCast() {
  return {.kind = formats::OpKind::kCast, .from = formats::kFloat16, .to = formats::kFloat8E5m2};
}

// The hash of contract section 11 as the contract writes it.
std::uint64_t SequentialHash(formats::Backend& backend, const Operation& op) {
  std::vector<Code> codes;
  for (Code x = 0; x <= op.from.code_mask(); ++x) codes.push_back(x);
  const auto outputs = formats::RunCase(backend, RowCase(op, codes)).value();
  std::uint64_t h = 1469598103934665603u;
  for (const Code x : codes) {
    if (!op.from.IsNan(x)) h = h * 1099511628211u + outputs[0].Get(x);
  }
  return h;
}

SweepResult SweepOf(formats::Backend& subject, const Operation& op, bool with_oracle,
                    Shard shard = {}) {
  const auto truth = MakeReferenceBackend();
  const auto oracle = IntervalOracle::Make(op);
  EXPECT_TRUE(oracle.ok());
  const auto swept = Sweep(subject, *truth, op, with_oracle ? &*oracle : nullptr, {.shard = shard});
  EXPECT_TRUE(swept.ok());
  return *swept;
}

// Would catch a wrong composition of maps, or powers by a wrong squaring.
TEST(AffineHashTest, PiecesGiveTheSequentialHash) {
  Rng rng(1);
  AffineHash whole, first, second, repeated;
  for (int i = 0; i < 1000; ++i) {
    const Code code = rng.Next();
    whole.Append(code);
    (i < 313 ? first : second).Append(code);
  }
  EXPECT_EQ(first.Then(second), whole);
  for (int i = 0; i < 77; ++i) repeated.Append(42);
  const AffineHash step = {AffineHash::kMultiplier, 42};
  EXPECT_EQ(step.Times(77), repeated);
  EXPECT_EQ(step.Times(0), AffineHash{});
}

// Would catch a hash that depends on chunks, threads, or on having an oracle, and NaN inputs in it.
TEST(SweepTest, HashIsTheContracts) {
  const auto reference = MakeReferenceBackend();
  for (const formats::Overflow overflow : formats::kOverflows) {
    Operation op = SmallCast();
    op.overflow = overflow;
    const std::uint64_t expected = SequentialHash(*reference, op);
    for (const bool with_oracle : {true, false}) {
      for (const int threads : {1, 3}) {
        base::SetThreadCount(threads);
        const SweepResult result = SweepOf(*reference, op, with_oracle);
        EXPECT_EQ(result.hash.Value(), expected);
        EXPECT_EQ(result.mismatches, 0u);
        EXPECT_EQ(result.nan_inputs, 2 * 1023u);
      }
    }
  }
  base::SetThreadCount(0);
}

// Would catch shards that overlap, leave a gap, or whose hashes do not join.
TEST(SweepTest, ShardsJoinToTheWhole) {
  const auto reference = MakeReferenceBackend();
  const Operation op = SmallCast();
  const std::uint64_t expected = SequentialHash(*reference, op);
  for (const std::uint64_t count : {1, 2, 3, 7}) {
    AffineHash joined;
    std::uint64_t next = 0;
    for (std::uint64_t index = 1; index <= count; ++index) {
      const SweepResult part = SweepOf(*reference, op, true, {index, count});
      EXPECT_EQ(part.begin, next);
      next = part.end;
      joined = joined.Then(part.hash);
    }
    EXPECT_EQ(next, 65536u);
    EXPECT_EQ(joined.Value(), expected);
  }
}

// Would catch a comparison that overlooks single codes, loses their order, or hashes what was
// expected instead of what was given.
TEST(SweepTest, FindsEveryPlantedMismatch) {
  const auto reference = MakeReferenceBackend();
  const std::vector<Code> wrong = {0x0000, 0x3C01, 0x7BFF, 0x7C00, 0x7E01, 0x8000, 0xFFFF};
  tests::MutantBackend mutant(*reference, "mutant", {},
                              [&](const Operation&, auto inputs, auto outputs) {
                                for (std::uint64_t i = 0; i < inputs[0].count; ++i) {
                                  if (std::ranges::count(wrong, inputs[0].Get(i)) > 0) {
                                    outputs[0].Set(i, outputs[0].Get(i) ^ 1);
                                  }
                                }
                              });
  for (const bool with_oracle : {true, false}) {
    const SweepResult result = SweepOf(mutant, SmallCast(), with_oracle);
    EXPECT_EQ(result.mismatches, wrong.size());
    ASSERT_EQ(result.first_mismatches.size(), wrong.size());
    for (std::size_t i = 0; i < wrong.size(); ++i) {
      EXPECT_EQ(result.first_mismatches[i].input, wrong[i]);
      EXPECT_EQ(result.first_mismatches[i].got, result.first_mismatches[i].expected ^ 1);
    }
    EXPECT_EQ(result.hash.Value(), SequentialHash(mutant, SmallCast()));
  }
}

// Would catch a shard spelling that is misread.
TEST(ShardTest, ParsesAndCovers) {
  EXPECT_EQ(*ParseShard("2/8"), (Shard{2, 8}));
  for (const std::string_view bad : {"", "2", "0/3", "4/3", "a/3", "1/0", "1/2/3", "-1/2"}) {
    EXPECT_FALSE(ParseShard(bad).ok()) << bad;
  }
  for (const std::uint64_t count : {1, 3, 7, 1000}) {
    std::uint64_t next = 0;
    for (std::uint64_t index = 1; index <= count; ++index) {
      const Shard shard = {index, count};
      EXPECT_EQ(shard.Begin(std::uint64_t{1} << 32), next);
      next = shard.End(std::uint64_t{1} << 32);
    }
    EXPECT_EQ(next, std::uint64_t{1} << 32);
  }
}

}  // namespace
}  // namespace ulproof::reference
