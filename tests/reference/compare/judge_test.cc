// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/judge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "reference/backend_reference.h"
#include "reference/compare/noise_tolerance.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Code;
using formats::ElementType;
using formats::Tensor;

Case Parse(std::string_view line) {
  auto c = formats::ParseCase(line);
  EXPECT_TRUE(c.ok()) << c.error().ToString();
  return std::move(c).value();
}

std::vector<Tensor> Outputs(const Case& c) {
  const auto reference = MakeReferenceBackend();
  return formats::RunCase(*reference, c).value();
}

constexpr std::string_view kCast =
    "cast from=float32 to=bfloat16 round=rne overflow=ovf shape=2x3 | "
    "x=3f800000,40000000,7fc00000,0,80000000,7f800000";

// Would catch distances that wrap at zero, count -0 and +0 as one, or compare with a NaN.
TEST(JudgeTest, CountsCodesOnTheNumberLine) {
  const ElementType bfloat16 = ElementType::CodeOf(formats::kBfloat16);
  EXPECT_EQ(CodesApart(bfloat16, 0x3F80, 0x3F83), 3u);
  EXPECT_EQ(CodesApart(bfloat16, 0x0000, 0x8000), 1u);
  EXPECT_EQ(CodesApart(bfloat16, 0x0001, 0x8001), 3u);
  EXPECT_EQ(CodesApart(bfloat16, 0x7F7F, 0x7F80), 1u);
  EXPECT_EQ(CodesApart(bfloat16, 0x7FC0, 0x3F80), std::nullopt);
  EXPECT_EQ(CodesApart(bfloat16, 0x7FC0, 0x7FC1), 0u);
  EXPECT_EQ(CodesApart(ElementType::Int8(), 0xFF, 0x01), 2u);
  const ElementType fnuz = ElementType::CodeOf(*formats::ParseFormat("float8_e4m3fnuz"));
  EXPECT_EQ(CodesApart(fnuz, 0x01, 0x81), 2u);  // One zero only.
}

// Would catch a comparison by value (-0 == +0), a lost place, or first and worst confused.
TEST(JudgeTest, ReportsFirstAndWorstWithTheirPlaces) {
  const Case c = Parse(kCast);
  const std::vector<Tensor> expected = Outputs(c);
  std::vector<Tensor> got = expected;
  got[0].Set(1, got[0].Get(1) + 1);
  got[0].Set(4, 0);  // -0 -> +0
  got[0].Set(5, 0x7F00);
  const Comparison comparison = CompareOutputs(c, expected, got);
  EXPECT_EQ(comparison.elements, 6u);
  EXPECT_EQ(comparison.mismatches, 3u);
  ASSERT_TRUE(comparison.first && comparison.worst);
  EXPECT_EQ(comparison.first->index, 1u);
  EXPECT_EQ(comparison.worst->row, 1u);
  EXPECT_EQ(comparison.worst->col, 2u);
  EXPECT_EQ(comparison.worst->expected, 0x7F80u);
  EXPECT_EQ(comparison.worst->ulps, 0x80u);
  EXPECT_EQ(MismatchText(*comparison.first), "y[0,1]: expected 4000, got 4001 (1 ulp)");
}

// Would catch a cast that may return any NaN, or a block_max that may not.
TEST(JudgeTest, AsksForTheCanonicalNanOnlyWherePromised) {
  const Case cast = Parse(kCast);
  const std::vector<Tensor> expected = Outputs(cast);
  std::vector<Tensor> got = expected;
  got[0].Set(2, 0x7FC1);
  EXPECT_EQ(CompareOutputs(cast, expected, got).mismatches, 1u);
  const Case max = Parse("block_max from=bfloat16 block=32x32 shape=1x2 | w=7fc0,3f80");
  const std::vector<Tensor> any = Outputs(max);
  got = any;
  got[0].Set(0, 0xFF800001);
  EXPECT_EQ(CompareOutputs(max, any, got).mismatches, 0u);
}

// Would catch a tolerance that forgives any boxmuller difference.
TEST(JudgeTest, ForgivesBoxMullerOnlyNearABoundary) {
  const Case c = Parse("noise law=boxmuller pack=int8 shape=1x64 seed=1 stream=2 offset=0");
  const std::vector<Tensor> expected = Outputs(c);
  for (std::uint64_t i = 0; i < 64; ++i) {
    std::vector<Tensor> got = expected;
    got[0].Set(i, (got[0].Get(i) + 1) & 0xFF);
    EXPECT_EQ(CompareOutputs(c, expected, got).mismatches, 1u) << i;
  }
}

