// SPDX-License-Identifier: Apache-2.0
// What StatQAT [StatQAT] says of its scales, decided by the exact error analysis: from which group
// size on the analytic scale beats MinMax, the condition for its clip, how far its error model is
// from the truth, and where its iteration ends.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "proofs/claims.h"
#include "reference/quantizers/analysis/absmax.h"
#include "reference/quantizers/analysis/clip_rules.h"
#include "reference/quantizers/analysis/scale_optimum.h"
#include "reference/quantizers/analysis/statqat_model.h"

namespace ulproof::proofs {
namespace {

using reference::Dyadic;
using reference::Grid;
using reference::WeightLaw;

constexpr int kDigits = 12;
constexpr WeightLaw kNormal = WeightLaw::kNormal;
constexpr std::uint64_t kLargestGroup = 1 << 20;

Grid GridOf(std::string_view name) { return reference::ParseGrid(name).value(); }

Dyadic Ratio(const Dyadic& a, const Dyadic& b) { return QuotientToOdd(a, b, 160); }

// 2 C / (N - 1) for integers, C / C_max for formats.
Dyadic AnalyticScale(const Grid& grid) {
  if (grid.name.starts_with("int")) {
    const auto levels = static_cast<int>(grid.values.size());
    return Ratio(reference::StatqatUniformClip(levels, kDigits).Scale2(1),
                 Dyadic::FromInteger(levels - 1));
  }
  return Ratio(StatqatGridClip(grid, kDigits), grid.highest());
}

std::string Decibels(const Dyadic& noise) { return DecimalText(SnrDb(noise, kDigits), 6) + " dB"; }

// In groups of `least` weights or more.
Outcome AnalyticAgainstMinMax(Depth depth, std::uint64_t least) {
  Outcome outcome;
  for (const std::string_view name :
       {"int2", "int3", "int4", "float4_e2m1fn", "int6", "float6_e2m3fn", "int8"}) {
    const bool is_large = name == "int6" || name == "float6_e2m3fn" || name == "int8";
    if (is_large && depth == Depth::kQuick) continue;
    const Grid grid = GridOf(name);
    const Dyadic analytic = ErrorAtScale(grid, kNormal, AnalyticScale(grid), kDigits).mse;
    const auto table = reference::AbsmaxTable::Make(grid, kNormal, 8).value();
    const auto first = table.FirstWorseThan(analytic, kLargestGroup);
    const std::uint64_t crossover = first.value_or(kLargestGroup);
    // MinMax only gets worse from there on, and was better before.
    const auto check = [&](std::uint64_t group) {
      const Dyadic minmax = table.At(group).mse;
      ++outcome.cases;
      if (minmax > analytic) return;
      if (outcome.counterexample.empty()) {
        outcome.counterexample =
            fmt::format("{}, groups of {}: MinMax has {}, the analytic scale {}", name, group,
                        Decibels(minmax), Decibels(analytic));
      }
      outcome.verdict = Verdict::kHoldsOnlyIf;
    };
    for (std::uint64_t group = 1; group <= kLargestGroup; group *= 2) {
      if (group >= least) check(group);
    }
    for (const std::uint64_t group : {crossover - 1, crossover, crossover + 1}) {
      if (group >= least) check(group);
    }
    outcome.condition +=
        fmt::format("{}{} from {}", outcome.condition.empty() ? "" : ", ", name, crossover);
  }
  if (outcome.verdict == Verdict::kHolds) {
    outcome.condition.clear();
  } else {
    outcome.condition = "a group has enough weights: " + outcome.condition;
  }
  return outcome;
}

// The C of `clip_of` is a least point of the model's noise, for N = 2^b levels.
Outcome LeastPoint(Dyadic (*clip_of)(int bits)) {
  Outcome outcome;
  const Dyadic up(1025, -10), down(1023, -10);
  for (int bits = 1; bits <= 16; ++bits) {
    const Dyadic clip = clip_of(bits);
    const auto noise = [&](const Dyadic& c) {
      return reference::StatqatUniformNoise(1 << bits, c, 20);
    };
    const Dyadic here = noise(clip);
    // The noise is convex where its derivative 4 C (1 / (6 (N-1)^2) - phi(C)/C + Q(C)) changes sign
    // once, so a least point among three is one next to the only minimum; narrower by 2^-20 too.
    for (const Dyadic& factor :
         {up, down, Dyadic((1 << 20) + 1, -20), Dyadic((1 << 20) - 1, -20)}) {
      outcome.Check(here < noise(clip * factor), [&] {
        return fmt::format("{} levels: C = {} has more noise than {}", 1 << bits,
                           DecimalText(clip, 8), DecimalText(clip * factor, 8));
      });
    }
  }
  return outcome;
}

Dyadic ModelClip(int bits) { return reference::StatqatUniformClip(1 << bits, 30); }
Dyadic AciqClip(int bits) { return reference::AciqNormalClip(bits, 30); }

// The model's SNR and the exact one of its scale differ by less than 0.1 dB, from `least_bits` on.
Outcome ModelAgainstExact(int least_bits) {
  Outcome outcome;
  int first_good = 9;
  for (int bits = 8; bits >= least_bits; --bits) {
    const Grid grid = reference::IntegerGrid(bits);
    const Dyadic clip = reference::StatqatUniformClip(1 << bits, kDigits);
    const Dyadic model = SnrDb(reference::StatqatUniformNoise(1 << bits, clip, kDigits), kDigits);
    const Dyadic exact =
        SnrDb(ErrorAtScale(grid, kNormal, AnalyticScale(grid), kDigits).mse, kDigits);
    const Dyadic difference = model - exact;
    ++outcome.cases;
    outcome.figures += fmt::format("{}int{} {}", outcome.figures.empty() ? "too high by " : ", ",
                                   bits, DecimalText(difference, 3));
    if (difference.Abs() * Dyadic::FromInteger(10) < Dyadic::FromInteger(1)) {
      first_good = bits;
      continue;
    }
    outcome.verdict = Verdict::kHoldsOnlyIf;
    outcome.counterexample = fmt::format("int{}: the model says {} dB, exact are {} dB", bits,
                                         DecimalText(model, 5), DecimalText(exact, 5));
  }
  if (outcome.verdict == Verdict::kHoldsOnlyIf) {
    outcome.condition = fmt::format("the integers have at least {} bits", first_good);
  }
  return outcome;
}

// From the analytic scale the iteration ends at the global minimum. `names`: the formats.
Outcome EndsAtBest(std::initializer_list<std::string_view> names) {
  Outcome outcome;
  for (const std::string_view name : names) {
    const Grid grid = GridOf(name);
    const auto found =
        FindScaleMinima(grid, kNormal, RangeOfAllMinima(grid, kNormal), kDigits).value();
    const reference::ScaleMinimum& best = found.minima.at(found.best);
    const Dyadic end = IterateScale(grid, kNormal, AnalyticScale(grid), 600, kDigits);
    const Dyadic distance = (end - best.scale).Abs();
    outcome.Check(distance * Dyadic::FromInteger(1000) < best.scale, [&] {
      return fmt::format("{}: it ends at {}, {} are possible", name,
                         Decibels(ErrorAtScale(grid, kNormal, end, kDigits).mse),
                         Decibels(best.mse));
    });
  }
  return outcome;
}

// A step of s + factor (A / B - s) never raises the error.
Outcome Descends(int factor) {
  Outcome outcome;
  for (const std::string_view name : {"int2", "int4", "float4_e2m1fn", "float4_e3m0"}) {
    const Grid grid = GridOf(name);
    for (const WeightLaw law : reference::kWeightLaws) {
      for (int k = 0; k < 24; ++k) {
        const Dyadic s = Dyadic(k % 3 + 4, k / 3 - 8);
        const Dyadic step = IterateScale(grid, law, s, 1, kDigits) - s;
        const Dyadic next = s + step * Dyadic::FromInteger(factor);
        if (next.sign() <= 0) continue;
        const Dyadic before = ErrorAtScale(grid, law, s, kDigits).mse;
        const Dyadic after = ErrorAtScale(grid, law, next, kDigits).mse;
        // Equal up to rounding where the step is 0.
        outcome.Check(after - before <= Dyadic(1, -60), [&] {
          return fmt::format("{}, {} weights: from scale {} the SNR falls from {} to {}", name,
                             WeightLawName(law), DecimalText(s, 6), Decibels(before),
                             Decibels(after));
        });
      }
    }
  }
  return outcome;
}

}  // namespace

Outcome StatqatBeatsMinMax(Depth depth) { return AnalyticAgainstMinMax(depth, 1); }
Outcome StatqatBeatsMinMaxVariant(Depth depth) { return AnalyticAgainstMinMax(depth, 1 << 14); }
Outcome StatqatCondition(Depth) { return LeastPoint(ModelClip); }
Outcome StatqatConditionVariant(Depth) { return LeastPoint(AciqClip); }
Outcome StatqatModel(Depth) { return ModelAgainstExact(2); }
Outcome StatqatModelVariant(Depth) { return ModelAgainstExact(4); }
Outcome StatqatIterationEnds(Depth) {
  return EndsAtBest({"int2", "int3", "int4", "float4_e2m1fn", "float4_e3m0"});
}
Outcome StatqatIterationEndsVariant(Depth) {
  return EndsAtBest({"int2", "int3", "int4", "float4_e2m1fn"});
}
Outcome StatqatIterationDescends(Depth) { return Descends(1); }
Outcome StatqatIterationDescendsVariant(Depth) { return Descends(8); }

}  // namespace ulproof::proofs
