// SPDX-License-Identifier: Apache-2.0
// NVFP4 against a transcription of contract section 9 in the machine's binary32, with casts by
// brute force over e4m3fn and e2m1; dequantisation against exact inequalities. Would catch a
// product or quotient taken in another order, a missing clamp, a value that goes through binary32.
#include "reference/ops/quantize_nvfp4.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfloat>
#include <cmath>
#include <random>

#include "formats/case.h"
#include "formats/catalogue.h"
#include "formats/codec.h"
#include "reference/backend_reference.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"
#include "reference/ops/dequantize_nvfp4.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;
using formats::kFloat4E2m1fn;
using formats::kFloat8E4m3fn;

float Float(Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }
Code Bits(float value) { return std::bit_cast<std::uint32_t>(value); }
float Rounded(float value) {
  volatile float rounded = value;
  return rounded;
}

double ValueOf(const FormatSpec& spec, Code code) {
  const formats::Decoded value = Decode(spec, code);
  return std::ldexp(value.negative ? -1.0 : 1.0, value.exponent) *
         static_cast<double>(value.significand);
}

// Nearest with saturation, ties to even. Below the largest value distances are exact in double.
Code Nearest(const FormatSpec& spec, float x) {
  Code best = std::abs(x) >= ValueOf(spec, spec.max_finite_code()) ? spec.max_finite_code() : 0;
  for (Code code = best; code <= spec.max_finite_code(); ++code) {
    const double distance = std::abs(ValueOf(spec, code) - std::abs(static_cast<double>(x)));
    const double best_distance = std::abs(ValueOf(spec, best) - std::abs(static_cast<double>(x)));
    if (distance < best_distance || (distance == best_distance && code % 2 == 0)) best = code;
  }
  return (std::signbit(x) ? spec.sign_mask() : 0) | best;
}

struct Naive {
  float tensor_scale;
  std::vector<Code> scales;
  std::vector<Code> elements;
};
Naive NaiveQuantize(const std::vector<float>& w) {
  Naive result;
  float a = 0;
  for (const float x : w) a = std::max(a, std::abs(x));
  result.tensor_scale = a == 0 ? 1.0f : std::min(Rounded(2688.0f / a), FLT_MAX);
  const float g = result.tensor_scale;
  for (std::size_t begin = 0; begin < w.size(); begin += 16) {
    float m = 0;
    const std::size_t end = std::min(begin + 16, w.size());
    for (std::size_t i = begin; i < end; ++i) m = std::max(m, std::abs(w[i]));
    const Code d = Nearest(kFloat8E4m3fn, Rounded(m * Rounded(g * Rounded(1.0f / 6.0f))));
    const auto d_value = static_cast<float>(ValueOf(kFloat8E4m3fn, d));
    const float e = std::min(Rounded(1.0f / Rounded(d_value * Rounded(1.0f / g))), FLT_MAX);
    result.scales.push_back(d);
    for (std::size_t i = begin; i < end; ++i) {
      result.elements.push_back(Nearest(kFloat4E2m1fn, Rounded(w[i] * e)));
    }
  }
  return result;
}

TEST(QuantizeNvfp4Test, IsTheTranscription) {
  std::mt19937_64 random(18);
  const auto backend = MakeReferenceBackend();
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t count = 1 + random() % 100;
    formats::Operation op = *formats::ParseOperation("quantize from=float32 format=nvfp4");
    op.shape.cols = count;
    formats::Case c = formats::EmptyCase(op);
    std::vector<float> w;
    // Tensors of every size, down to subnormals and up to where G or E is clamped; with zeros and
    // groups far below the maximum.
    const std::uint64_t top = random() % 254;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t below = random() % (1 + round % 40);
      Code code = (random() & 0x807F'FFFF) | (top > below ? top - below : 0) << 23;
      if (random() % 8 == 0) code &= 0x8000'0000;
      c.inputs[0].Set(i, code);
      w.push_back(Float(code));
    }
    const Naive expected = NaiveQuantize(w);
    const auto outputs = formats::RunCase(*backend, c).value();
    ASSERT_EQ(outputs[2].Get(0), Bits(expected.tensor_scale)) << top;
    for (std::size_t g = 0; g < expected.scales.size(); ++g) {
      ASSERT_EQ(outputs[1].Get(g), expected.scales[g]) << round << " group " << g;
    }
    for (std::size_t i = 0; i < expected.elements.size(); ++i) {
      ASSERT_EQ(outputs[0].Get(i), expected.elements[i]) << round << " element " << i;
    }
  }
}

