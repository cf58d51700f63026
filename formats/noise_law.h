// SPDX-License-Identifier: Apache-2.0
// The noise laws as data (contract section 5): names, words per element, thresholds. What draws
// from them are the implementations.
#ifndef ULPROOF_FORMATS_NOISE_LAW_H_
#define ULPROOF_FORMATS_NOISE_LAW_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ulproof::formats {

enum class NoiseLaw : std::uint8_t {
  kRg16,       // rounded Gaussian from 16 random bits an element
  kRg32,       // rounded Gaussian from 32 random bits an element
  kRgbits,     // rounded Gaussian from 12 bit planes over runs of 32 elements
  kBoxMuller,  // round(z / 2) with z by Box-Muller from two 32-bit words a pair
  kUniform,    // DiffQ: uniform in [-0.5, 0.5), 24 bits; not an integer
  kNormal2,    // DiffQ: z / 2 unrounded (binary32 of the exact real); not an integer
};

inline constexpr std::array<NoiseLaw, 6> kNoiseLaws = {NoiseLaw::kRg16,    NoiseLaw::kRg32,
                                                       NoiseLaw::kRgbits,  NoiseLaw::kBoxMuller,
                                                       NoiseLaw::kUniform, NoiseLaw::kNormal2};

// "rg16", "rg32", "rgbits", "boxmuller", "uniform", "normal2".
std::string_view NoiseLawName(NoiseLaw law);
base::Result<NoiseLaw> ParseNoiseLaw(std::string_view name);

// Whether R is an integer (int8 noise codes) or a binary32 value.
constexpr bool HasIntegerNoise(NoiseLaw law) {
  return law != NoiseLaw::kUniform && law != NoiseLaw::kNormal2;
}

// Which words an element needs, as (Philox groups per run of elements): element i draws from group
// (i / elements) * groups + 0..groups-1. rg16 1 group per 8, rg32 1 per 4, rgbits 3 per 32, ...
struct NoiseGrouping {
  int elements;
  int groups;
};
constexpr NoiseGrouping GroupingOf(NoiseLaw law) {
  switch (law) {
    case NoiseLaw::kRg16:
      return {8, 1};
    case NoiseLaw::kRg32:
    case NoiseLaw::kUniform:
      return {4, 1};
    case NoiseLaw::kRgbits:
      return {32, 3};
    case NoiseLaw::kBoxMuller:
    case NoiseLaw::kNormal2:
      break;
  }
  return {2, 1};
}

// The threshold laws: a sign bit and an unsigned U of magnitude_bits; |R| = number of thresholds
// above U. P(|R| >= k) = thresholds[k-1] / 2^magnitude_bits, the nearest such fraction to
// erfc((2k-1)/sqrt 2); a test recomputes every number (tests/reference/random/thresholds_test.cc).
struct ThresholdLaw {
  int magnitude_bits;
  std::array<std::uint32_t, 3> thresholds;  // Unused ones are 0 and never above U.
};
inline constexpr ThresholdLaw kRg16Law = {.magnitude_bits = 15, .thresholds = {10398, 88, 0}};
inline constexpr ThresholdLaw kRg32Law = {.magnitude_bits = 31,
                                          .thresholds = {681419127, 5797768, 1231}};
inline constexpr ThresholdLaw kRgbitsLaw = {.magnitude_bits = 11, .thresholds = {650, 6, 0}};

// The random arguments of an operation. Element i of a call uses logical element `offset + i` (for
// a matrix: formats/block_spec.h); the noise of a logical element depends on nothing but (seed,
// stream, it).
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t offset = 0;

  friend constexpr bool operator==(const RandomKey&, const RandomKey&) = default;
};

// Stochastic rounding draws from stream xor this, so that it never shares words with noise (section
// 2).
inline constexpr std::uint64_t kRoundingStreamBit = std::uint64_t{1} << 63;

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_NOISE_LAW_H_
