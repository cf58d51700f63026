// SPDX-License-Identifier: Apache-2.0
// MX quantisation and dequantisation against a second computation in the machine's doubles, in
// which every step is exact or the rounding that the contract names: exponents by ilogb and frexp,
// elements by brute force over the element format's values. Would catch one rule taken for
// another, an exponent off by one at powers of two, ties to odd, a scale that is not clamped, a
// group that runs on into the next row.
#include "reference/ops/quantize_mx.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "formats/case.h"
#include "formats/catalogue.h"
#include "formats/codec.h"
#include "reference/backend_reference.h"
#include "reference/ops/dequantize_mx.h"

namespace ulproof::reference {
namespace {

using formats::BlockFormat;
using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;
using formats::ScaleRule;

float Float(Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }
Code Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

std::vector<BlockFormat> MxFormats() {
  std::vector<BlockFormat> mx;
  for (const BlockFormat& format : formats::kBlockFormats) {
    if (!format.has_tensor_scale) mx.push_back(format);
  }
  return mx;
}

// The contract's table of each element format, written out: largest value and its exponent, and
// trailing bits for `even`.
struct ElementFacts {
  double max;
  int emax;
  int trailing_bits;
};
ElementFacts FactsOf(std::string_view name) {
  if (name == "mxfp8_e4m3") return {448, 8, 3};
  if (name == "mxfp8_e5m2") return {57344, 15, 2};
  if (name == "mxfp6_e3m2") return {28, 4, 2};
  if (name == "mxfp6_e2m3") return {7.5, 2, 3};
  if (name == "mxfp4") return {6, 2, 1};
  return {127.0 / 64, 0, 6};
}

// All finite element values, by code.
std::vector<std::pair<Code, double>> ValuesOf(const BlockFormat& format) {
  std::vector<std::pair<Code, double>> values;
  for (Code code = 0; code < 256; ++code) {
    if (format.is_int8) {
      if (code == 0x80) continue;
      values.emplace_back(
          code, (code < 0x80 ? static_cast<int>(code) : static_cast<int>(code) - 256) / 64.0);
    } else if (code <= format.element.code_mask() && format.element.IsFinite(code)) {
      const formats::Decoded value = Decode(format.element, code);
      values.emplace_back(code, std::ldexp(value.negative ? -1.0 : 1.0, value.exponent) *
                                    static_cast<double>(value.significand));
    }
  }
  return values;
}

// Nearest value, ties to the even one; beyond the largest the nearest is the largest.
Code NearestCode(const BlockFormat& format, double x) {
  static thread_local std::string_view cached;
  static thread_local std::vector<std::pair<Code, double>> values;
  if (cached != format.name) {
    values = ValuesOf(format);
    cached = format.name;
  }
  std::pair<Code, double> best = values[0];
  for (const auto& candidate : values) {
    if (std::signbit(candidate.second) != std::signbit(x) && !format.is_int8) continue;
    const double distance = std::abs(candidate.second - x);
    const double best_distance = std::signbit(best.second) != std::signbit(x) && !format.is_int8
                                     ? INFINITY
                                     : std::abs(best.second - x);
    if (distance < best_distance || (distance == best_distance && candidate.first % 2 == 0)) {
      best = candidate;
    }
  }
  return best.first;
}

int NaiveExponent(const BlockFormat& format, ScaleRule rule, float max) {
  const ElementFacts facts = FactsOf(format.name);
  const double m = max;
  int exponent = 0;
  switch (rule) {
    case ScaleRule::kFloor:
      exponent = std::ilogb(m) - facts.emax;
      break;
    case ScaleRule::kCeil:
      exponent = std::ilogb(m) + (std::ldexp(1.0, std::ilogb(m)) < m ? 1 : 0) - facts.emax;
      break;
    case ScaleRule::kEven: {
      const int log2 = std::ilogb(m);
      const double scaled = std::ldexp(m, facts.trailing_bits - log2);
      exponent = std::ilogb(std::nearbyint(scaled)) - facts.trailing_bits + log2 - facts.emax;
      break;
    }
    case ScaleRule::kRceil: {
      volatile float quotient = max / static_cast<float>(facts.max);
      if (quotient == 0) return -127;
      const double q = quotient;
      exponent = std::ilogb(q) + (std::ldexp(1.0, std::ilogb(q)) < q ? 1 : 0);
      break;
    }
    case ScaleRule::kBest:  // Takes its scale from the whole group: best_scale_test.
      ADD_FAILURE() << "no function of the maximum";
  }
  return std::clamp(exponent, -127, 127);
}

class QuantizeMxTest : public testing::TestWithParam<BlockFormat> {};

TEST_P(QuantizeMxTest, ScalesFollowTheFourRules) {
  const BlockFormat format = GetParam();
  std::mt19937_64 random(15);
  for (const ScaleRule rule : formats::kScaleRules) {
    for (int exponent = 0; exponent < 255; ++exponent) {
      const Code base = static_cast<Code>(exponent) << 23;
      for (int i = 0; i < 40; ++i) {
        // Powers of two, the numbers around them, the breakpoints of `even`, and any.
        Code max = base + (i < 4    ? static_cast<Code>(i)
                           : i < 8  ? 0x7F'FFFF - static_cast<Code>(i - 4)
                           : i < 24 ? (random() % 256 << 15) + random() % 3 - 1
                                    : random() & 0x7F'FFFF);
        max = std::clamp<Code>(max, 1, 0x7F7F'FFFF);
        ASSERT_EQ(MxScale(format, rule, max),
                  static_cast<Code>(NaiveExponent(format, rule, Float(max)) + 127))
            << format.name << " " << ScaleRuleName(rule) << " M = " << Float(max);
      }
    }
    EXPECT_EQ(MxScale(format, rule, 0), 0u);
    EXPECT_EQ(MxScale(format, rule, 0x7F80'0000), 0xFFu);
    EXPECT_EQ(MxScale(format, rule, 0x7FC0'0000), 0xFFu);
  }
}

TEST_P(QuantizeMxTest, ElementsAreTheNearestValues) {
  const BlockFormat format = GetParam();
  std::mt19937_64 random(16);
  for (int i = 0; i < 4000; ++i) {
    const Code scale = i % 4 == 0 ? random() % 255 : 120 + random() % 16;
    // Within reach of the scale, often a tie (short significand).
    const int exponent = static_cast<int>(scale) - 127 + 10 - static_cast<int>(random() % 24);
    Code w = 0;
    if (exponent > -127 && exponent < 128) {
      w = static_cast<Code>(exponent + 127) << 23 | (random() & 0x7F'FFFF);
      if (i % 2 == 0) w &= 0xFFF0'0000;
    } else {
      w = random() & 0x7F'FFFF;
    }
    w |= random() % 2 << 31;
    const double quotient =
        std::ldexp(static_cast<double>(Float(w)), 127 - static_cast<int>(scale));
    ASSERT_EQ(MxElement(format, scale, w), NearestCode(format, quotient))
        << format.name << " " << quotient;
  }
  const Code nan = format.is_int8 ? 0x7F : format.element.canonical_nan_code();
  EXPECT_EQ(MxElement(format, 0xFF, 0x3F80'0000), nan);
  EXPECT_EQ(MxElement(format, 0x00, 0x8000'0000), format.is_int8 ? 0 : format.element.sign_mask());
}

// Groups along rows and in squares, with ragged edges: each group sees its own elements only.
TEST_P(QuantizeMxTest, GroupsAreCutAsTheContractSays) {
  const BlockFormat format = GetParam();
  for (const bool square : {false, true}) {
    const auto op =
        *formats::ParseOperation("quantize from=float32 format=" + std::string(format.name) +
                                 " rule=ceil square=" + (square ? "1" : "0") + " shape=40x75");
    formats::Case c = formats::EmptyCase(op);
    std::mt19937_64 random(17);
    for (std::uint64_t i = 0; i < 3000; ++i) {
      c.inputs[0].Set(i, (random() & 0x807F'FFFF) | (100 + random() % 40) << 23);
    }
    c.inputs[0].Set(74, 0xFFC0'0001);  // A NaN in the last group of the first row.
    const auto outputs = formats::RunCase(*MakeReferenceBackend(), c).value();
    const std::uint64_t rows = square ? 32 : 1;
    std::vector<Code> maxima((square ? 2 : 40) * 3);
    const auto group_of = [&](std::uint64_t i) { return i / 75 / rows * 3 + i % 75 / 32; };
    for (std::uint64_t i = 0; i < 3000; ++i) {
      maxima[group_of(i)] = std::max(maxima[group_of(i)], c.inputs[0].Get(i) & 0x7FFF'FFFF);
    }
    ASSERT_EQ(outputs[1].count(), maxima.size());
    for (std::uint64_t g = 0; g < maxima.size(); ++g) {
      ASSERT_EQ(outputs[1].Get(g), MxScale(format, ScaleRule::kCeil, maxima[g])) << g;
    }
    EXPECT_EQ(outputs[1].Get(2), 0xFFu);
    for (std::uint64_t i = 0; i < 3000; ++i) {
      ASSERT_EQ(outputs[0].Get(i),
                MxElement(format, outputs[1].Get(group_of(i)), c.inputs[0].Get(i)));
    }
  }
}

// Every element under every scale: the product is exact in double, and the machine rounds it.
TEST_P(QuantizeMxTest, DequantisesExactly) {
  const BlockFormat format = GetParam();
  const auto op =
      *formats::ParseOperation("dequantize to=float32 format=" + std::string(format.name));
  for (const auto& [code, value] : ValuesOf(format)) {
    for (Code scale = 0; scale < 255; ++scale) {
      volatile float expected =
          static_cast<float>(std::ldexp(value, static_cast<int>(scale) - 127));
      ASSERT_EQ(DequantizeMxElement(op, code, scale), Bits(expected)) << code << " " << scale;
    }
    ASSERT_EQ(DequantizeMxElement(op, code, 0xFF), kFloat32.canonical_nan_code());
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, QuantizeMxTest, testing::ValuesIn(MxFormats()),
                         [](const auto& format) { return std::string(format.param.name); });

TEST(DequantizeMxTest, SpecialElements) {
  const auto op = [](std::string_view format) {
    return *formats::ParseOperation("dequantize to=bfloat16 format=" + std::string(format));
  };
  EXPECT_EQ(DequantizeMxElement(op("mxint8"), 0x80, 127), 0xC000u);      // -2
  EXPECT_EQ(DequantizeMxElement(op("mxfp8_e5m2"), 0xFC, 127), 0xFF80u);  // -infinity
  EXPECT_EQ(DequantizeMxElement(op("mxfp8_e5m2"), 0xFD, 127), 0x7FC0u);
  EXPECT_EQ(DequantizeMxElement(op("mxfp8_e4m3"), 0x80, 0), 0x8000u);  // -0
}

}  // namespace
}  // namespace ulproof::reference
