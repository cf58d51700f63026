// SPDX-License-Identifier: Apache-2.0
// What a quantizer with a fitted scale rounds to, before the scale (contract section 14): a range
// of integers, all integers, or the values of a narrow floating-point format. Data and names only.
#ifndef ULPROOF_FORMATS_LEVELS_H_
#define ULPROOF_FORMATS_LEVELS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/catalogue.h"

namespace ulproof::formats {

struct Levels {
  enum class Kind : std::uint8_t { kIntegers, kAllIntegers, kFormat };
  Kind kind = Kind::kIntegers;
  std::int32_t low = -8;  // kIntegers: low .. high, both included.
  std::int32_t high = 7;
  FormatSpec format = {};  // kFormat.

  friend bool operator==(const Levels&, const Levels&) = default;
};

// "int4" (-8..7), "uint4" (0..15), "sym4" (-7..7), each with 1 to 16 bits (int and sym from 2);
// "integers", all of them; or a format of at most 8 bits that is signed and exact in binary32.
std::string LevelsName(const Levels& levels);
base::Result<Levels> ParseLevels(std::string_view name);

// The width of section 14: high - low, or twice the largest value; 0 for all integers. Exact.
float LevelsWidth(const Levels& levels);
// The outermost levels, -infinity and +infinity for all integers.
float LowestLevel(const Levels& levels);
float HighestLevel(const Levels& levels);

// How many bits number the levels: B of int<B>, uint<B> and sym<B>, all bits of a format; 0 for all
// integers.
int LevelsBits(const Levels& levels);

// How fit chooses a scale.
enum class FitRule : std::uint8_t {
  kMinmax,   // The largest magnitude onto the half-width; no zero point.
  kRange,    // Minimum and maximum onto the outermost levels.
  kBits,     // The same for a real number of bits (DiffQ).
  kSigma,    // A clip of so many standard deviations (StatQAT, ACIQ).
  kLaplace,  // A clip of so many mean absolute deviations (ACIQ).
  kLsq,      // LSQ's initial step, from the mean magnitude.
  kSawb,     // SAWB's clip, from the root mean square and the mean magnitude.
  kOctav,    // OCTAV's clip, the end of its iteration.
};
inline constexpr std::array<FitRule, 8> kFitRules = {
    FitRule::kMinmax,  FitRule::kRange, FitRule::kBits, FitRule::kSigma,
    FitRule::kLaplace, FitRule::kLsq,   FitRule::kSawb, FitRule::kOctav};
// Whether fit by this rule has the input "clip" and the choice of a mean for its zero point.
constexpr bool TakesClip(FitRule rule) {
  return rule == FitRule::kSigma || rule == FitRule::kLaplace;
}
// "minmax", "range", "bits", "sigma", "laplace", "lsq", "sawb", "octav".
std::string_view FitRuleName(FitRule rule);
base::Result<FitRule> ParseFitRule(std::string_view name);

// Whose gradient fake_backward gives.
enum class Estimator : std::uint8_t { kLsq, kGdnsq, kAewgs };
inline constexpr std::array<Estimator, 3> kEstimators = {Estimator::kLsq, Estimator::kGdnsq,
                                                         Estimator::kAewgs};
// "lsq", "gdnsq", "aewgs".
std::string_view EstimatorName(Estimator estimator);
base::Result<Estimator> ParseEstimator(std::string_view name);

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_LEVELS_H_
