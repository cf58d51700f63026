// SPDX-License-Identifier: Apache-2.0
// The closed forms of the error analysis against second definitions: sums over cells by numerical
// integration in binary64, golden section instead of stationarity, brute force over scales, random
// weights with stated bounds. Catches a formula that is wrong and agrees with the figures by luck.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "reference/quantizers/analysis/absmax.h"
#include "reference/quantizers/analysis/block_error.h"
#include "reference/quantizers/analysis/clip_rules.h"
#include "reference/quantizers/analysis/empirical.h"
#include "reference/quantizers/analysis/law_moments.h"
#include "reference/quantizers/analysis/lloyd_max.h"
#include "reference/quantizers/analysis/scale_optimum.h"
#include "reference/quantizers/analysis/statqat_model.h"

namespace ulproof::reference {
namespace {

constexpr int kDigits = 20;

double Double(const Dyadic& x) { return std::stod(DecimalText(x, 17)); }
Dyadic Exactly(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return Dyadic(static_cast<std::int64_t>(std::ldexp(fraction, 53)), exponent - 53);
}
Grid GridOf(const std::string& name) { return ParseGrid(name).value(); }

std::vector<double> ValuesOf(const Grid& grid) {
  std::vector<double> values;
  for (const Dyadic& value : grid.values) values.push_back(Double(value));
  return values;
}

double Density(WeightLaw law, double x) {
  switch (law) {
    case WeightLaw::kNormal:
      return std::exp(-x * x / 2) / std::sqrt(2 * M_PI);
    case WeightLaw::kLaplace:
      return std::exp(-std::sqrt(2.0) * std::fabs(x)) / std::sqrt(2.0);
    case WeightLaw::kUniform:
      break;
  }
  return std::fabs(x) <= std::sqrt(3.0) ? 1 / (2 * std::sqrt(3.0)) : 0;
}
double EndOf(WeightLaw law) {
  return law == WeightLaw::kUniform ? std::sqrt(3.0) : law == WeightLaw::kNormal ? 12 : 45;
}

// Gauss-Legendre with 5 points on `parts` parts.
double Integral(const std::function<double(double)>& f, double low, double high, int parts) {
  constexpr double kNodes[] = {0, 0.5384693101056831, 0.9061798459386640};
  constexpr double kWeights[] = {0.5688888888888889, 0.4786286704993665, 0.2369268850561891};
  const double half = (high - low) / parts / 2;
  double sum = 0;
  for (int i = 0; i < parts; ++i) {
    const double middle = low + (2 * i + 1) * half;
    sum += kWeights[0] * f(middle);
    for (int k = 1; k < 3; ++k) {
      sum += kWeights[k] * (f(middle - half * kNodes[k]) + f(middle + half * kNodes[k]));
    }
  }
  return sum * half;
}

double Nearest(const std::vector<double>& values, double x) {
  const auto above = std::ranges::lower_bound(values, x);
  if (above == values.begin()) return *above;
  if (above == values.end()) return values.back();
  return *above - x < x - *(above - 1) ? *above : *(above - 1);
}

// E (x - s q)^2, cell by cell; with `clipped`, only beyond the grid's ends.
double ErrorByCells(const std::vector<double>& values, WeightLaw law, double s, bool clipped) {
  const double end = EndOf(law);
  std::vector<double> cuts = {-end, end, 0};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) cuts.push_back(s * (values[i - 1] + values[i]) / 2);
  }
  cuts.push_back(s * values.front());
  cuts.push_back(s * values.back());
  std::erase_if(cuts, [&](double x) { return std::fabs(x) > end; });
  std::ranges::sort(cuts);
  double sum = 0;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    if (cuts[i + 1] - cuts[i] < 1e-15) continue;
    const double middle = (cuts[i] + cuts[i + 1]) / 2;
    const bool beyond = middle < s * values.front() || middle > s * values.back();
    if (clipped && !beyond) continue;
    const double q = s * Nearest(values, middle / s);
    const int parts = 1 + static_cast<int>((cuts[i + 1] - cuts[i]) * 16);
    sum += Integral([&](double x) { return (x - q) * (x - q) * Density(law, x); }, cuts[i],
                    cuts[i + 1], parts);
  }
  return sum;
}

