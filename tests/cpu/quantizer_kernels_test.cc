// SPDX-License-Identifier: Apache-2.0
// The quantizers of contract section 14 in SIMD, every target against the exact reference, bit for
// bit: catches a sum in another order, a fused step that is not, an end of the levels treated
// differently, a block's last piece, and the wrong one of two scales where their errors are equal
// or nearly so.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "cpu/backend_cpu.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "tests/cpu/cpu_cases.h"

namespace ulproof::cpu {
namespace {

using formats::Case;
using formats::Code;
using formats::Operation;
using formats::OpKind;

const std::vector<std::unique_ptr<formats::Backend>>& Backends() {
  static const auto backends = MakeCpuBackends();
  return backends;
}

// Runs the case on all targets; the first difference ends the test with its replay line.
void ExpectSame(const Case& c) {
  const auto reference = reference::MakeReferenceBackend();
  const auto expected = formats::RunCase(*reference, c);
  ASSERT_TRUE(expected.ok());
  for (const auto& backend : Backends()) {
    if (!backend->why_unsupported(c.op).empty()) continue;
    ASSERT_EQ(tests::Difference(*expected, *backend, c), "") << backend->name();
  }
}

class QuantizerKernelsTest : public testing::TestWithParam<OpKind> {};

TEST_P(QuantizerKernelsTest, RandomCases) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    reference::Rng rng(1000 * static_cast<std::uint64_t>(GetParam()) + seed);
    const Operation op = reference::RandomOperation(GetParam(), rng);
    if (op.shape.count() > 2500) continue;  // The reference is slow.
    ASSERT_NO_FATAL_FAILURE(ExpectSame(reference::RandomCase(op, rng)));
  }
}

INSTANTIATE_TEST_SUITE_P(All, QuantizerKernelsTest,
                         testing::Values(OpKind::kFit, OpKind::kRefit, OpKind::kFakeQuantize,
                                         OpKind::kFakeBackward, OpKind::kPerturb),
                         [](const auto& kind) {
                           return std::string(formats::OpKindName(kind.param));
                         });

Case BestCase(std::string_view format, std::uint64_t rows, std::uint64_t cols, bool square) {
  return formats::EmptyCase(
      tests::Op(fmt::format("quantize from=float32 format={} rule=best square={} shape={}x{}",
                            format, square ? 1 : 0, rows, cols)));
}

// Weights of every spread, ragged edges, squares; groups of zeros and of specials.
TEST(BestScaleKernelsTest, RandomWeights) {
  for (const std::string_view format : {"mxfp4", "nvfp4"}) {
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      reference::Rng rng(seed);
      Case c = BestCase(format, 1 + rng.Below(40), 1 + rng.Below(100), seed % 3 == 0);
      if (seed % 4 != 0) {
        for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
          const Code binades = rng.Below(seed % 4 == 1 ? 3 : 12) << 23;
          c.inputs[0].Set(i, (0x3F000000 - binades + (rng.Next() & 0x7FFFFF)) |
                                 (rng.OneIn(2) ? 0x80000000 : 0));
        }
      } else {
        c = reference::RandomCase(c.op, rng);
      }
      ASSERT_NO_FATAL_FAILURE(ExpectSame(c)) << format << " " << seed;
    }
  }
}

// Coarse weights make equal errors common; one of them a last place away makes them nearly equal,
// which binary64 cannot always tell: both decisions are the exact ones.
TEST(BestScaleKernelsTest, TiesAndNearTies) {
  for (const std::string_view format : {"mxfp4", "nvfp4"}) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      reference::Rng rng(77 + seed);
      Case c = BestCase(format, 8, 32, false);
      for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
        const float value = static_cast<float>(rng.Below(25)) / 4 * (rng.OneIn(2) ? 1 : -1);
        c.inputs[0].Set(i, std::bit_cast<std::uint32_t>(value));
        if (seed % 2 == 1 && rng.OneIn(8)) c.inputs[0].Set(i, c.inputs[0].Get(i) ^ 1);
      }
      // M = 6 = A: G = 448, D = 448 or (saturated) the same; smaller groups reach both.
      ASSERT_NO_FATAL_FAILURE(ExpectSame(c)) << format << " " << seed;
    }
  }
}

