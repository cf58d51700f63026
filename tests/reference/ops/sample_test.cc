// SPDX-License-Identifier: Apache-2.0
// Sampling against the machine's own arithmetic: std::fma for the sum, conversions for the cast,
// exact scaling for integer bitwidths. Would catch two roundings in the sum, a scale of the wrong
// block, a noise index that follows memory instead of the logical tensor, r shared with the noise.
#include "reference/ops/sample.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "formats/case.h"
#include "formats/catalogue.h"
#include "reference/backend_reference.h"
#include "reference/ops/arith.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kBfloat16;
using formats::kFloat32;
using formats::Operation;

float Float(Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }
Code Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

Operation SampleOf(std::string_view text) { return *formats::ParseOperation(text); }

TEST(SampleTest, ElementsAreTheMachinesFma) {
  std::mt19937_64 random(11);
  for (const char* law : {"rg16", "rg32", "rgbits", "uniform"}) {
    const Operation op =
        SampleOf(std::string("sample from=float32 to=float32 law=") + law + " seed=5 stream=6");
    int moved = 0;
    for (std::uint64_t element = 0; element < 20000; ++element) {
      // Near exponents, so that the sum rounds.
      const Code w = (random() & 0x807F'FFFF) | (110 + random() % 20) << 23;
      const Code s = (random() & 0x007F'FFFF) | (110 + random() % 20) << 23;
      const SampledElement e = SampleElement(op, w, s, element);
      ASSERT_EQ(e.noise, RealNoise(op.law, op.key, element));
      ASSERT_EQ(e.sum, Bits(std::fma(Float(e.noise), Float(s), Float(w))));
      ASSERT_EQ(e.sampled, e.sum);
      moved += e.sum != w;
    }
    EXPECT_GT(moved, 5000) << law;
  }
}

TEST(SampleTest, MinusZeroBecomesPlusZeroWithoutNoise) {
  const Operation op = SampleOf("sample from=bfloat16 to=bfloat16 law=rg16");
  for (std::uint64_t element = 0; element < 64; ++element) {
    const SampledElement e = SampleElement(op, 0x8000'0000, kOne32, element);
    EXPECT_EQ(e.sampled == 0, kFloat32.IsZero(e.noise));
  }
}

TEST(SampleTest, BadScalesPoisonQuietElementsToo) {
  const Operation op = SampleOf("sample from=bfloat16 to=bfloat16 law=rg16");
  for (std::uint64_t element = 0; element < 64; ++element) {
    const SampledElement e = SampleElement(op, kOne32, kInfinity32, element);
    EXPECT_EQ(kBfloat16.IsNan(e.sampled), kFloat32.IsZero(e.noise));
    EXPECT_EQ(SampleElement(op, kOne32, kNan32, element).sampled, kBfloat16.canonical_nan_code());
  }
}

// A whole matrix by hand: edge blocks, a logical tensor that is wider than the call, an offset, one
// bitwidth a block. With integer b the scale is an exact power of two times M.
TEST(SampleTest, MatrixUsesItsBlocksAndLogicalIndices) {
  const Operation op = SampleOf(
      "sample from=float32 to=bfloat16 law=rg16 block=4x8 bits=block shape=10x20 stride=100 seed=7 "
      "stream=8 offset=1003");
  std::mt19937_64 random(12);
  formats::Case c = formats::EmptyCase(op);
  for (std::uint64_t i = 0; i < 200; ++i) {
    c.inputs[0].Set(i, (random() & 0x807F'FFFF) | (120 + random() % 8) << 23);
  }
  for (std::uint64_t b = 0; b < 9; ++b) c.inputs[1].Set(b, Bits(static_cast<float>(b + 1)));
  const auto outputs = formats::RunCase(*MakeReferenceBackend(), c);
  ASSERT_TRUE(outputs.ok());
  for (std::uint64_t row = 0; row < 10; ++row) {
    for (std::uint64_t col = 0; col < 20; ++col) {
      const std::uint64_t block = row / 4 * 3 + col / 8;
      float max = 0;
      for (std::uint64_t r = row / 4 * 4; r < std::min<std::uint64_t>(row / 4 * 4 + 4, 10); ++r) {
        for (std::uint64_t k = col / 8 * 8; k < std::min<std::uint64_t>(col / 8 * 8 + 8, 20); ++k) {
          max = std::max(max, std::abs(Float(c.inputs[0].Get(r * 20 + k))));
        }
      }
      const float scale = std::ldexp(max, -static_cast<int>(block));
      const int noise = IntegerNoise(op.law, op.key, 1003 + row * 100 + col);
      const float sum =
          std::fma(static_cast<float>(noise), scale, Float(c.inputs[0].Get(row * 20 + col)));
      const auto bits = static_cast<std::uint32_t>(Bits(sum));
      const std::uint32_t expected = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
      ASSERT_EQ((*outputs)[0].Get(row * 20 + col), expected) << row << "," << col;
    }
  }
}

// Stochastic rounding draws from its own stream at the element's logical index.
TEST(SampleTest, StochasticRoundingHasItsOwnWords) {
  const Operation op = SampleOf(
      "sample from=float32 to=bfloat16 round=sra16 law=rg16 seed=9 "
      "stream=10");
  for (std::uint64_t element = 0; element < 1000; ++element) {
    const SampledElement e = SampleElement(op, 0x3F80'4321, 0, element);
    ASSERT_EQ(e.random, RoundingRandom(16, op.key, element));
    ASSERT_EQ(e.sampled, 0x3F80u + (0x4321u + e.random >= 0x10000u ? 1 : 0));
  }
}

}  // namespace
}  // namespace ulproof::reference