// All three laws, grids with and without zero, lopsided, unsigned, and of every family.
TEST(SecondWayTest, ErrorsAreThoseOfNumericalIntegration) {
  for (const char* name : {"int1", "int2", "int5", "uniform2", "uniform7", "uniform16",
                           "float4_e2m1fn", "float4_e3m0", "float6_e3m2fn", "e3m1fnuz", "e2m2"}) {
    const Grid grid = GridOf(name);
    const std::vector<double> values = ValuesOf(grid);
    for (const WeightLaw law : kWeightLaws) {
      for (const double clip : {0.3, 1.1, 2.7, 9.0}) {
        const double s = clip / Double(grid.Reach());
        const ScaleError error = ErrorAtScale(grid, law, Exactly(s), kDigits);
        EXPECT_NEAR(Double(error.mse), ErrorByCells(values, law, s, false), 1e-12) << name;
        EXPECT_NEAR(Double(error.clipping), ErrorByCells(values, law, s, true), 1e-12) << name;
        EXPECT_EQ(DecimalText(error.granular + error.clipping, 15), DecimalText(error.mse, 15));
      }
    }
  }
  // One that has no value below 2^-127: all negative weights are clipped there.
  const Grid unsigned_grid = GridOf("float8_e8m0fnu");
  const ScaleError error =
      ErrorAtScale(unsigned_grid, WeightLaw::kNormal, Dyadic::FromInteger(1), kDigits);
  EXPECT_NEAR(Double(error.clipping), 0.5, 1e-15);
}

// The tail by Taylor series against MPFR's erfc.
TEST(SecondWayTest, TailsAreErfc) {
  for (const int bits : {64, 160, 700}) {
    const LawMoments law(WeightLaw::kNormal, bits);
    for (long i = 0; i < 400; ++i) {
      const Number u = Number(i * 7919 % 4000, bits) / 401;
      const Number exact = Erfc(Number(u.ToDyadic(), 2 * bits) / Sqrt(Number(2, 2 * bits))) / 2;
      EXPECT_TRUE(Abs(law.At(u).tail - exact) <= Scale2(exact, 10 - bits)) << i;
    }
  }
}

// More digits asked for only add digits.
TEST(SecondWayTest, DigitsAreDigits) {
  const Grid grid = GridOf("int4");
  const auto at = [&](int digits) {
    const auto found = FindScaleMinima(grid, WeightLaw::kNormal,
                                       RangeOfAllMinima(grid, WeightLaw::kNormal), digits)
                           .value();
    return found.minima.at(found.best);
  };
  for (const int digits : {5, 30, 80}) {
    EXPECT_EQ(DecimalText(at(digits).scale, digits), DecimalText(at(200).scale, digits));
    EXPECT_EQ(DecimalText(at(digits).mse, digits), DecimalText(at(200).mse, digits));
  }
  EXPECT_EQ(DecimalText(LloydMaxLevels(WeightLaw::kNormal, 16, 25).mse, 25),
            DecimalText(LloydMaxLevels(WeightLaw::kNormal, 16, 60).mse, 25));
}