// Two errors that are equal in the reals: the tie goes to the scale of section 9, and one last
// place of one weight decides it.
TEST(BestScaleKernelsTest, AnExactTieOfFourOverSix) {
  // A = 2688, so that G = 1 and w * G = w. The second group's M = 6 gives D = 1 or 1.5.
  for (const int nudge : {0, 1, -1}) {
    Case c = BestCase("nvfp4", 1, 32, false);
    const auto set = [&](std::uint64_t i, float value) {
      c.inputs[0].Set(i, std::bit_cast<std::uint32_t>(value));
    };
    set(0, 2688);
    set(16, 6);
    set(17, 2.25f);                                    // 1/16 (2) or 0: four over six gains 1/16.
    set(18, 0.5f);                                     // 0, or 1/16 (0.75): it loses 1/16.
    c.inputs[0].Set(18, c.inputs[0].Get(18) + nudge);  // Nearer to, or further from, 0.75.
    ASSERT_NO_FATAL_FAILURE(ExpectSame(c));
    const auto out = formats::RunCase(*Backends().front(), c);
    ASSERT_TRUE(out.ok());
    const Code one = 0x38, one_and_half = 0x3C;
    EXPECT_EQ((*out)[1].Get(1), nudge > 0 ? one_and_half : one) << nudge;
  }
}

// e2m1 of u >= 0, by rne and sat.
double LevelOf(double u) {
  constexpr double kLevels[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  int best = 0;
  for (int code = 1; code < 8; ++code) {
    const double less = std::fabs(kLevels[best] - u) - std::fabs(kLevels[code] - u);
    if (less > 0 || (less == 0 && code % 2 == 0)) best = code;
  }
  return kLevels[best];
}

// Groups in which one weight is chosen such that the errors under two scales, 1 and `step`, are
// equal but for its last place: sums in binary32 alone take the wrong one now and then.
TEST(BestScaleKernelsTest, NearTiesInBinary32) {
  for (const double step : {2.0, 1.5}) {
    const bool is_mx = step == 2;
    // Another group's maximum makes nvfp4's G, by which w is multiplied before it is compared.
    const float tensor_max = 1962.04f;
    const double unit = is_mx ? 1 : double{2688 / tensor_max};
    int near_ties = 0;
    for (std::uint64_t seed = 0; seed < 3000 && near_ties < 60; ++seed) {
      reference::Rng rng(seed);
      std::vector<float> w(is_mx ? 32 : 16);
      const auto fraction = [&] { return static_cast<double>(1 + rng.Below(0xFFFFFE)) * 0x1p-24; };
      for (float& value : w)
        value = is_mx && !rng.OneIn(4) ? 0 : static_cast<float>(6 * fraction() / unit);
      // The scale of section 9 is 1: of mxfp4 for 4 to 8, of nvfp4 for about 6.
      w[0] = static_cast<float>(is_mx ? 6 + 2 * fraction() : 6 / unit);
      const auto a = [&](double v) { return LevelOf(v); };
      const auto b = [&](double v) { return step * LevelOf(v / step); };
      double less = 0;
      for (const double x : w)
        less += (b(x * unit) - a(x * unit)) * (2 * x * unit - a(x * unit) - b(x * unit));
      for (std::size_t j = 1; j < w.size(); ++j) {
        const double v = w[j] * unit, slope = 2 * (b(v) - a(v)), tied = v - less / slope;
        if (slope == 0 || tied <= 0 || tied >= 6 || a(tied) != a(v) || b(tied) != b(v)) continue;
        ++near_ties;
        w[j] = static_cast<float>(tied / unit);
        Case c = BestCase(is_mx ? "mxfp4" : "nvfp4", 1, 32, false);
        for (std::size_t i = 0; i < 32; ++i) c.inputs[0].Set(i, 0);
        if (!is_mx) c.inputs[0].Set(0, std::bit_cast<std::uint32_t>(tensor_max));
        for (std::size_t i = 0; i < w.size(); ++i) {
          const Code sign = rng.OneIn(2) ? 0x80000000 : 0;
          c.inputs[0].Set(32 - w.size() + i, std::bit_cast<std::uint32_t>(w[i]) | sign);
        }
        ASSERT_NO_FATAL_FAILURE(ExpectSame(c)) << step << " " << seed;
        break;
      }
    }
    EXPECT_GE(near_ties, 40) << step;
  }
}

}  // namespace
}  // namespace ulproof::cpu