// Group maxima at the midpoints between e4m3fn values, a few binary32 steps to each side: there the
// order of the products shows.
TEST(QuantizeNvfp4Test, GroupScalesRoundInTheContractsOrder) {
  std::mt19937_64 random(21);
  for (int i = 0; i < 3000; ++i) {
    const float g = Float((random() & 0x007F'FFFF) | (100 + random() % 50) << 23);
    const float factor = Rounded(g * Rounded(1.0f / 6.0f));
    const Code below = 8 + random() % 0x70;
    const auto midpoint =
        static_cast<float>((ValueOf(kFloat8E4m3fn, below) + ValueOf(kFloat8E4m3fn, below + 1)) / 2);
    const Code m = Bits(Rounded(midpoint / factor));
    for (Code near = m - 4; near <= m + 4; ++near) {
      ASSERT_EQ(Nvfp4GroupScale(Bits(g), near),
                Nearest(kFloat8E4m3fn, Rounded(Float(near) * factor)))
          << std::hex << Bits(g) << " " << near;
    }
  }
}

TEST(QuantizeNvfp4Test, SpecialTensors) {
  const auto run = [](Code poison) {
    formats::Operation op = *formats::ParseOperation("quantize from=bfloat16 format=nvfp4");
    op.shape.cols = 32;
    formats::Case c = formats::EmptyCase(op);
    c.inputs[0].Set(3, 0x8000);
    c.inputs[0].Set(20, poison);
    return formats::RunCase(*MakeReferenceBackend(), c).value();
  };
  const auto zero = run(0x0000);
  EXPECT_EQ(zero[2].Get(0), kOne32);
  EXPECT_EQ(zero[1].Get(0), 0u);
  EXPECT_EQ(zero[0].Get(0), 0u);
  EXPECT_EQ(zero[0].Get(3), 0x8u);
  for (const Code poison : {Code{0xFF80}, Code{0x7FC0}}) {
    const auto bad = run(poison);
    EXPECT_TRUE(kFloat32.IsNan(bad[2].Get(0)));
    for (std::uint64_t g = 0; g < 2; ++g) EXPECT_EQ(bad[1].Get(g), 0x7Fu);
    for (std::uint64_t i = 0; i < 32; ++i) EXPECT_EQ(bad[0].Get(i), 0x7u);
  }
}

// lo = down(v), hi = up(v) must enclose v = element * D / G and be neighbours; nearest must be the
// nearer. All in exact numbers: v is compared through multiplication by G.
TEST(DequantizeNvfp4Test, RoundsTheRationalOnce) {
  std::mt19937_64 random(19);
  for (const char* to : {"float64", "float32", "bfloat16", "float8_e4m3"}) {
    for (int i = 0; i < 3000; ++i) {
      const Code element = random() % 8;
      const Code scale = random() % 0x7F;
      const Code g = std::clamp<Code>(random() & 0x7FFF'FFFF, 1, kLargest32);
      const auto run = [&](std::string_view mode) {
        const auto op = *formats::ParseOperation("dequantize to=" + std::string(to) + " round=" +
                                                 std::string(mode) + " overflow=sat format=nvfp4");
        return DequantizeNvfp4Element(op, element, scale, g);
      };
      const FormatSpec spec = *formats::ParseFormat(to);
      const Dyadic product =
          Dyadic::FromCode(kFloat4E2m1fn, element) * Dyadic::FromCode(kFloat8E4m3fn, scale);
      const Dyadic divisor = Dyadic::FromCode(kFloat32, g);
      const Code down = run("rdn");
      const Code up = run("rup");
      const Dyadic low = Dyadic::FromCode(spec, down);
      const Dyadic high = Dyadic::FromCode(spec, up);
      if (product > Dyadic::FromCode(spec, spec.max_finite_code()) * divisor) {
        ASSERT_EQ(down, spec.max_finite_code());
        continue;
      }
      ASSERT_LE(low * divisor, product);
      ASSERT_GE(high * divisor, product);
      ASSERT_LE(up - down, 1u);
      const Dyadic twice = product.Scale2(1);
      const Dyadic middle = (low + high) * divisor;
      const Code nearest = run("rne");
      const Code even = down % 2 == 0 ? down : up;
      ASSERT_EQ(nearest, twice == middle ? even : twice < middle ? down : up);
      ASSERT_EQ(run("rtz"), down);
      ASSERT_EQ(run("rto"), up == down || down % 2 == 1 ? down : up);
    }
  }
}

TEST(DequantizeNvfp4Test, SpecialScalesFollowIeee) {
  const auto op = *formats::ParseOperation("dequantize to=bfloat16 format=nvfp4");
  const auto value = [&](Code element, Code scale, Code g) {
    return DequantizeNvfp4Element(op, element, scale, g);
  };
  EXPECT_EQ(value(0x2, 0x7F, kOne32), 0x7FC0u);  // NaN scale
  EXPECT_EQ(value(0x2, 0x38, kNan32), 0x7FC0u);  // NaN tensor scale
  EXPECT_EQ(value(0x2, 0x38, 0), 0x7F80u);       // 1 / 0
  EXPECT_EQ(value(0xA, 0x38, 0), 0xFF80u);       // -1 / 0
  EXPECT_EQ(value(0x0, 0x38, 0), 0x7FC0u);       // 0 / 0
  EXPECT_EQ(value(0xA, 0x38, kInfinity32), 0x8000u);
  EXPECT_EQ(value(0x8, 0x38, kOne32), 0x8000u);  // -0
  EXPECT_EQ(value(0x2, 0x38, kOne32), 0x3F80u);
}

}  // namespace
}  // namespace ulproof::reference
