// SPDX-License-Identifier: Apache-2.0
// The counters of contract section 10 on matrices whose every element is understood: a weight of
// each fate at a chosen R. Would catch a counter that forgets -0, that counts R = 0 as absorbed,
// that puts an element one binade off, or that depends on threads.
#include "reference/ops/statistics.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "base/parallel.h"
#include "formats/case.h"
#include "formats/catalogue.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Operation;

Code Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

// The statistics of one block, one row: element `first` has M = 1, so s = 2^(1-b); the others have
// the weights given. `noise` is R of element i.
struct Row {
  Operation op;
  formats::Case c;
  int noise(std::uint64_t i) const { return IntegerNoise(op.law, op.key, i); }
  SampleStatistics Measure() const {
    return MeasureSample(op, c.inputs[0].view(), c.inputs[1].view());
  }
};
Row MakeRow(const std::string& to, float bits, float weight) {
  Row row;
  row.op = *formats::ParseOperation(
      "sample from=float32 law=rg16 block=1x64 shape=1x64 seed=1 "
      "stream=2 offset=0 to=" +
      to);
  row.c = formats::EmptyCase(row.op);
  for (std::uint64_t i = 0; i < 64; ++i) row.c.inputs[0].Set(i, Bits(weight));
  row.c.inputs[1].Set(0, Bits(bits));
  return row;
}

std::uint64_t CountNoisy(const Row& row, std::uint64_t begin) {
  std::uint64_t noisy = 0;
  for (std::uint64_t i = begin; i < 64; ++i) noisy += row.noise(i) != 0;
  return noisy;
}

TEST(StatisticsTest, EverythingIsExactAtOneBit) {
  // w = 1, s = 1: all sums are small integers.
  const SampleStatistics s = MakeRow("bfloat16", 1.0f, 1.0f).Measure();
  EXPECT_EQ(s.total.elements, 64u);
  EXPECT_EQ(s.total.exact, 64u);
  EXPECT_GT(s.total.noisy, 10u);
  EXPECT_EQ(s.total.absorbed, 0u);
  EXPECT_EQ(s.total.swamped, 0u);
  EXPECT_EQ(s.total.signal, Dyadic::FromInteger(64));
  ASSERT_EQ(s.below_max.size(), 1u);
  EXPECT_EQ(s.below_max[0], s.total);
}

TEST(StatisticsTest, NoiseFarBelowIsAbsorbed) {
  // s = 2^-20 against w = 1 in bfloat16 (8 bits).
  const Row row = MakeRow("bfloat16", 21.0f, 1.0f);
  const SampleStatistics s = row.Measure();
  EXPECT_EQ(s.total.noisy, CountNoisy(row, 0));
  EXPECT_EQ(s.total.absorbed, s.total.noisy);
  EXPECT_EQ(s.total.exact, 64 - s.total.noisy);
  EXPECT_EQ(s.total.swamped, 0u);
  EXPECT_EQ(SnrDecibels(s.total, 3), "inf");
}

TEST(StatisticsTest, WeightsFarBelowAreSwamped) {
  // One weight of 1 sets s = 1/2; the others are 2^-30, thirty binades below.
  Row row = MakeRow("bfloat16", 2.0f, 0x1p-30f);
  row.c.inputs[0].Set(0, Bits(1.0f));
  row.c.inputs[0].Set(1, Bits(-0.0f));
  const SampleStatistics s = row.Measure();
  ASSERT_EQ(s.below_max.size(), 31u);
  EXPECT_EQ(s.below_max[0].elements, 1u);
  EXPECT_EQ(s.below_max[30].elements, 62u);
  EXPECT_EQ(s.zero_weights.elements, 1u);
  EXPECT_EQ(s.below_max[30].noisy, CountNoisy(row, 2));
  EXPECT_EQ(s.below_max[30].swamped, s.below_max[30].noisy);
  EXPECT_EQ(s.below_max[30].absorbed, 0u);
  EXPECT_EQ(s.zero_weights.swamped, 0u);
}

