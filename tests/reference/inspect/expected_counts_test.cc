// SPDX-License-Identifier: Apache-2.0
#include "reference/inspect/expected_counts.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "reference/ops/statistics.h"

namespace ulproof::reference {
namespace {

using formats::Operation;

struct Input {
  std::vector<float> w;
  float bits;

  formats::ConstBuffer weights() const {
    return {formats::ElementType::CodeOf(formats::kFloat32), w.data(), w.size()};
  }
  formats::ConstBuffer bitwidth() const {
    return {formats::ElementType::CodeOf(formats::kFloat32), &bits, 1};
  }
};

// A block whose answer is known without a computer: M = 1 and b = 9 give s = 2^-8, which bfloat16
// cannot add to 1 (a tie, to the even 1) but to a half it can: ulp(1/2) is 2^-8 itself.
TEST(ExpectedCounts, ByHand) {
  const Input input = {{1.0f, 0.5f, 0.0f}, 9};
  const Operation op = {.kind = formats::OpKind::kSample,
                        .law = formats::NoiseLaw::kRg16,
                        .shape = {.rows = 1, .cols = 3}};
  const ExpectedCounts counts = ExpectSample(op, input.weights(), input.bitwidth());
  // w = 1: +s is a tie absorbed by the even 1; -s, -2s and +2s are values of bfloat16.
  EXPECT_EQ(counts.absorbed, Rational(10310, 65536));
  EXPECT_EQ(counts.swamped, 0);
  EXPECT_EQ(counts.flushed, 0);
  EXPECT_EQ(counts.exact, 3 - Rational(10310, 65536));
}

// Against drawn noise: what ExpectSample says must lie within six deviations of what the reference
// counts on 60 draws. Would catch a counter that reads its clause differently from statistics.cc.
TEST(ExpectedCounts, AgreeWithTheReferencesDraws) {
  std::mt19937 engine(3);
  std::normal_distribution<float> normal;
  Input input = {std::vector<float>(16 * 24), 4};
  for (float& w : input.w) w = 3 * normal(engine);
  input.w[5] = 0;
  input.w[7] = 500;  // Beyond float4 and float8.
  Operation op = {.kind = formats::OpKind::kSample,
                  .block = {.rows = 8, .cols = 8},
                  .shape = {.rows = 16, .cols = 24}};
  for (const auto& to : {formats::kFloat4E2m1fn, formats::kFloat8E4m3fn, formats::kBfloat16}) {
    for (const auto law : {formats::NoiseLaw::kRg16, formats::NoiseLaw::kRgbits}) {
      op.to = to;
      op.law = law;
      const ExpectedCounts expected = ExpectSample(op, input.weights(), input.bitwidth());
      constexpr int kDraws = 60;
      SampleCounts sum;
      for (int draw = 0; draw < kDraws; ++draw) {
        op.key.seed = static_cast<std::uint64_t>(draw);
        sum += MeasureSample(op, input.weights(), input.bitwidth()).total;
      }
      const double n = kDraws * static_cast<double>(op.shape.count());
      const auto near = [&](std::uint64_t observed, const Rational& mean, const char* what) {
        const double rate = mean.convert_to<double>() * kDraws / n;
        EXPECT_NEAR(static_cast<double>(observed), rate * n, 6 * std::sqrt(n * rate * (1 - rate)))
            << what;
      };
      near(sum.absorbed, expected.absorbed, "absorbed");
      near(sum.swamped, expected.swamped, "swamped");
      near(sum.flushed, expected.flushed, "flushed");
      near(sum.subnormal, expected.subnormal, "subnormal");
      near(sum.saturated, expected.saturated, "saturated");
      near(sum.overflowed, expected.overflowed, "overflowed");
      near(sum.exact, expected.exact, "exact");
    }
  }
}

}  // namespace
}  // namespace ulproof::reference
