// SPDX-License-Identifier: Apache-2.0
// The canonical sum and the gradient against a literal transcription of contract section 8 in the
// machine's binary32: all 32 lanes at once, volatile so that every step is rounded. Would catch a
// shuffle in another order, a fold after the butterfly, a fused multiply-add, a wrong -ln 2.
#include "reference/ops/sample_backward.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <vector>

#include "formats/case.h"
#include "formats/catalogue.h"
#include "reference/backend_reference.h"
#include "reference/ops/arith.h"
#include "reference/random/noise.h"
#include "tests/support/matchers.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kFloat32;
using formats::Operation;

float Float(Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }
Code Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

float Rounded(float value) {
  volatile float rounded = value;
  return rounded;
}

float NaiveSum(const std::vector<float>& terms) {
  std::array<float, 32> x{};
  for (std::size_t j = 0; j < 32; ++j) {
    for (std::size_t k = 0; j + 32 * k < terms.size(); ++k) {
      x[j] = k == 0 ? terms[j] : Rounded(x[j] + terms[j + 32 * k]);
    }
  }
  for (std::size_t d = 16; d >= 1; d /= 2) {
    std::array<float, 32> next{};
    for (std::size_t j = 0; j < 32; ++j) next[j] = Rounded(x[j] + x[j ^ d]);
    x = next;
  }
  return x[0];
}

TEST(SampleBackwardTest, CanonicalSumIsTheTranscription) {
  std::mt19937_64 random(13);
  for (int length = 1; length <= 200; ++length) {
    std::vector<float> terms;
    std::vector<Code> codes;
    for (int i = 0; i < length; ++i) {
      codes.push_back((random() & 0x807F'FFFF) | (110 + random() % 30) << 23);
      terms.push_back(Float(codes.back()));
    }
    ASSERT_EQ(CanonicalSum(codes), Bits(NaiveSum(terms))) << length;
  }
  EXPECT_EQ(CanonicalSum({}), 0u);
}

// -0 terms: the absent lanes are +0, so only a full row of -0 sums to -0.
TEST(SampleBackwardTest, SignsOfZeroSurvive) {
  const std::vector<Code> minus_zeros(32, 0x8000'0000);
  EXPECT_EQ(CanonicalSum(minus_zeros), 0x8000'0000u);
  EXPECT_EQ(CanonicalSum(std::span(minus_zeros).first(31)), 0u);
}

void ExpectNaive(const std::string& text) {
  const Operation op = *formats::ParseOperation(text);
  std::mt19937_64 random(14);
  formats::Case c = formats::EmptyCase(op);
  for (std::uint64_t i = 0; i < op.shape.count(); ++i) {
    c.inputs[0].Set(i, (random() & 0x807F'FFFF) | (120 + random() % 8) << 23);
  }
  for (std::uint64_t b = 0; b < c.inputs[1].count(); ++b) {
    c.inputs[1].Set(b, (random() & 0x007F'FFFF) | 0x3C00'0000);
  }
  const auto outputs = formats::RunCase(*MakeReferenceBackend(), c);
  ASSERT_TRUE(outputs.ok());
  const formats::BlockGrid grid = op.grid();
  for (std::uint64_t block = 0; block < grid.count(); ++block) {
    const auto extent = grid.ExtentOf(block);
    std::vector<float> row_sums;
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      std::vector<float> products;
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const float grad = Float(c.inputs[0].Get(row * op.shape.cols + col));
        const std::uint64_t element = op.key.offset + row * op.shape.stride() + col;
        products.push_back(Rounded(grad * Float(RealNoise(op.law, op.key, element))));
      }
      row_sums.push_back(NaiveSum(products));
    }
    const float factor = Rounded(-0.693147180559945309417232f * Float(c.inputs[1].Get(block)));
    ASSERT_EQ((*outputs)[0].Get(block), Bits(Rounded(factor * NaiveSum(row_sums))))
        << text << " block " << block;
  }
}

TEST(SampleBackwardTest, BlocksAreTheTranscription) {
  ExpectNaive("backward from=float32 law=rg16 shape=64x64 seed=1");
  ExpectNaive("backward from=float32 law=uniform shape=70x45 seed=2 offset=77");
  ExpectNaive("backward from=float32 law=rg32 block=40x100 shape=90x250 stride=300 seed=3");
  ExpectNaive("backward from=float32 law=rgbits block=1x7 shape=5x20 seed=4");
}

TEST(SampleBackwardTest, InfiniteGradientsArePoison) {
  const Operation op = *formats::ParseOperation("backward from=float32 law=rg16 shape=1x32");
  formats::Case c = formats::EmptyCase(op);
  c.inputs[0].Set(0, kInfinity32);
  c.inputs[1].Set(0, kOne32);
  // Whatever R of element 0 is: 0 * inf is NaN, and otherwise the sum is infinite.
  const Code result = formats::RunCase(*MakeReferenceBackend(), c).value()[0].Get(0);
  EXPECT_FALSE(kFloat32.IsFinite(result));
  EXPECT_EQ(kFloat32.IsNan(result), IntegerNoise(op.law, op.key, 0) == 0);
}

}  // namespace
}  // namespace ulproof::reference