TEST(StatisticsTest, FlushedCountsZerosOfBothSigns) {
  // float8_e4m3fn: everything of magnitude up to 2^-10 becomes zero. s = 2^-100 leaves w alone.
  Row row = MakeRow("float8_e4m3fn", 101.0f, -0x1p-12f);
  row.c.inputs[0].Set(0, Bits(1.0f));
  row.c.inputs[0].Set(1, Bits(0x1p-12f));
  row.c.inputs[0].Set(2, Bits(0.0f));
  const SampleStatistics s = row.Measure();
  EXPECT_EQ(s.total.flushed, 62u + (row.noise(2) != 0 ? 1 : 0));
  EXPECT_EQ(s.total.subnormal, 0u);
  // Its subnormals: 2^-9 is exact, 1.5 * 2^-9 is not.
  Row subnormal = MakeRow("float8_e4m3fn", 200.0f, 0x1.8p-9f);
  subnormal.c.inputs[0].Set(0, Bits(1.0f));
  subnormal.c.inputs[0].Set(1, Bits(0x1p-9f));
  EXPECT_EQ(subnormal.Measure().total.subnormal, 62u);
}

TEST(StatisticsTest, SaturationAndOverflowAreApart) {
  const std::string base = "float8_e5m2 overflow=";
  const SampleStatistics saturated = MakeRow(base + "sat", 30.0f, 100000.0f).Measure();
  EXPECT_EQ(saturated.total.saturated, 64u);
  EXPECT_EQ(saturated.total.overflowed, 0u);
  const SampleStatistics overflowed = MakeRow(base + "ovf", 30.0f, 100000.0f).Measure();
  EXPECT_EQ(overflowed.total.saturated, 0u);
  EXPECT_EQ(overflowed.total.overflowed, 64u);
  EXPECT_EQ(SnrDecibels(overflowed.total, 1), "nan");
}

TEST(StatisticsTest, NonFiniteElementsAreCountedOnce) {
  Row row = MakeRow("bfloat16", 4.0f, 1.0f);
  row.c.inputs[0].Set(5, Bits(INFINITY));
  const SampleStatistics s = row.Measure();
  EXPECT_EQ(s.total.elements, 64u);
  EXPECT_EQ(s.total.non_finite, 64u);  // The block's scale is infinite.
  EXPECT_EQ(s.total.noisy + s.total.exact + s.total.absorbed, 0u);
  EXPECT_TRUE(s.below_max.empty());
}

TEST(StatisticsTest, SnrIsTenLogTen) {
  SampleCounts counts;
  counts.signal = Dyadic::FromInteger(1000);
  counts.noise = Dyadic::FromInteger(1);
  EXPECT_EQ(SnrDecibels(counts, 6), "30.000000");
  counts.noise = Dyadic::FromInteger(500);
  EXPECT_EQ(SnrDecibels(counts, 15), "3.010299956639812");
  counts.signal = Dyadic();
  EXPECT_EQ(SnrDecibels(counts, 6), "-inf");
}

TEST(StatisticsTest, DoesNotDependOnThreads) {
  const Operation op = *formats::ParseOperation(
      "sample from=float32 to=float8_e4m3fn round=sra8 law=rg32 block=8x8 shape=70x90 seed=3");
  formats::Case c = formats::EmptyCase(op);
  std::mt19937_64 random(20);
  for (std::uint64_t i = 0; i < op.shape.count(); ++i) {
    c.inputs[0].Set(i, (random() & 0x807F'FFFF) | (100 + random() % 40) << 23);
  }
  c.inputs[1].Set(0, Bits(4.0f));
  const auto measure = [&](int threads) {
    base::SetThreadCount(threads);
    const SampleStatistics s = MeasureSample(op, c.inputs[0].view(), c.inputs[1].view());
    base::SetThreadCount(0);
    return s;
  };
  const SampleStatistics one = measure(1);
  EXPECT_EQ(one, measure(5));
  // The bins and the zeros add up to the total.
  SampleCounts sum = one.zero_weights;
  for (const SampleCounts& counts : one.below_max) sum += counts;
  EXPECT_EQ(sum, one.total);
}

}  // namespace
}  // namespace ulproof::reference
