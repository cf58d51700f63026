// SPDX-License-Identifier: Apache-2.0
// The best of neighbouring scales (contract section 14) against a search in long double over the
// same candidates: catches a candidate left out, a tie that goes the wrong way, an error weighed
// without its scale. And the gain that is known for normal weights.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "formats/case.h"
#include "formats/codec.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::Code;
using formats::Operation;

double Value(const formats::FormatSpec& format, Code code) {
  const auto decoded = formats::Decode(format, code);
  const double magnitude = std::ldexp(static_cast<double>(decoded.significand), decoded.exponent);
  return decoded.negative ? -magnitude : magnitude;
}
double Float(Code code) { return std::bit_cast<float>(static_cast<std::uint32_t>(code)); }

double SquaredError(const Case& c, const std::vector<formats::Tensor>& out, std::uint64_t begin,
                    std::uint64_t end) {
  const auto& format = c.op.block_format;
  long double sum = 0;
  for (std::uint64_t i = begin; i < end; ++i) {
    long double value =
        Value(format.element, out[0].Get(i)) * Value(format.scale, out[1].Get(i / format.group));
    if (format.has_tensor_scale) value /= Float(out[2].Get(0));
    const long double error = value - Float(c.inputs[0].Get(i));
    sum += error * error;
  }
  return static_cast<double>(sum);
}

Case Groups(const char* format, int style) {
  Operation op = *formats::ParseOperation(std::string("quantize rule=best format=") + format +
                                          " shape=1x16384");
  Case c = formats::EmptyCase(op);
  Rng rng(style);
  for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
    double sum = -6;
    for (int k = 0; k < 12; ++k) sum += static_cast<double>(rng.Next() >> 11) * 0x1p-53;
    if (style == 2) sum = sum * sum * sum;  // Heavy tails: outliers that are worth clipping.
    if (style == 3) sum = std::rint(2 * sum) / 2;
    c.inputs[0].Set(i, std::bit_cast<std::uint32_t>(static_cast<float>(sum)));
  }
  return c;
}

// Any scale code that could have been had: the chosen one's error is the smallest of them.
TEST(BestScaleTest, NoNeighbourIsBetter) {
  const auto backend = MakeReferenceBackend();
  for (const int style : {1, 2, 3}) {
    const Case c = Groups("mxfp4", style);
    const auto best = *formats::RunCase(*backend, c);
    Case floor_case = c;
    floor_case.op.rule = formats::ScaleRule::kFloor;
    const auto floor = *formats::RunCase(*backend, floor_case);
    int moved[3] = {};
    for (std::uint64_t g = 0; g < best[1].count(); ++g) {
      const int shift = static_cast<int>(best[1].Get(g)) - static_cast<int>(floor[1].Get(g));
      ASSERT_LE(std::abs(shift), 1);
      ++moved[shift + 1];
      double errors[3];
      for (int k = -1; k <= 1; ++k) {
        // Elements under the scale by search of the nearest value, ties as they fall: same error.
        const double scale = std::ldexp(Value(formats::kFloat8E8m0fnu, floor[1].Get(g)), k);
        long double sum = 0;
        for (std::uint64_t i = 32 * g; i < 32 * g + 32; ++i) {
          const double w = Float(c.inputs[0].Get(i));
          double nearest = 1e300;
          for (const double v : {0.0, .5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0})
            nearest = std::min(nearest, std::fabs(std::fabs(w) - v * scale));
          sum += static_cast<long double>(nearest) * nearest;
        }
        errors[k + 1] = static_cast<double>(sum);
      }
      for (const double error : errors) EXPECT_LE(errors[shift + 1], error);
      EXPECT_DOUBLE_EQ(SquaredError(c, best, 32 * g, 32 * g + 32), errors[shift + 1]);
      // Ties: floor's first, then the larger scale.
      if (errors[1] == errors[shift + 1]) {
        EXPECT_EQ(shift, 0);
      }
      if (errors[2] == errors[0] && errors[2] < errors[1]) {
        EXPECT_EQ(shift, 1);
      }
    }
    if (style == 1) {
      EXPECT_GT(moved[1], 0);
      EXPECT_GT(moved[2], 0) << "some groups gain by the larger scale";
    }
  }
}

