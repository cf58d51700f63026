// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/interval_oracle.h"

#include <gtest/gtest.h>

#include "reference/compare/inputs.h"
#include "reference/ops/cast.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::Operation;

Code Direct(const Operation& op, Code x) {
  return Cast(op.from, x, op.to, op.rounding, op.overflow, op.random.value_or(0));
}

std::vector<Operation> Casts(const FormatSpec& from) {
  std::vector<Operation> ops;
  for (const formats::CatalogueEntry& to : formats::kCatalogue) {
    if (to.spec.storage_bits() > IntervalOracle::kMaxTargetBits) continue;
    for (const formats::Overflow overflow : formats::kOverflows) {
      Operation op = {.kind = formats::OpKind::kCast, .from = from, .to = to.spec};
      op.overflow = overflow;
      for (const formats::Rounding& rounding : formats::kDeterministicRoundings) {
        op.rounding = rounding;
        ops.push_back(op);
      }
      for (const auto mode :
           {formats::RoundingMode::kStochasticA, formats::RoundingMode::kStochasticB,
            formats::RoundingMode::kStochasticC}) {
        op.rounding = {mode, 3};
        op.random = 5;
        ops.push_back(op);
      }
    }
  }
  return ops;
}

// Every code of every 8-bit source, every target of up to 20 bits, every mode and policy. Would
// catch a family of specials whose codes are cut into the wrong pieces.
TEST(IntervalOracleTest, EqualsTheReferenceOnAllCodesOfSmallSources) {
  for (const formats::CatalogueEntry& from : formats::kCatalogue) {
    if (from.spec.storage_bits() > 8) continue;
    for (const Operation& op : Casts(from.spec)) {
      const auto oracle = IntervalOracle::Make(op);
      ASSERT_TRUE(oracle.ok());
      for (Code x = 0; x <= from.spec.code_mask(); ++x) {
        ASSERT_EQ(oracle->Expected(x), Direct(op, x)) << formats::OperationName(op) << " " << x;
      }
    }
  }
}

// Would catch zero and what overflows taken for the ends of one run: to float8_e8m0fnu both are
// NaN, and the numbers between them are not.
TEST(IntervalOracleTest, ZeroStandsAlone) {
  for (const Operation& op : Casts(formats::kBfloat16)) {
    if (op.to != formats::kFloat8E8m0fnu) continue;
    const auto oracle = IntervalOracle::Make(op);
    ASSERT_TRUE(oracle.ok());
    for (const Code x : {0x0000, 0x0001, 0x0040, 0x3F80, 0x7F7F, 0x7F80, 0x7FC0, 0x8000, 0xBF80}) {
      EXPECT_EQ(oracle->Expected(x), Direct(op, x)) << formats::OperationName(op) << " " << x;
    }
  }
}

// float32: both sides of every breakpoint (a few of them for targets with many), and random inputs.
// Would catch a bisection that stops one code early or trusts what is not monotone.
TEST(IntervalOracleTest, EqualsTheReferenceAroundBreakpointsOfFloat32) {
  Rng rng(1);
  for (const Operation& op : Casts(formats::kFloat32)) {
    // The widest targets cost most and differ least: one mode of each policy.
    if (op.to.storage_bits() > 12 && op.rounding != formats::Rounding{}) continue;
    const auto oracle = IntervalOracle::Make(op);
    ASSERT_TRUE(oracle.ok());
    const std::size_t step = 1 + oracle->runs().size() / 2000;
    for (std::size_t run = 0; run < oracle->runs().size(); run += step) {
      const Code begin = oracle->runs()[run].begin;
      const Code end = oracle->EndOf(run);
      for (const Code x : {begin, end - 1, begin + rng.Below(end - begin)}) {
        ASSERT_EQ(oracle->Expected(x), Direct(op, x)) << formats::OperationName(op) << " " << x;
        ASSERT_EQ(oracle->runs()[run].input_is_nan, formats::kFloat32.IsNan(x));
      }
    }
    for (int i = 0; i < 500; ++i) {
      const Code x = WeightedCodeNear(op.from, op.to, rng);
      ASSERT_EQ(oracle->Expected(x), Direct(op, x)) << formats::OperationName(op) << " " << x;
    }
  }
}

// Would catch runs that could be one (the oracle would not be small), gaps and overlaps.
TEST(IntervalOracleTest, RunsAreFewSortedAndDiffer) {
  Operation op = {.kind = formats::OpKind::kCast, .to = formats::kFloat8E4m3fn};
  const auto oracle = IntervalOracle::Make(op);
  ASSERT_TRUE(oracle.ok());
  // 127 finite codes of each sign, NaN by overflow on both sides, the NaN inputs of both.
  EXPECT_EQ(oracle->runs().size(), 2 * (127 + 1 + 1u));
  EXPECT_EQ(oracle->runs().front().begin, 0u);
  for (std::size_t i = 1; i < oracle->runs().size(); ++i) {
    EXPECT_LT(oracle->runs()[i - 1].begin, oracle->runs()[i].begin);
    EXPECT_FALSE(oracle->runs()[i - 1].output == oracle->runs()[i].output &&
                 oracle->runs()[i - 1].input_is_nan == oracle->runs()[i].input_is_nan);
  }
}

// Would catch a refusal that became a crash.
TEST(IntervalOracleTest, RefusesWhatItCannotHold) {
  EXPECT_FALSE(IntervalOracle::Make({.from = formats::kFloat64, .to = formats::kFloat16}).ok());
  EXPECT_FALSE(IntervalOracle::Make({.to = formats::kFloat32}).ok());
  EXPECT_FALSE(IntervalOracle::Make({.rounding = {formats::RoundingMode::kStochasticA, 8}}).ok());
}

}  // namespace
}  // namespace ulproof::reference