// Golden section on the closed error, which knows nothing of the stationarity condition.
TEST(SecondWayTest, BestScaleByGoldenSection) {
  for (const char* name : {"int2", "int4", "uniform8", "float4_e2m1fn"}) {
    const Grid grid = GridOf(name);
    for (const WeightLaw law : {WeightLaw::kNormal, WeightLaw::kLaplace}) {
      const auto found = FindScaleMinima(grid, law, RangeOfAllMinima(grid, law), kDigits).value();
      ASSERT_EQ(found.minima.size(), 1u);
      const double best = Double(found.minima[0].scale);
      const auto error = [&](double s) { return ErrorAtScale(grid, law, Exactly(s), 40).mse; };
      const double ratio = (std::sqrt(5.0) - 1) / 2;
      double low = best * 0.97, high = best * 1.02;
      for (int i = 0; i < 64 && high - low > 1e-13; ++i) {
        const double a = high - ratio * (high - low), b = low + ratio * (high - low);
        (error(a) < error(b) ? high : low) = error(a) < error(b) ? b : a;
      }
      EXPECT_NEAR(low, best, 1e-12) << name;
    }
  }
}

// The list of local minima against every dip of the closed error on a fine grid of scales. Would
// catch an interval that was passed over with a minimum in it, and one counted twice.
TEST(SecondWayTest, TheListOfMinimaIsComplete) {
  for (const char* name : {"float4_e3m0", "int3", "float4_e2m1fn", "e3m1", "uniform2", "int2"}) {
    const Grid grid = GridOf(name);
    for (const WeightLaw law : kWeightLaws) {
      const ScaleRange range = RangeOfAllMinima(grid, law);
      const auto found = FindScaleMinima(grid, law, range, kDigits).value();
      // Twice as wide a range on both sides has no other.
      const auto wide =
          FindScaleMinima(grid, law, {range.low.Scale2(-1), range.high.Scale2(1)}, kDigits);
      if (wide) {
        EXPECT_EQ(wide->minima.size(), found.minima.size()) << name;
      }
      std::vector<Dyadic> scales;
      const double low = Double(range.low) / 2, high = Double(range.high) * 1.5;
      for (int i = 0; i <= 1500; ++i) {
        scales.push_back(Exactly(low * std::pow(high / low, i / 1500.0)));
      }
      const auto errors = ErrorsAtScales(grid, law, scales, 12);
      std::vector<double> dips;
      for (std::size_t i = 1; i + 1 < scales.size(); ++i) {
        if (errors[i].mse < errors[i - 1].mse && errors[i].mse <= errors[i + 1].mse) {
          dips.push_back(Double(scales[i]));
        }
      }
      ASSERT_EQ(dips.size(), found.minima.size()) << name << " " << WeightLawName(law);
      for (std::size_t i = 0; i < dips.size(); ++i) {
        EXPECT_NEAR(Double(found.minima[i].scale) / dips[i], 1, 0.01) << name;
      }
    }
  }
}

// The least-squares iteration never raises the error, ends where the list has a minimum, and its
// distance shrinks by the rate.
TEST(SecondWayTest, IterationConvergesAtItsRate) {
  const Grid grid = GridOf("int3");
  const auto found =
      FindScaleMinima(grid, WeightLaw::kNormal, RangeOfAllMinima(grid, WeightLaw::kNormal), kDigits)
          .value();
  const Dyadic best = found.minima.at(0).scale;
  Dyadic s = Dyadic::FromInteger(1);
  Dyadic error = ErrorAtScale(grid, WeightLaw::kNormal, s, kDigits).mse;
  for (int step = 0; step < 60; ++step) {
    const Dyadic next = IterateScale(grid, WeightLaw::kNormal, s, 1, kDigits);
    const Dyadic next_error = ErrorAtScale(grid, WeightLaw::kNormal, next, kDigits).mse;
    EXPECT_LT(next_error, error);
    if (step == 59) {
      EXPECT_NEAR(Double(next - best) / Double(s - best), Double(found.minima[0].rate), 1e-6);
    }
    s = next;
    error = next_error;
  }
}

