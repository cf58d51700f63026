// SPDX-License-Identifier: Apache-2.0
// The laws of the noise (contract section 5): their exact probabilities by counting every random
// number, the bit-sliced law as a circuit, the distance to round(N(0,1) / 2), and that no two
// elements share a random bit.
#include <array>
#include <bit>
#include <set>
#include <utility>
#include <vector>

#include "formats/noise_law.h"
#include "proofs/claims.h"
#include "reference/random/law.h"
#include "reference/random/noise.h"
#include "reference/random/philox.h"

namespace ulproof::proofs {
namespace {

using formats::NoiseLaw;
using formats::ThresholdLaw;
using reference::Rational;

// P(|R| >= k) by counting all numbers of the law, against thresholds[k-1] / 2^bits. Sign and
// magnitude are independent bits, so R and -R are equally likely; that is counted too.
Outcome CountedLaw(const ThresholdLaw& law, const ThresholdLaw& claimed) {
  Outcome outcome;
  const std::uint32_t numbers = 2u << law.magnitude_bits;
  std::array<std::uint64_t, 7> count = {};  // Of R = -3 .. 3.
  for (std::uint32_t u = 0; u < numbers; ++u) ++count[reference::ThresholdNoise(law, u) + 3];
  outcome.cases = numbers;
  for (int k = 1; k <= 3; ++k) {
    std::uint64_t tail = 0;
    for (int r = k; r <= 3; ++r) tail += count[3 + r] + count[3 - r];
    outcome.Check(Rational(tail, numbers) == reference::TailProbability(claimed, k), [&] {
      return "P(|R| >= " + std::to_string(k) + ") = " + std::to_string(tail) + "/" +
             std::to_string(numbers);
    });
    outcome.Check(count[3 + k] == count[3 - k],
                  [&] { return "R and -R differ for R = " + std::to_string(k); });
  }
  outcome.figures = "R = -2 .. 2: " + std::to_string(count[1]) + ", " + std::to_string(count[2]) +
                    ", " + std::to_string(count[3]) + ", " + std::to_string(count[4]) + ", " +
                    std::to_string(count[5]) + " of " + std::to_string(numbers);
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

// Where a law's element finds its bits, as (group of the run, word, bit), lowest bit first.
using BitPlaces = std::vector<std::array<int, 3>>;
BitPlaces PlacesOf(NoiseLaw law, int element, int words_a_run) {
  BitPlaces places;
  switch (law) {
    case NoiseLaw::kRg16:
      for (int bit = 0; bit < 16; ++bit) {
        places.push_back({0, element / 2 % words_a_run, 16 * (element % 2) + bit});
      }
      break;
    case NoiseLaw::kRg32:
      for (int bit = 0; bit < 32; ++bit) places.push_back({0, element, bit});
      break;
    default:  // rgbits: U's lowest bit is plane 11's, the sign plane 0's.
      for (int plane = 11; plane >= 1; --plane) places.push_back({plane / 4, plane % 4, element});
      places.push_back({0, 0, element});
  }
  return places;
}

// (1) Within a run of elements no two bits coincide; (2) the reference takes them from these
// places, for runs at the ends of the 64-bit range and many between; (3) runs use disjoint groups
// that do not wrap: groups * run + group < 2^64 for every element below 2^64.
Outcome Injective(int words_a_run) {
  Outcome outcome;
  std::uint64_t state = 1;
  for (const NoiseLaw law : {NoiseLaw::kRg16, NoiseLaw::kRg32, NoiseLaw::kRgbits}) {
    const formats::NoiseGrouping grouping = GroupingOf(law);
    const std::string name(NoiseLawName(law));
    std::set<std::array<int, 3>> taken;
    for (int element = 0; element < grouping.elements; ++element) {
      for (const auto& place : PlacesOf(law, element, words_a_run)) {
        outcome.Check(taken.insert(place).second, [&] {
          return name + ": element " + std::to_string(element) + " shares word " +
                 std::to_string(place[1]) + ", bit " + std::to_string(place[2]);
        });
      }
    }
    const std::uint64_t last_run =
        ~std::uint64_t{0} / static_cast<std::uint64_t>(grouping.elements);
    const auto groups = static_cast<std::uint64_t>(grouping.groups);
    outcome.Check(last_run <= (~std::uint64_t{0} - (groups - 1)) / groups,
                  [&] { return name + ": the group counter wraps"; });
    for (int trial = 0; trial < 400; ++trial) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const std::uint64_t run = trial == 0   ? 0
                                : trial == 1 ? last_run
                                             : (state ^ state >> 29) % (last_run + 1);
      const formats::RandomKey key = {.seed = state, .stream = std::rotl(state, 17)};
      std::array<std::array<std::uint32_t, 4>, 3> words = {};
      for (std::uint64_t g = 0; g < groups; ++g) {
        words[g] = reference::Words(key.seed, key.stream, run * groups + g);
      }
      for (int element = 0; element < grouping.elements; ++element) {
        std::uint32_t number = 0;
        int bit = 0;
        for (const auto& [group, word, at] : PlacesOf(law, element, words_a_run)) {
          number |=
              (words[static_cast<std::size_t>(group)][static_cast<std::size_t>(word)] >> at & 1)
              << bit++;
        }
        const std::uint64_t index = run * static_cast<std::uint64_t>(grouping.elements) +
                                    static_cast<std::uint64_t>(element);
        if (index < run) continue;  // The last run is cut off at 2^64.
        outcome.Check(number == reference::ThresholdNumber(law, key, index), [&] {
          return name + ": element " + std::to_string(index) + " has other bits";
        });
      }
    }
  }
  outcome.figures = "16, 32 and 12 bits an element; 1, 1 and 3 groups a run of 8, 4 and 32";
  return outcome;
}

constexpr ThresholdLaw kOffByOne = {.magnitude_bits = 15, .thresholds = {10399, 88, 0}};

}  // namespace

Outcome Rg16Law(Depth) { return CountedLaw(formats::kRg16Law, formats::kRg16Law); }
Outcome Rg16LawVariant(Depth) { return CountedLaw(formats::kRg16Law, kOffByOne); }
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
Outcome RandomBitsInjective(Depth) { return Injective(4); }
Outcome RandomBitsInjectiveVariant(Depth) { return Injective(3); }

}  // namespace ulproof::proofs
