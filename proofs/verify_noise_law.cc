// SPDX-License-Identifier: Apache-2.0
// The laws of the noise (contract section 5): their exact probabilities by counting every random
// number, the bit-sliced law as a circuit, and how far thresholds, total variation and moments are
// from round(N(0,1) / 2).
#include <fmt/format.h>

#include <array>
#include <mutex>
#include <string>

#include "base/parallel.h"
#include "formats/noise_law.h"
#include "proofs/claims.h"
#include "reference/random/law.h"
#include "reference/random/noise.h"

namespace ulproof::proofs {
namespace {

using formats::ThresholdLaw;
using reference::Rational;

// P(|R| >= k) by counting the numbers of the law, against thresholds[k-1] / 2^bits. Sign and
// magnitude are independent bits, so R and -R are equally likely; that is counted too. `step` 1
// counts all numbers; else R is taken to be constant between two multiples of it that have the same
// R, and 1,000 numbers in between are looked at.
Outcome CountedLaw(const ThresholdLaw& law, const ThresholdLaw& claimed, std::uint64_t step = 1) {
  Outcome outcome;
  const std::uint64_t numbers = std::uint64_t{2} << law.magnitude_bits;
  const auto noise = [&](std::uint64_t u) {
    return reference::ThresholdNoise(law, static_cast<std::uint32_t>(u));
  };
  std::array<std::uint64_t, 7> count = {};  // Of R = -3 .. 3.
  std::mutex mutex;
  base::ParallelFor(numbers / step, 1 << 20, [&](std::uint64_t begin, std::uint64_t end) {
    std::array<std::uint64_t, 7> mine = {};
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::uint64_t first = i * step;
      const int r = noise(first);
      if (step == 1 || noise(first + step - 1) == r) {
        mine[static_cast<std::size_t>(r + 3)] += step;
        continue;
      }
      for (std::uint64_t u = first; u < first + step; ++u) {
        ++mine[static_cast<std::size_t>(noise(u) + 3)];
      }
    }
    const std::lock_guard lock(mutex);
    for (std::size_t r = 0; r < 7; ++r) count[r] += mine[r];
  });
  outcome.cases = numbers / step;
  for (std::uint64_t i = 0; step > 1 && i < 1000; ++i) {
    const std::uint64_t u = i * (numbers / 1000) + i;
    const int r = noise(u / step * step);
    outcome.Check(noise(u) == r || noise((u / step + 1) * step - 1) != r,
                  [&] { return "R is not constant about " + std::to_string(u); });
  }
  for (int k = 1; k <= 3; ++k) {
    std::uint64_t tail = 0;
    for (int r = k; r <= 3; ++r) {
      tail += count[static_cast<std::size_t>(3 + r)] + count[static_cast<std::size_t>(3 - r)];
    }
    outcome.Check(Rational(tail, numbers) == reference::TailProbability(claimed, k), [&] {
      return "P(|R| >= " + std::to_string(k) + ") = " + std::to_string(tail) + "/" +
             std::to_string(numbers);
    });
    outcome.Check(count[static_cast<std::size_t>(3 + k)] == count[static_cast<std::size_t>(3 - k)],
                  [&] { return "R and -R differ for R = " + std::to_string(k); });
  }
  outcome.figures = "R = -3 .. 3: ";
  for (const std::uint64_t n : count) outcome.figures += std::to_string(n) + ", ";
  outcome.figures += "of " + std::to_string(numbers);
  return outcome;
}

// [U < threshold] over bit planes: from the top bit, "equal so far" and "less". One word of each
// plane decides 64 numbers at once, as the kernels do 32.
std::uint64_t LessThan(const std::array<std::uint64_t, 11>& planes, std::uint32_t threshold) {
  std::uint64_t equal = ~std::uint64_t{0};
  std::uint64_t less = 0;
  for (int i = 0; i < 11; ++i) {
    if ((threshold >> (10 - i) & 1) != 0) {
      less |= equal & ~planes[static_cast<std::size_t>(i)];
      equal &= planes[static_cast<std::size_t>(i)];
    } else {
      equal &= ~planes[static_cast<std::size_t>(i)];
    }
  }
  return less;
}

// The circuit's truth table against the comparison, all 2^11 magnitudes.
Outcome Circuit(const ThresholdLaw& circuit_law) {
  Outcome outcome;
  for (std::uint32_t base = 0; base < 1u << 11; base += 64) {
    std::array<std::uint64_t, 11> planes = {};
    for (std::uint32_t lane = 0; lane < 64; ++lane) {
      for (std::size_t i = 0; i < 11; ++i) {
        planes[i] |= static_cast<std::uint64_t>((base + lane) >> (10 - i) & 1) << lane;
      }
    }
    const std::uint64_t one = LessThan(planes, circuit_law.thresholds[0]);
    const std::uint64_t two = LessThan(planes, circuit_law.thresholds[1]);
    for (std::uint32_t lane = 0; lane < 64; ++lane) {
      const int magnitude = static_cast<int>((one >> lane & 1) + (two >> lane & 1));
      const int wanted = reference::ThresholdNoise(formats::kRgbitsLaw, base + lane);
      outcome.Check(magnitude == wanted, [&] {
        return "U = " + std::to_string(base + lane) + ": the circuit gives " +
               std::to_string(magnitude) + ", the comparison " + std::to_string(wanted);
      });
    }
  }
  return outcome;
}

// Each threshold is the integer nearest to 2^bits P(|R| >= k) of the exact law, and the total
// variation distance is below the contract's figure.
Outcome Nearest(const ThresholdLaw& law, const Rational& distance_bound, Outcome outcome) {
  const Rational scale = Rational(std::uint64_t{1} << law.magnitude_bits);
  for (int k = 1; k <= 3; ++k) {
    const reference::Interval exact = reference::ExactTailProbability(k, 128);
    const Rational threshold = law.thresholds[static_cast<std::size_t>(k - 1)];
    const bool nearest = abs(exact.low * scale - threshold) < Rational(1, 2) &&
                         abs(exact.high * scale - threshold) < Rational(1, 2);
    outcome.Check(nearest, [&] {
      return "threshold " + std::to_string(k) + " of " + std::to_string(law.magnitude_bits) +
             " bits is not the nearest";
    });
  }
  const reference::Interval distance = reference::TotalVariation(law, 128);
  outcome.Check(distance.high < distance_bound, [&] {
    return "total variation of the law of " + std::to_string(law.magnitude_bits) +
           " bits is above its bound";
  });
  return outcome;
}

Outcome NearestOfAll(const ThresholdLaw& rg16) {
  Outcome outcome;
  outcome = Nearest(rg16, Rational(25520, 1'000'000'000), outcome);
  outcome = Nearest(formats::kRg32Law, Rational(12124, 100'000'000'000'000), outcome);
  outcome = Nearest(formats::kRgbitsLaw, Rational(23047, 100'000'000), outcome);
  outcome.figures = "total variation below 2.552e-5 (rg16), 1.2124e-10 (rg32), 2.3047e-4 (rgbits)";
  return outcome;
}

// E[R^order] of the exact law, for an even order: the sum over k of (k^order - (k-1)^order)
// P(|R| >= k). The terms beyond 8 add less than 9^4 erfc(17 / sqrt 2) and a little, below 2^-190.
reference::Interval ExactMoment(int order) {
  reference::Interval sum = {0, Rational(1, boost::multiprecision::cpp_int(1) << 190)};
  const auto power = [order](int k) -> boost::multiprecision::cpp_int {
    return boost::multiprecision::pow(boost::multiprecision::cpp_int(k),
                                      static_cast<unsigned>(order));
  };
  for (int k = 1; k <= 8; ++k) {
    const reference::Interval tail = reference::ExactTailProbability(k, 128);
    const Rational weight(power(k) - power(k - 1));
    sum.low += tail.low * weight;
    sum.high += tail.high * weight;
  }
  return sum;
}

// |E[R^order] of the law - of the exact law| is at most the bound, in units of 10^-9 of the exact
// one.
Outcome MomentsOfAll(std::int64_t rgbits_variance) {
  Outcome outcome;
  struct Bound {
    std::string_view name;
    ThresholdLaw law;
    int order;
    std::int64_t billionths;
  };
  for (const Bound& b :
       {Bound{"rg16", formats::kRg16Law, 2, 105'550}, Bound{"rg16", formats::kRg16Law, 4, 670'000},
        Bound{"rg32", formats::kRg32Law, 2, 1}, Bound{"rg32", formats::kRg32Law, 4, 13},
        Bound{"rgbits", formats::kRgbitsLaw, 2, rgbits_variance},
        Bound{"rgbits", formats::kRgbitsLaw, 4, 9'735'000}}) {
    const reference::Interval exact = ExactMoment(b.order);
    const Rational moment = reference::Moment(b.law, b.order);
    const Rational bound = exact.low * b.billionths / 1'000'000'000;
    const Rational low = moment - exact.high;
    const Rational high = moment - exact.low;
    outcome.Check(-bound <= low && high <= bound, [&] {
      return fmt::format("E[R^{}] of {} is off by {:.4g} of itself", b.order, b.name,
                         static_cast<double>(high / exact.low));
    });
    outcome.figures += fmt::format("{}{} E[R^{}] {:+.6g}", outcome.figures.empty() ? "" : ", ",
                                   b.name, b.order, static_cast<double>(high / exact.low));
  }
  const reference::Interval variance = ExactMoment(2);
  const reference::Interval known = reference::ExactVariance(128);
  outcome.Check(variance.low <= known.high && known.low <= variance.high,
                [] { return "two enclosures of the variance do not meet"; });
  outcome.figures +=
      fmt::format("; exact E[R^2] = {:.12f}, E[R^4] = {:.12f}", static_cast<double>(variance.low),
                  static_cast<double>(ExactMoment(4).low));
  return outcome;
}

constexpr ThresholdLaw kOffByOne = {.magnitude_bits = 15, .thresholds = {10399, 88, 0}};

}  // namespace

Outcome Rg16Law(Depth) { return CountedLaw(formats::kRg16Law, formats::kRg16Law); }
Outcome Rg16LawVariant(Depth) { return CountedLaw(formats::kRg16Law, kOffByOne); }
// 2^16 numbers at a time: no two thresholds share such a run.
Outcome Rg32Law(Depth depth) {
  return CountedLaw(formats::kRg32Law, formats::kRg32Law, depth == Depth::kFull ? 1 : 1 << 16);
}
Outcome Rg32LawVariant(Depth) {
  return CountedLaw(formats::kRg32Law,
                    {.magnitude_bits = 31, .thresholds = {681419127, 5797768, 1230}}, 1 << 16);
}
Outcome RgbitsLaw(Depth) { return CountedLaw(formats::kRgbitsLaw, formats::kRgbitsLaw); }
Outcome RgbitsLawVariant(Depth) {
  return CountedLaw(formats::kRgbitsLaw, {.magnitude_bits = 11, .thresholds = {650, 7, 0}});
}
Outcome RgbitsCircuit(Depth) { return Circuit(formats::kRgbitsLaw); }
Outcome RgbitsCircuitVariant(Depth) {
  return Circuit({.magnitude_bits = 11, .thresholds = {649, 6, 0}});
}
Outcome NearestThresholds(Depth) { return NearestOfAll(formats::kRg16Law); }
Outcome NearestThresholdsVariant(Depth) { return NearestOfAll(kOffByOne); }
Outcome NoiseMoments(Depth) { return MomentsOfAll(2'333'000); }
Outcome NoiseMomentsVariant(Depth) { return MomentsOfAll(105'550); }

}  // namespace ulproof::proofs
