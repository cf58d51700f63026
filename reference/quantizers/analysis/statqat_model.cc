// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/statqat_model.h"

#include <vector>

#include "reference/quantizers/analysis/law_moments.h"
#include "reference/quantizers/analysis/solve.h"

namespace ulproof::reference {
namespace {

constexpr long kSearchPoints = 10'000;
constexpr int kScanBits = 96;

// The squared error of both tails beyond C.
Number ClippingNoise(const LawMoments& law, const Number& clip) {
  return 2 * law.At(clip).SquareBeyond(clip);
}

// Values of a grid one step apart: a run of equal steps.
struct Run {
  Dyadic low, high, step;
};

std::vector<Run> RunsOf(const Grid& grid) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i + 1 < grid.values.size(); ++i) {
    const Dyadic step = grid.values[i + 1] - grid.values[i];
    if (!runs.empty() && runs.back().step == step) {
      runs.back().high = grid.values[i + 1];
    } else {
      runs.push_back({grid.values[i], grid.values[i + 1], step});
    }
  }
  return runs;
}

class GridModel {
 public:
  GridModel(const Grid& grid, int bits)
      : law_(WeightLaw::kNormal, bits), largest_(grid.highest(), bits) {
    ULPROOF_CHECK(grid.IsSymmetric());
    for (const Run& run : RunsOf(grid)) {
      runs_.push_back({Number(run.low, bits), Number(run.high, bits), Number(run.step, bits)});
    }
  }

  Number NoiseAt(const Number& clip) const {
    const Number s = clip / largest_;
    Number granular(0, clip.precision_bits());
    for (const NumberRun& run : runs_) {
      granular += run.step * run.step * (Below(s * run.high) - Below(s * run.low));
    }
    return ClippingNoise(law_, clip) + s * s * granular / 12;
  }

  // d noise / dC.
  Number SlopeAt(const Number& clip) const {
    const Number s = clip / largest_;
    const TailMoments beyond = law_.At(clip);
    Number granular(0, clip.precision_bits());
    for (const NumberRun& run : runs_) {
      const Number mass = Below(s * run.high) - Below(s * run.low);
      const Number ends = s * run.high * Density(s * run.high) - s * run.low * Density(s * run.low);
      granular += run.step * run.step * (2 * mass + ends);
    }
    return s * granular / (12 * largest_) - 4 * (beyond.first - clip * beyond.tail);
  }

 private:
  struct NumberRun {
    Number low, high, step;
  };
  Number Below(const Number& x) const {
    return x.sign() < 0 ? law_.At(-x).tail : 1 - law_.At(x).tail;
  }
  Number Density(const Number& x) const { return law_.At(Abs(x)).density; }

  LawMoments law_;
  Number largest_;
  std::vector<NumberRun> runs_;
};

Number SearchPoint(long k, int bits) { return 1 + Number(99 * k, bits) / (kSearchPoints - 1); }

}  // namespace

Dyadic StatqatUniformNoise(int levels, const Dyadic& clip, int digits) {
  ULPROOF_CHECK(levels >= 2 && clip.sign() > 0);
  const int bits = WorkingBits(digits);
  const LawMoments law(WeightLaw::kNormal, bits);
  const Number c(clip, bits);
  return (ClippingNoise(law, c) + c * c / (3l * (levels - 1) * (levels - 1))).ToDyadic();
}

Dyadic StatqatUniformClip(int levels, int digits) {
  ULPROOF_CHECK(levels >= 2);
  const int bits = WorkingBits(digits);
  const LawMoments law(WeightLaw::kNormal, bits);
  const Number target = 1 / (6 * Number(levels - 1, bits) * (levels - 1));
  const auto condition = [&](const Number& c) {
    const TailMoments beyond = law.At(c);
    return beyond.density / c - beyond.tail - target;
  };
  return SolveBetween(condition, Number(1, bits) / 2, Number(64, bits)).ToDyadic();
}

Dyadic StatqatGridNoise(const Grid& grid, const Dyadic& clip, int digits) {
  ULPROOF_CHECK(clip.sign() > 0);
  const int bits = WorkingBits(digits);
  return GridModel(grid, bits).NoiseAt(Number(clip, bits)).ToDyadic();
}

Dyadic StatqatGridClip(const Grid& grid, int digits) {
  const int bits = WorkingBits(digits);
  const GridModel scan(grid, kScanBits);
  const GridModel model(grid, bits);
  const Number ratio = Exp(Log(Number(2, kScanBits)) / 32);
  Number low = Number(1, kScanBits) / 4;
  int sign_low = scan.SlopeAt(low).sign();
  Number best_low(0, kScanBits), best_high(0, kScanBits), best_noise(2, kScanBits);
  while (low < 256) {
    const Number high = low * ratio;
    const int sign_high = scan.SlopeAt(high).sign();
    if (sign_low < 0 && sign_high >= 0) {
      const Number c = SolveBetween([&](const Number& x) { return scan.SlopeAt(x); }, low, high);
      const Number noise = scan.NoiseAt(c);
      if (noise < best_noise) {
        best_low = low;
        best_high = high;
        best_noise = noise;
      }
    }
    low = high;
    sign_low = sign_high;
  }
  ULPROOF_CHECK(best_low.sign() > 0);
  return SolveBetween([&](const Number& x) { return model.SlopeAt(x); },
                      Number(best_low.ToDyadic(), bits), Number(best_high.ToDyadic(), bits))
      .ToDyadic();
}

Dyadic StatqatUniformSearchedClip(int levels, int digits) {
  // The noise has one minimum, so the best point is one of the two beside it.
  const int bits = WorkingBits(digits);
  const Number optimum(StatqatUniformClip(levels, digits), bits);
  const long near = ((optimum - 1) * (kSearchPoints - 1) / 99).ToNearestInteger();
  Dyadic best;
  Dyadic best_noise = Dyadic::FromInteger(2);
  for (long k = std::max(0l, near - 1); k <= std::max(0l, near + 1); ++k) {
    const Dyadic point = SearchPoint(k, bits).ToDyadic();
    const Dyadic noise = StatqatUniformNoise(levels, point, digits);
    if (noise < best_noise) {
      best_noise = noise;
      best = point;
    }
  }
  return best;
}

Dyadic StatqatGridSearchedClip(const Grid& grid, int digits) {
  const int bits = WorkingBits(digits);
  const GridModel model(grid, bits);
  Number best(0, bits), best_noise(2, bits);
  for (long k = 0; k < kSearchPoints; ++k) {
    const Number point = SearchPoint(k, bits);
    const Number noise = model.NoiseAt(point);
    if (noise < best_noise) {
      best_noise = noise;
      best = point;
    }
  }
  return best.ToDyadic();
}

}  // namespace ulproof::reference
