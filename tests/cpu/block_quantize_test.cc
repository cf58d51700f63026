// SPDX-License-Identifier: Apache-2.0
// Block-scaled quantisation and dequantisation on every instruction set against the reference.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/parallel.h"
#include "cpu/backend_cpu.h"
#include "cpu/quantize_scales.h"
#include "formats/catalogue.h"
#include "reference/backend_reference.h"
#include "reference/ops/quantize_mx.h"
#include "reference/ops/quantize_nvfp4.h"
#include "tests/cpu/cpu_cases.h"

namespace ulproof::cpu {
namespace {

using formats::BlockFormat;
using formats::Case;
using formats::kBlockFormats;
using formats::Operation;
using tests::InputStyle;
using tests::kInputStyles;
using tests::MakeCase;
using tests::Op;

// Shapes: one element, less than a group, ragged in both directions.
constexpr std::string_view kShapes[] = {"1x1", "1x7", "3x33", "35x70"};
// Wider than the tiles that rows are cut into.
constexpr std::string_view kWideShape = "2x4200";

// Every format, source, rule and kind of block, and one wide operation a format.
std::vector<Operation> QuantizeOperations() {
  std::vector<Operation> ops;
  for (const BlockFormat& format : kBlockFormats) {
    std::vector<std::string> rules;
    for (const formats::ScaleRule rule : formats::kScaleRules) {
      rules.push_back(fmt::format(" rule={}", ScaleRuleName(rule)));
    }
    if (format.has_tensor_scale) rules = {""};
    const auto add = [&](std::string_view from, std::string_view rule, int square,
                         std::string_view shape) {
      ops.push_back(Op(fmt::format("quantize from={} format={}{} square={} shape={}", from,
                                   format.name, rule, square, shape)));
    };
    for (const int square : {0, 1}) {
      for (const std::string& rule : rules) {
        for (const char* from : {"float32", "bfloat16", "float16"}) {
          for (const std::string_view shape : kShapes) add(from, rule, square, shape);
        }
      }
      add("bfloat16", rules[0], square, kWideShape);
    }
  }
  return ops;
}

// Compares every target with the reference on one case; false at the first difference.
bool Matches(const Case& c) {
  static const auto reference = reference::MakeReferenceBackend();
  static const auto backends = MakeCpuBackends();
  for (const auto& backend : backends) {
    const std::string reason = backend->why_unsupported(c.op);
    const std::string difference =
        reason.empty() ? tests::Difference(*reference, *backend, c) : reason;
    if (difference.empty()) continue;
    ADD_FAILURE() << difference;
    return false;
  }
  return true;
}

// Would catch a maximum over the wrong elements (ragged ends, square blocks, tiles), a NaN or
// infinity that does not poison its group alone, an element that is not w / X rounded once.
TEST(BlockQuantizeTest, MatchesReference) {
  std::mt19937_64 engine(1);
  for (const Operation& op : QuantizeOperations()) {
    for (const InputStyle style : kInputStyles) {
      ASSERT_TRUE(Matches(MakeCase(op, style, engine)));
    }
  }
}

// Would catch a scale rule that differs near a power of two, at a tie of `even`, at the ends of
// the scale's range, for subnormals, infinities or NaN.
TEST(BlockQuantizeTest, MxScalesMatchReferenceForEveryBinade) {
  for (const BlockFormat& format : kBlockFormats) {
    if (format.has_tensor_scale) continue;
    for (const formats::ScaleRule rule : formats::kScaleRules) {
      const MxScaleRule scale_rule = MxScaleRule::Of(format, rule);
      const auto expect_same = [&](std::uint32_t max) {
        max &= 0x7FFFFFFF;
        ASSERT_EQ(MxScaleCode(scale_rule, max), reference::MxScale(format, rule, max))
            << format.name << " " << ScaleRuleName(rule) << std::hex << " M=0x" << max;
      };
      for (std::uint32_t binade = 0; binade < 256; ++binade) {
        for (std::uint32_t top = 0; top < 256; ++top) {  // 8 trailing bits: more than any m + 1.
          for (const std::uint32_t near : {-1, 0, 1})
            expect_same(((binade << 8 | top) << 15) + near);
        }
      }
      for (std::uint32_t subnormal = 0; subnormal < 1024; ++subnormal) expect_same(subnormal);
      if (HasFatalFailure()) return;
    }
  }
}

// Would catch another order of NVFP4's operations, or a clamp or special case left out.
TEST(BlockQuantizeTest, Nvfp4ScalesMatchReference) {
  std::mt19937_64 engine(2);
  const auto code = [](float x) -> formats::Code {
    return std::isnan(x) ? formats::kFloat32.canonical_nan_code() : std::bit_cast<std::uint32_t>(x);
  };
  for (int i = 0; i < 200'000; ++i) {
    // Any magnitude; every eighth from the ends of the range.
    std::uint32_t max = static_cast<std::uint32_t>(engine()) & 0x7FFFFFFF;
    if (i % 8 == 0) max = i % 16 == 0 ? max >> 20 : 0x7F800000 - (max >> 20);
    const float tensor_scale = Nvfp4TensorScale(max);
    ASSERT_EQ(code(tensor_scale), reference::Nvfp4TensorScale(max)) << std::hex << max;
    const formats::Code group_scale = engine() & 0x7F;
    if (group_scale == 0x7F) continue;
    const float d = Float32OfCode(formats::kFloat8E4m3fn, group_scale);
    ASSERT_EQ(code(Nvfp4Multiplier(tensor_scale, d)),
              reference::Nvfp4Encoder(code(tensor_scale), group_scale))
        << std::hex << "G=0x" << code(tensor_scale) << " D=0x" << group_scale;
  }
}

// Would catch a wrong scale for the group, a sign lost in a zero, a quotient that is rounded twice,
// an infinite or NaN code of elements or scales that is taken for a number.
TEST(BlockDequantizeTest, MatchesReference) {
  std::mt19937_64 engine(3);
  for (const BlockFormat& format : kBlockFormats) {
    for (const char* to : {"float32", "bfloat16", "float16", "float64", "float8_e5m2", "e11m4",
                           "float8_e4m3fnuz", "float8_e8m0fnu", "e8m7b0", "float4_e3m0"}) {
      for (const formats::Rounding& rounding : formats::kDeterministicRoundings) {
        for (const formats::Overflow overflow : formats::kOverflows) {
          for (const char* square : {"0", "1"}) {
            const Operation op = Op(fmt::format(
                "dequantize format={} to={} round={} overflow={} square={} shape=35x70",
                format.name, to, RoundingName(rounding), OverflowName(overflow), square));
            Case c = MakeCase(op, InputStyle::kAnyCode, engine);
            // Ordinary tensor scales half of the time, any code else.
            if (format.has_tensor_scale && engine() % 2 == 0) {
              c.inputs[2].Set(0, std::bit_cast<std::uint32_t>(
                                     std::ldexp(1 + (engine() >> 40) * 0x1p-24f, engine() % 60)));
            }
            static const auto reference = reference::MakeReferenceBackend();
            static const auto cpu = MakeCpuBackend();
            ASSERT_EQ(tests::Difference(*reference, *cpu, c), "");
          }
        }
      }
    }
  }
}

// Would catch every pair of element and scale that random codes miss, for the largest tables.
TEST(BlockDequantizeTest, EveryElementUnderEveryScaleMatchesReference) {
  for (const BlockFormat& format : kBlockFormats) {
    for (const char* to : {"float32", "bfloat16"}) {
      const std::uint64_t elements = std::uint64_t{1} << format.element_bits;
      const std::uint64_t cols = std::max<std::uint64_t>(elements, format.group);
      const Operation op =
          Op(fmt::format("dequantize format={} to={} shape=256x{}", format.name, to, cols));
      Case c = formats::EmptyCase(op);
      for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
        c.inputs[0].Set(i, i % cols % elements);
      }
      const std::uint64_t scales_a_row = c.inputs[1].count() / 256;
      for (std::uint64_t i = 0; i < c.inputs[1].count(); ++i) {
        c.inputs[1].Set(i, i / scales_a_row);
      }
      if (format.has_tensor_scale) c.inputs[2].Set(0, 0x4479FFFF);
      ASSERT_TRUE(Matches(c));
    }
  }
}

// Would catch a result that depends on how tiles are shared out.
TEST(BlockQuantizeTest, ThreadCountDoesNotMatter) {
  std::mt19937_64 engine(4);
  for (const char* format : {"mxfp8_e4m3", "nvfp4"}) {
    const Operation op = Op(fmt::format("quantize from=float32 format={} shape=41x9000", format));
    const Case c = MakeCase(op, InputStyle::kAnyFinite, engine);
    const auto cpu = MakeCpuBackend();
    base::SetThreadCount(1);
    const auto expected = formats::RunCase(*cpu, c).value();
    for (const int threads : {2, 5}) {
      base::SetThreadCount(threads);
      EXPECT_EQ(formats::RunCase(*cpu, c).value(), expected) << format << " " << threads;
    }
    base::SetThreadCount(0);
  }
}

}  // namespace
}  // namespace ulproof::cpu