// Lloyd-Max: no level can be moved to a smaller error, and a single level, two levels and the
// uniform law have known answers.
TEST(SecondWayTest, LloydMaxLevelsAreOptimal) {
  for (const WeightLaw law : kWeightLaws) {
    EXPECT_EQ(DecimalText(LloydMaxLevels(law, 1, kDigits).mse, 12), "1");
    for (const int levels : {2, 3, 6, 7}) {
      const LloydMax best = LloydMaxLevels(law, levels, kDigits);
      ASSERT_EQ(best.levels.size(), static_cast<std::size_t>(levels));
      std::vector<double> values;
      for (const Dyadic& level : best.levels) values.push_back(Double(level));
      const double error = ErrorByCells(values, law, 1, false);
      EXPECT_NEAR(Double(best.mse), error, 1e-12);
      for (double& value : values) {
        for (const double step : {-1e-3, 1e-3}) {
          value += step;
          EXPECT_GT(ErrorByCells(values, law, 1, false), error);
          value -= step;
        }
      }
    }
  }
  EXPECT_EQ(DecimalText(LloydMaxLevels(WeightLaw::kUniform, 64, kDigits).mse, 12),
            "0.000244140625");
}

// StatQAT's models from their definitions, and that the clips are the least points of them.
TEST(SecondWayTest, StatqatModels) {
  const auto normal_above = [](double x) { return std::erfc(x / std::sqrt(2.0)) / 2; };
  const auto uniform = [&](int n, double c) {
    return 2 * (1 + c * c) * normal_above(c) - c * std::sqrt(2 / M_PI) * std::exp(-c * c / 2) +
           c * c / (3.0 * (n - 1) * (n - 1));
  };
  // e2m1 in the paper's form: edges 0, 2, 4, 6 with steps 1/2, 1, 2.
  const auto e2m1 = [&](double c) {
    const double s = c / 6;
    double sum = 2 * (1 + c * c) * normal_above(c) - c * std::sqrt(2 / M_PI) * std::exp(-c * c / 2);
    const double edges[] = {0, 2, 4, 6}, steps[] = {0.5, 1, 2};
    for (int r = 0; r < 3; ++r) {
      sum += 2 * s * s * steps[r] * steps[r] / 12 *
             (normal_above(s * edges[r]) - normal_above(s * edges[r + 1]));
    }
    return sum;
  };
  const Grid grid = GridOf("float4_e2m1fn");
  for (const double c : {0.7, 1.9, 2.87, 4.5}) {
    EXPECT_NEAR(Double(StatqatUniformNoise(16, Exactly(c), kDigits)), uniform(16, c), 1e-14);
    EXPECT_NEAR(Double(StatqatGridNoise(grid, Exactly(c), kDigits)), e2m1(c), 1e-14);
  }
  const auto least = [](const std::function<double(double)>& f, const Dyadic& at) {
    const double c = Double(at);
    return f(c) < f(c - 1e-5) && f(c) < f(c + 1e-5);
  };
  for (const int n : {2, 4, 16, 256}) {
    EXPECT_TRUE(least([&](double c) { return uniform(n, c); }, StatqatUniformClip(n, kDigits)));
  }
  EXPECT_TRUE(least(e2m1, StatqatGridClip(grid, kDigits)));
  // The public code's points lie 99 / 9999 apart.
  for (const Dyadic& point :
       {StatqatUniformSearchedClip(16, kDigits), StatqatGridSearchedClip(grid, 8)}) {
    const double k = (Double(point) - 1) * 9999 / 99;
    EXPECT_NEAR(k, std::round(k), 1e-6);
  }
  EXPECT_NEAR(Double(StatqatGridSearchedClip(grid, 8)), Double(StatqatGridClip(grid, 8)), 0.00496);
}

// OCTAV's fixed point is where its iteration stops.
TEST(SecondWayTest, OctavIsAFixedPoint) {
  for (const WeightLaw law : kWeightLaws) {
    const double c = Double(OctavClip(law, 4, kDigits));
    const double end = EndOf(law);
    const auto p = [&](double x) { return 2 * Density(law, x); };
    const double mean = Integral([&](double x) { return x * p(x); }, c, std::max(c, end), 4000);
    const double beyond = Integral(p, c, std::max(c, end), 4000);
    EXPECT_NEAR(mean / ((1 - beyond) / 768 + beyond), c, 1e-9);
  }
}

