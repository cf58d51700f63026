// SPDX-License-Identifier: Apache-2.0
// The figures of the literature and of known-good computations, to every digit given, by our own
// computation: docs/quantizers.md quotes them. Catches a wrong closed form, condition or grid: each
// figure has its own formula behind it.
#include <gtest/gtest.h>

#include <string>

#include "reference/quantizers/analysis/absmax.h"
#include "reference/quantizers/analysis/block_error.h"
#include "reference/quantizers/analysis/clip_rules.h"
#include "reference/quantizers/analysis/lloyd_max.h"
#include "reference/quantizers/analysis/scale_optimum.h"
#include "reference/quantizers/analysis/statqat_model.h"

namespace ulproof::reference {
namespace {

constexpr int kDigits = 16;
constexpr WeightLaw kNormal = WeightLaw::kNormal;

Grid GridOf(const std::string& name) { return ParseGrid(name).value(); }

ScaleMinima Minima(const Grid& grid, WeightLaw law = kNormal) {
  return FindScaleMinima(grid, law, RangeOfAllMinima(grid, law), kDigits).value();
}

ScaleMinimum Best(const Grid& grid) {
  const ScaleMinima minima = Minima(grid);
  return minima.minima.at(minima.best);
}

std::string Decibels(const Dyadic& noise, int digits) {
  return DecimalText(SnrDb(noise, kDigits), digits);
}

Dyadic Ratio(const Dyadic& a, const Dyadic& b) { return QuotientToOdd(a, b, 200); }

struct UniformFigure {
  int levels;
  const char *step, *outer, *mse, *snr, *lloyd_max;
};

// The classical table of optimum midrise quantizers, and the Lloyd-Max bound beside it.
TEST(FiguresTest, UniformMidriseAndLloydMax) {
  for (const UniformFigure& figure :
       {UniformFigure{2, "1.5957691", "0.7978846", "0.36338023", "4.396", "0.36338023"},
        {4, "0.99568669", "1.49353", "0.11884605", "9.25", "0.11748185"},
        {8, "0.58601944", "2.051068", "0.037439659", "14.267", "0.034547761"},
        {16, "0.33520061", "2.5140046", "0.011542884", "19.377", "0.009501008"},
        {32, "0.18813879", "2.9161512", "0.0034952114", "24.565", "0.0025046684"},
        {64, "0.10406301", "3.2779848", "0.0010400454", "29.829", "0.00064423967"},
        {128, "0.056867672", "3.6110972", "0.00030433277", "35.167", "0.00016347823"},
        {256, "0.030762388", "3.9222044", "0.000087686186", "40.571", "0.000041185083"}}) {
    const Grid grid = UniformGrid(figure.levels);
    const ScaleMinimum best = Best(grid);
    EXPECT_EQ(DecimalText(best.scale, 8), figure.step);
    EXPECT_EQ(DecimalText(best.scale * grid.Reach(), figure.levels == 2 ? 7 : 8), figure.outer);
    EXPECT_EQ(DecimalText(best.mse, 8), figure.mse);
    EXPECT_EQ(Decibels(best.mse, figure.levels <= 4 ? 4 : 5), figure.snr);
    EXPECT_EQ(DecimalText(LloydMaxLevels(kNormal, figure.levels, kDigits).mse, 8),
              figure.lloyd_max);
  }
}

struct IntegerFigure {
  int bits;
  const char *step, *rate, *clip, *model_snr, *exact_snr;
};

// Two's complement: the best step, the rate of the least-squares iteration there; StatQAT's clip,
// the SNR that its model promises and the exact one of its scale.
TEST(FiguresTest, TwosComplementAndStatqat) {
  for (const IntegerFigure& figure :
       {IntegerFigure{2, "1.0483853", "0.589", "1.51817", "8.895", "8.243"},
        {3, "0.60182423", "0.801", "2.06928", "14.143", "13.904"},
        {4, "0.33860794", "0.916", "2.52254", "19.336", "19.256"},
        {5, "0.18879222", "", "2.91954", "24.552", "24.527"},
        {6, "0.10417945", "", "3.27921", "29.826", "29.818"},
        {7, "0.056887345", "", "3.61151", "35.165", "35.163"},
        {8, "0.030765579", "0.9986", "3.92234", "40.57", "40.57"}}) {
    const Grid grid = IntegerGrid(figure.bits);
    const ScaleMinimum best = Best(grid);
    EXPECT_EQ(DecimalText(best.scale, 8), figure.step);
    if (*figure.rate != '\0') {
      EXPECT_EQ(DecimalText(best.rate, figure.bits == 8 ? 4 : 3), figure.rate);
    }
    const int levels = 1 << figure.bits;
    const Dyadic clip = StatqatUniformClip(levels, kDigits);
    EXPECT_EQ(DecimalText(clip, 6), figure.clip);
    EXPECT_EQ(Decibels(StatqatUniformNoise(levels, clip, kDigits), figure.bits == 2 ? 4 : 5),
              figure.model_snr);
    const Dyadic scale = Ratio(clip.Scale2(1), Dyadic::FromInteger(levels - 1));
    EXPECT_EQ(Decibels(ErrorAtScale(grid, kNormal, scale, kDigits).mse, figure.bits == 2 ? 4 : 5),
              figure.exact_snr);
  }
}

// Saturating float formats, and the rates at their best scales.
TEST(FiguresTest, FloatFormats) {
  const ScaleMinimum e2m1 = Best(GridOf("float4_e2m1fn"));
  EXPECT_EQ(DecimalText(e2m1.scale, 8), "0.48707918");
  EXPECT_EQ(DecimalText(e2m1.mse, 8), "0.012684904");
  EXPECT_EQ(Decibels(e2m1.mse, 5), "18.967");
  EXPECT_EQ(DecimalText(e2m1.rate, 3), "0.974");
  const ScaleMinimum e2m3 = Best(GridOf("float6_e2m3fn"));
  EXPECT_EQ(DecimalText(e2m3.scale, 8), "0.49967203");
  EXPECT_EQ(DecimalText(e2m3.mse, 8), "0.00082914706");
  EXPECT_EQ(Decibels(e2m3.mse, 5), "30.814");
  EXPECT_EQ(DecimalText(e2m3.rate, 4), "0.9975");
}

// e3m0 has four local minima; the iteration from StatQAT's clip of 2.25 ends in a worse one than
// from a scale that covers the largest of many weights.
TEST(FiguresTest, LogarithmicFormatHasSeveralMinima) {
  const Grid grid = GridOf("float4_e3m0");
  const ScaleMinima minima = Minima(grid);
  ASSERT_EQ(minima.minima.size(), 4u);
  EXPECT_EQ(minima.best, 1u);
  const auto end_from = [&](const Dyadic& clip) {
    const Dyadic start = Ratio(clip, grid.highest());
    return IterateScale(grid, kNormal, start, 1000, kDigits);
  };
  const Dyadic clip = StatqatGridClip(grid, kDigits);
  EXPECT_EQ(DecimalText(clip, 3), "2.25");
  const Dyadic from_analytic = end_from(clip);
  EXPECT_EQ(Decibels(ErrorAtScale(grid, kNormal, from_analytic, kDigits).mse, 5), "14.156");
  EXPECT_EQ(DecimalText(from_analytic, 8), DecimalText(minima.minima[0].scale, 8));
  const Dyadic from_max = end_from(Dyadic::FromInteger(4));
  EXPECT_EQ(Decibels(ErrorAtScale(grid, kNormal, from_max, kDigits).mse, 5), "14.231");
  EXPECT_EQ(DecimalText(from_max, 8), DecimalText(minima.minima[1].scale, 8));
}

// One octave in the plateau of the two FP8 formats, where the error repeats: its best SNR, its
// worst (between two minima, by closed form on a fine grid) and the rates.
TEST(FiguresTest, Fp8Plateau) {
  struct Plateau {
    const char *format, *low_scale, *best, *worst, *best_rate;
  };
  for (const Plateau& plateau : {Plateau{"float8_e4m3fn", "0.03", "31.557", "31.516", "0.9999"},
                                 {"float8_e5m2", "0.03", "25.582", "25.535", "0.9994"}}) {
    const Grid grid = GridOf(plateau.format);
    const Dyadic low = ParseDecimal(plateau.low_scale, kDigits).value();
    const auto found = FindScaleMinima(grid, kNormal, {low, low.Scale2(1)}, kDigits);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->minima.size(), 1u);
    EXPECT_EQ(Decibels(found->minima[0].mse, 5), plateau.best);
    EXPECT_EQ(DecimalText(found->minima[0].rate, 4), plateau.best_rate);
    std::vector<Dyadic> scales;
    for (long k = 0; k < 64; ++k) scales.push_back(low * Dyadic(64 + k, -6));
    Dyadic worst;
    for (const ScaleError& error : ErrorsAtScales(grid, kNormal, scales, 6)) {
      worst = std::max(worst, error.mse);
    }
    EXPECT_EQ(Decibels(worst, 5), plateau.worst);
  }
}

TEST(FiguresTest, BlockFormats) {
  const auto mxfp4 = formats::ParseBlockFormat("mxfp4").value();
  const Dyadic mx = MxFloorError(mxfp4, kNormal, kDigits);
  EXPECT_EQ(DecimalText(mx, 4), "0.01322");
  EXPECT_EQ(Decibels(mx, 4), "18.79");
  // The tensor's scale decides where the groups' scales lie in their format, within 0.2 %.
  for (const char* tensor_max : {"2688", "4", "5"}) {
    const Dyadic nv = Nvfp4Error(kNormal, ParseDecimal(tensor_max, kDigits).value(), kDigits);
    EXPECT_TRUE(DecimalText(nv, 3) == "0.00905" || DecimalText(nv, 3) == "0.00904" ||
                DecimalText(nv, 3) == "0.00906")
        << DecimalText(nv, 6);
    if (std::string(tensor_max) == "2688") {
      EXPECT_EQ(DecimalText(nv, 3), "0.00905");
      EXPECT_EQ(Decibels(nv, 4), "20.44");
    }
  }
  const auto table = AbsmaxTable::Make(GridOf("float4_e2m1fn"), kNormal, 10).value();
  EXPECT_EQ(DecimalText(table.At(16).mse, 3), "0.00886");
  EXPECT_EQ(DecimalText(table.At(32).mse, 4), "0.01022");
}

// The largest group for which absmax is not worse than the best scale in deviations.
TEST(FiguresTest, CrossoverGroups) {
  struct Crossover {
    const char* format;
    std::uint64_t last_group;
  };
  for (const Crossover& crossover : {Crossover{"int2", 6},
                                     {"int3", 30},
                                     {"int4", 109},
                                     {"float4_e2m1fn", 410},
                                     {"int6", 1297}}) {
    const Grid grid = GridOf(crossover.format);
    const auto table = AbsmaxTable::Make(grid, kNormal, 8).value();
    const auto worse = table.FirstWorseThan(Best(grid).mse, 1 << 20);
    ASSERT_TRUE(worse.has_value()) << crossover.format;
    EXPECT_EQ(*worse - 1, crossover.last_group) << crossover.format;
  }
  // With the clip that the public code searches in steps, which is not quite the best.
  const Grid grid = GridOf("float4_e2m1fn");
  const Dyadic scale = Ratio(StatqatGridSearchedClip(grid, 8), grid.highest());
  const auto table = AbsmaxTable::Make(grid, kNormal, 8).value();
  EXPECT_EQ(table.FirstWorseThan(ErrorAtScale(grid, kNormal, scale, kDigits).mse, 1 << 20), 416u);
}

TEST(FiguresTest, ClipRules) {
  const char* const aciq[] = {"1.71064", "2.15159", "2.55914", "2.9362",
                              "3.28691", "3.61511", "3.92404"};
  for (int bits = 2; bits <= 8; ++bits) {
    EXPECT_EQ(DecimalText(AciqNormalClip(bits, kDigits), 6), aciq[bits - 2]);
  }
  // W(48), W(768) and W(3 * 2^16).
  EXPECT_EQ(DecimalText(AciqLaplaceClip(2, kDigits), 7), "2.830683");
  EXPECT_EQ(DecimalText(AciqLaplaceClip(4, kDigits), 7), "5.02864");
  EXPECT_EQ(DecimalText(AciqLaplaceClip(8, kDigits), 7), "9.89676");
  // OCTAV counts the rounding error of clipped weights out, so it clips a little later than ACIQ.
  EXPECT_EQ(DecimalText(OctavClip(kNormal, 4, kDigits), 7), "2.56209");
  // 3.212 - 2.178 sqrt(2 / pi), 12.68 - 12.80 sqrt(2 / pi), 2 sqrt(2 / pi) / sqrt 7.
  EXPECT_EQ(DecimalText(*SawbClip(kNormal, 2, kDigits), 7), "1.474207");
  EXPECT_EQ(DecimalText(*SawbClip(kNormal, 4, kDigits), 7), "2.467078");
  EXPECT_FALSE(SawbClip(kNormal, 3, kDigits).has_value());
  EXPECT_EQ(DecimalText(LsqInitialStep(kNormal, 7, kDigits), 7), "0.603144");
}

}  // namespace
}  // namespace ulproof::reference