// One weight just above 4 among weights near 1/4, where the steps of `floor` are 1/2: clipping the
// one to 3 buys all others steps of 1/4.
TEST(BestScaleTest, ClipsWhereThatIsBetter) {
  Case c = Groups("mxfp4", 1);
  for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
    const float w = i % 32 == 7 ? 4.001f : 0.25f + static_cast<float>(i % 5) / 100;
    c.inputs[0].Set(i, std::bit_cast<std::uint32_t>(w));
  }
  const auto best = *formats::RunCase(*MakeReferenceBackend(), c);
  for (std::uint64_t g = 0; g < best[1].count(); ++g) EXPECT_EQ(best[1].Get(g), 126u);
}

TEST(BestScaleTest, FourOverSix) {
  const auto backend = MakeReferenceBackend();
  for (const int style : {1, 2, 3}) {
    const Case c = Groups("nvfp4", style);
    const auto best = *formats::RunCase(*backend, c);
    Case plain_case = c;
    plain_case.op.rule = {};
    const auto plain = *formats::RunCase(*backend, plain_case);
    EXPECT_EQ(best[2].Get(0), plain[2].Get(0));
    int fours = 0;
    for (std::uint64_t g = 0; g < best[1].count(); ++g) {
      const double with_six = SquaredError(c, plain, 16 * g, 16 * g + 16);
      const double with_best = SquaredError(c, best, 16 * g, 16 * g + 16);
      if (best[1].Get(g) == plain[1].Get(g)) continue;
      ++fours;
      EXPECT_LT(with_best, with_six);
      // The other scale is half as large again, to the 4 bits of its significand, or the largest.
      if (best[1].Get(g) == formats::kFloat8E4m3fn.max_finite_code()) continue;
      EXPECT_NEAR(Value(formats::kFloat8E4m3fn, best[1].Get(g)) /
                      Value(formats::kFloat8E4m3fn, plain[1].Get(g)),
                  1.5, 0.2);
    }
    EXPECT_GT(fours, 50);
    EXPECT_LT(fours, 974);
  }
}

// Normal weights: NVFP4 has 20.43 dB and MXFP4 with `floor` 18.79 dB; the best scale gains.
TEST(BestScaleTest, GainsOnNormalWeights) {
  const auto backend = MakeReferenceBackend();
  for (const auto& [format, decibels, gain] :
       {std::tuple{"mxfp4", 18.79, 0.15}, std::tuple{"nvfp4", 20.43, 0.3}}) {
    Case c = Groups(format, 1);
    double power = 0;
    for (std::uint64_t i = 0; i < 16384; ++i) power += std::pow(Float(c.inputs[0].Get(i)), 2);
    const auto ratio = [&] {
      return 10 * std::log10(power / SquaredError(c, *formats::RunCase(*backend, c), 0, 16384));
    };
    const double best = ratio();
    c.op.rule = {};
    EXPECT_NEAR(ratio(), decibels, 0.25) << format;
    EXPECT_GT(best, ratio() + gain) << format;
  }
}

TEST(BestScaleTest, OnlyForFourBits) {
  for (const char* format : {"mxfp8_e4m3", "mxfp6_e2m3", "mxint8"}) {
    EXPECT_FALSE(formats::ParseOperation(std::string("quantize rule=best format=") + format).ok());
  }
  const auto op = formats::ParseOperation("quantize rule=best format=nvfp4 shape=1x16");
  ASSERT_TRUE(op.ok());
  EXPECT_EQ(formats::OperationName(*op),
            "quantize from=float32 format=nvfp4 rule=best square=0 shape=1x16");
}

}  // namespace
}  // namespace ulproof::reference