struct Sampled {
  double mean, deviation;  // Of the mean.
};
Sampled SampleMean(int count, const std::function<double()>& draw) {
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const double x = draw();
    sum += x;
    squares += x * x;
  }
  const double mean = sum / count;
  return {mean, std::sqrt((squares / count - mean * mean) / count)};
}

// Groups of random weights, quantized one by one. A right formula fails with a chance of 1e-8.
TEST(SecondWayTest, AbsmaxAndBlocksByRandomWeights) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  std::vector<double> group;
  const auto draw_group = [&](std::size_t n) {
    group.resize(n);
    double largest = 0;
    for (double& x : group) largest = std::max(largest, std::fabs(x = normal(random)));
    return largest;
  };
  const auto group_error = [&](const std::vector<double>& values, double s) {
    double sum = 0;
    for (const double x : group) {
      const double error = x - s * Nearest(values, x / s);
      sum += error * error;
    }
    return sum / static_cast<double>(group.size());
  };
  const auto expect_near = [](const Sampled& sampled, const Dyadic& exact,
                              const std::string& what) {
    EXPECT_NEAR(sampled.mean, Double(exact), 5.7 * sampled.deviation) << what;
    EXPECT_LT(sampled.deviation, 0.02 * sampled.mean) << what;
  };
  for (const char* name : {"int2", "int4", "uniform16", "float4_e2m1fn"}) {
    const Grid grid = GridOf(name);
    const std::vector<double> values = ValuesOf(grid);
    const double reach = (values.back() - values.front()) / 2;
    const auto table = AbsmaxTable::Make(grid, WeightLaw::kNormal, 8).value();
    for (const int n : {2, 16, 100}) {
      const AbsmaxError exact = table.At(static_cast<std::uint64_t>(n));
      EXPECT_LT(Double(exact.difference), 1e-10 * Double(exact.mse));
      expect_near(SampleMean(200'000 / n,
                             [&] {
                               const double largest = draw_group(static_cast<std::size_t>(n));
                               return group_error(values, largest / reach);
                             }),
                  exact.mse, name);
    }
  }
  const std::vector<double> e2m1 = ValuesOf(GridOf("float4_e2m1fn"));
  const std::vector<double> e4m3 = ValuesOf(GridOf("float8_e4m3fn"));
  expect_near(SampleMean(10'000,
                         [&] {
                           const double largest = draw_group(32);
                           return group_error(e2m1, std::exp2(std::floor(std::log2(largest)) - 2));
                         }),
              MxFloorError(formats::ParseBlockFormat("mxfp4").value(), WeightLaw::kNormal, 8),
              "mxfp4");
  const double tensor_max = 4.5;
  expect_near(SampleMean(20'000,
                         [&] {
                           const double largest = draw_group(16);
                           const double unit = tensor_max / 448;
                           return group_error(e2m1, Nearest(e4m3, largest / unit) * unit / 6);
                         }),
              Nvfp4Error(WeightLaw::kNormal, Exactly(tensor_max), 8), "nvfp4");
}

// A group of one: absmax keeps it exactly, but two's complement is half a step off.
TEST(SecondWayTest, AbsmaxOfOne) {
  const auto e2m1 = AbsmaxTable::Make(GridOf("float4_e2m1fn"), WeightLaw::kNormal, 8).value();
  EXPECT_LT(Double(e2m1.At(1).mse), 1e-30);
  const auto int2 = AbsmaxTable::Make(GridOf("int2"), WeightLaw::kNormal, 8).value();
  EXPECT_EQ(DecimalText(int2.At(1).mse, 8), "0.11111111");  // E (|x| / 3)^2.
  EXPECT_FALSE(AbsmaxTable::Make(GridOf("float8_e8m0fnu"), WeightLaw::kNormal, 8).ok());
}