// The first element of a stream that is near a boundary: about one in 700,000, so a search in
// binary64 comes before the exact question.
std::uint64_t ElementNearBoundary(const formats::RandomKey& key) {
  for (std::uint64_t element = 0;; ++element) {
    const BoxMullerWords words = BoxMullerWordsOf(key, element);
    const double radius = std::sqrt(-2 * std::log((words.radius + 0.5) * 0x1p-32));
    const double angle = 2 * std::numbers::pi * (words.angle + 0.5) * 0x1p-32;
    const double half = std::fabs(radius * (words.is_sine ? std::sin(angle) : std::cos(angle))) / 2;
    const double distance = std::fabs(half - std::floor(half) - 0.5);
    if (distance < 1e-5 && IsNearDecisionBoundary(key, element)) return element;
  }
}

// The other integer is forgiven near a boundary, a third one is not. Would catch a boundary test
// that never holds, and one that forgives anything near a boundary.
TEST(JudgeTest, ForgivesTheOtherIntegerNearABoundary) {
  const std::uint64_t element = ElementNearBoundary({.seed = 0, .stream = 0});
  Case c = Parse("noise law=boxmuller pack=int8 shape=1x1 seed=0");
  c.op.key.offset = element;
  const std::vector<Tensor> expected = Outputs(c);
  const int exact = static_cast<std::int8_t>(expected[0].Get(0));
  int forgiven = 0;
  for (int r = -4; r <= 4; ++r) {
    std::vector<Tensor> got = expected;
    got[0].Set(0, static_cast<std::uint8_t>(r));
    const Comparison comparison = CompareOutputs(c, expected, got);
    if (r == exact) {
      EXPECT_TRUE(comparison.ok());
    } else if (comparison.ok()) {
      ++forgiven;
      EXPECT_EQ(comparison.near_boundary, 1u);
      EXPECT_EQ(std::abs(r - exact), 1) << r << " for " << exact;
    }
  }
  EXPECT_EQ(forgiven, 1);
}

// Would catch a bound on normal2 that is loose in either direction.
TEST(JudgeTest, BoundsNormal2InUlps) {
  const Case c = Parse("noise law=normal2 shape=1x8 seed=1");
  const std::vector<Tensor> expected = Outputs(c);
  for (const int distance : {1, kNoiseUlps, kNoiseUlps + 1}) {
    for (const int sign : {-1, 1}) {
      std::vector<Tensor> got = expected;
      got[0].Set(3, got[0].Get(3) + static_cast<Code>(static_cast<std::int64_t>(sign * distance)));
      EXPECT_EQ(CompareOutputs(c, expected, got).ok(), distance <= kNoiseUlps) << distance;
    }
  }
}

// Would catch a sample that forgives more than the noise's few ulp (R +- 16 ulp moves t by at most
// a few codes here).
TEST(JudgeTest, BoundsSamplesOfNormal2) {
  const Case c = Parse(
      "sample from=float32 to=float32 round=rne overflow=ovf law=normal2 block=32x32 pow2=0 "
      "bits=tensor shape=1x2 seed=1 stream=1 offset=0 | w=3f800000,0 bits=40800000");
  const std::vector<Tensor> expected = Outputs(c);
  std::vector<Tensor> got = expected;
  got[0].Set(1, got[0].Get(1) + kNoiseUlps / 2);  // w = 0: t moves as R does.
  EXPECT_EQ(CompareOutputs(c, expected, got).near_boundary, 1u);
  got[0].Set(1, got[0].Get(1) + 4 * kNoiseUlps);
  EXPECT_EQ(CompareOutputs(c, expected, got).mismatches, 1u);
}

// Would catch a backward bound that forgives a lost term.
TEST(JudgeTest, BoundsBackwardOfNormal2) {
  const Case c = Parse(
      "backward from=float32 law=normal2 block=32x32 shape=4x8 seed=1 stream=1 offset=0 | "
      "grad=3f800000*32 scale=3f000000");
  const std::vector<Tensor> expected = Outputs(c);
  std::vector<Tensor> got = expected;
  got[0].Set(0, got[0].Get(0) + 4);
  EXPECT_TRUE(CompareOutputs(c, expected, got).ok());
  Case lost = c;
  lost.inputs[0].Set(5, 0);
  EXPECT_FALSE(CompareOutputs(c, expected, Outputs(lost)).ok());
}

}  // namespace
}  // namespace ulproof::reference