// A list of weights with ties, zeros and both signs: the exact sums against a loop over all values,
// and the minima against the least-squares scale of the codes between any two crossings, made anew
// there by rounding every weight.
TEST(SecondWayTest, EmpiricalMinimaByBruteForce) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  for (const char* name : {"int2", "float4_e2m1fn", "uniform4"}) {
    const Grid grid = GridOf(name);
    const std::vector<double> values = ValuesOf(grid);
    std::vector<Dyadic> weights = {Dyadic()};
    for (int i = 0; i < 40; ++i) {
      weights.emplace_back(static_cast<std::int64_t>(std::lround(normal(random) * 64)), -6);
    }
    const auto error = [&](double s) {
      double sum = 0;
      for (const Dyadic& w : weights) {
        const double x = Double(w), difference = x - s * Nearest(values, x / s);
        sum += difference * difference;
      }
      return sum;
    };
    for (const double s : {0.01, 0.4, 0.7, 3.0}) {
      const EmpiricalError sums = EmpiricalErrorAtScale(grid, weights, Exactly(s));
      EXPECT_NEAR(Double(sums.error), error(s), 1e-11);
      EXPECT_EQ(sums.error, sums.granular + sums.clipping);
    }
    const auto found = FindEmpiricalMinima(grid, weights);
    ASSERT_TRUE(found.ok());
    const auto scale = [&](std::size_t i) {
      return Double(QuotientToOdd(found->minima[i].a, found->minima[i].b, 80));
    };
    std::vector<double> crossings = {1e-9, 1e9};
    for (const Dyadic& w : weights) {
      for (std::size_t i = 0; i + 1 < values.size(); ++i) {
        const double edge = (values[i] + values[i + 1]) / 2;
        if (Double(w) * edge > 0) crossings.push_back(Double(w) / edge);
      }
    }
    std::ranges::sort(crossings);
    std::vector<double> expected;
    for (std::size_t i = 0; i + 1 < crossings.size(); ++i) {
      if (crossings[i + 1] - crossings[i] < 1e-12) continue;
      const double between = std::sqrt(crossings[i] * crossings[i + 1]);
      double a = 0, b = 0;
      for (const Dyadic& w : weights) {
        if (w.is_zero()) continue;
        const double q = Nearest(values, Double(w) / between);
        a += Double(w) * q;
        b += q * q;
      }
      if (b > 0 && crossings[i] < a / b && a / b < crossings[i + 1]) expected.push_back(a / b);
    }
    ASSERT_EQ(found->minima.size(), expected.size()) << name;
    std::size_t best = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(scale(i), expected[i], 1e-12) << name;
      if (error(scale(i)) < error(scale(best))) best = i;
    }
    EXPECT_EQ(found->best, best);
  }
}

TEST(SecondWayTest, BadInputIsRefused) {
  const Grid grid = GridOf("int2");
  EXPECT_FALSE(FindEmpiricalMinima(grid, {}).ok());
  const std::vector<Dyadic> zeros(3);
  EXPECT_FALSE(FindEmpiricalMinima(grid, zeros).ok());
  for (const char* name :
       {"int0", "int17", "uniform1", "int", "uniform", "float32", "int-3", "x"}) {
    EXPECT_FALSE(ParseGrid(name).ok()) << name;
  }
  for (const char* text : {"", "x", "1x", "inf", "nan", "0x10", "1e", " 1"}) {
    EXPECT_FALSE(ParseDecimal(text, 10).ok()) << text;
  }
  EXPECT_EQ(DecimalText(ParseDecimal("-12.50e-2", 10).value(), 10), "-0.125");
  EXPECT_EQ(DecimalText(ParseDecimal("1e-7", 10).value(), 10), "1e-7");
  EXPECT_EQ(DecimalText(ParseDecimal("123456", 10).value(), 4), "1.235e+5");
}

}  // namespace
}  // namespace ulproof::reference
