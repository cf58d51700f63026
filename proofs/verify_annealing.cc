// SPDX-License-Identifier: Apache-2.0
// Stochastic precision annealing (contract sections 5 to 7): the exact mean and variance of a
// sampled weight, as sums over R of probability times rounded value.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "formats/catalogue.h"
#include "formats/codec.h"
#include "proofs/claims.h"
#include "proofs/rational.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/scale.h"
#include "reference/random/law.h"

namespace ulproof::proofs {
namespace {

using formats::Code;
using formats::FormatSpec;
using reference::Dyadic;
using reference::Rational;

Code Small32(int value) {
  return *formats::EncodeExact(formats::kFloat32, value < 0,
                               static_cast<std::uint64_t>(value < 0 ? -value : value), 0);
}

// b of a schedule: 9 and, in steps of 1/4, from 6 down to 4 and 2 (contract section 10).
std::vector<Rational> Schedule() {
  std::vector<Rational> schedule = {9};
  for (int quarters = 24; quarters >= 16; --quarters) schedule.emplace_back(quarters, 4);
  schedule.emplace_back(2);
  return schedule;
}

// The scale of contract section 6. Precondition: b is a number of quarters.
Code ScaleAt(Code max, const Rational& b) {
  const auto quarters = static_cast<std::uint64_t>(numerator(Rational(b * 4)));
  return reference::Scale(max, *formats::EncodeExact(formats::kFloat32, false, quarters, -2),
                          false);
}

// A block whose maximum is 1, weights at all codes of `format` in [2^-6, 1], noise rg16. The bias
// must stay within `bound_halves` half units in the last place at the largest value that can come
// out, 1 + 2 s, whose last place is that of [1, 2) or [2, 4).
Outcome Moments(int bound_halves) {
  Outcome outcome;
  Rational largest_bias, largest_variance_change;
  for (const FormatSpec& format : {formats::kBfloat16, formats::kFloat8E4m3fn}) {
    for (const Rational& b : Schedule()) {
      const Code s = ScaleAt(reference::kOne32, b);
      const Rational step = ToRational(Dyadic::FromCode(formats::kFloat32, s));
      const int top = b <= 2 ? 1 : 0;
      const Rational half_ulp =
          ToRational(Dyadic::FromParts(false, 1, top - format.trailing_bits - 1));
      const Code low = *formats::EncodeExact(format, false, 1, -6);
      const Code high = *formats::EncodeExact(format, false, 1, 0);
      for (Code w = low; w <= high; ++w) {
        const Code w32 = reference::ToFloat32(format, w);
        Rational mean, square;
        for (int r = -2; r <= 2; ++r) {
          const Code t = reference::Fma32(Small32(r), s, w32);
          const Code y =
              reference::Cast(formats::kFloat32, t, format, {}, formats::Overflow::kIeee);
          const Rational value = ToRational(Dyadic::FromCode(format, y));
          const Rational p = reference::Probability(formats::kRg16Law, r);
          mean += p * value;
          square += p * value * value;
        }
        const Rational bias = abs(mean - ToRational(Dyadic::FromCode(format, w)));
        largest_bias = std::max(largest_bias, Rational(bias / half_ulp));
        outcome.Check(bias <= half_ulp * bound_halves, [&] {
          return fmt::format("{} w = {:x}, b = {}: the mean is off by {:.4g} half units",
                             FormatName(format), w, b.str(), static_cast<double>(bias / half_ulp));
        });
        // Below m + 1 bits (no absorption) the noise keeps its variance up to rounding: by the
        // triangle inequality the deviation changes by at most half a unit.
        if (b > format.trailing_bits + 1) continue;
        const Rational variance = square - mean * mean;
        const Rational ideal = step * step * reference::Moment(formats::kRg16Law, 2);
        const Rational change = abs(variance - ideal);
        largest_variance_change = std::max(largest_variance_change, Rational(change / ideal));
        // |sqrt v - sqrt i| <= h implies |v - i| <= h (2 sqrt i + h); with sqrt i < s.
        outcome.Check(change <= half_ulp * (2 * step + half_ulp), [&] {
          return fmt::format("{} w = {:x}, b = {}: the variance is off", FormatName(format), w,
                             b.str());
        });
      }
    }
  }
  outcome.figures = fmt::format(
      "largest bias {:.4g} half units, largest change of the variance {:.3g} %",
      static_cast<double>(largest_bias), 100 * static_cast<double>(largest_variance_change));
  return outcome;
}

// The probability that a weight passes intact, P(R = 0) plus that of what is absorbed, for blocks
// of five maxima and all weights from 1/4 up, along the schedule. Not
// more than P(R = 0) as long as b <= m + 1 (also between whole numbers); more for some weight from
// b = m + 2 on.
Outcome Intact(bool only_small_b) {
  Outcome outcome;
  const Rational p_zero = reference::Probability(formats::kRg16Law, 0);
  for (const FormatSpec& format :
       {formats::kBfloat16, formats::kFloat8E4m3fn, formats::kFloat6E3m2fn}) {
    for (const Rational& b : Schedule()) {
      const bool is_small = b <= format.trailing_bits + 1;
      if (only_small_b && !is_small) continue;
      Rational largest, sum;
      int weights = 0;
      for (const int numerator : {8, 9, 11, 12, 15}) {  // M = numerator / 8.
        const std::optional<Code> own =
            formats::EncodeExact(format, false, static_cast<std::uint64_t>(numerator), -3);
        if (!own) continue;
        const Code s = ScaleAt(reference::ToFloat32(format, *own), b);
        const Code low = *formats::EncodeExact(format, false, 1, -2);
        for (Code w = low; w <= *own; ++w) {
          Rational intact;
          for (int r = -2; r <= 2; ++r) {
            const Code t = reference::Fma32(Small32(r), s, reference::ToFloat32(format, w));
            const Code y =
                reference::Cast(formats::kFloat32, t, format, {}, formats::Overflow::kIeee);
            if (y == w) intact += reference::Probability(formats::kRg16Law, r);
          }
          outcome.Check(is_small ? intact == p_zero : intact >= p_zero, [&] {
            return fmt::format("{} M = {}/8, b = {}, w = {:x}: intact with {}", FormatName(format),
                               numerator, b.str(), w, intact.str());
          });
          largest = std::max(largest, intact);
          sum += intact;
          ++weights;
        }
      }
      const bool is_whole = denominator(b) == 1;
      if (is_whole && b >= format.trailing_bits + 2) {
        outcome.Check(largest > p_zero, [&] {
          return fmt::format("{}, b = {}: nothing is absorbed", FormatName(format), b.str());
        });
        outcome.figures +=
            fmt::format("{}{} b = {}: {:.4f}", outcome.figures.empty() ? "" : ", ",
                        FormatName(format), b.str(), static_cast<double>(sum / weights));
      }
    }
  }
  if (outcome.verdict != Verdict::kHolds || only_small_b) return outcome;
  outcome.verdict = Verdict::kHoldsOnlyIf;
  outcome.condition = "b <= m + 1";
  outcome.counterexample = "float6_e3m2fn, b = 4: R = +-1 is absorbed by some weights too";
  outcome.figures = fmt::format("P(R = 0) = {} = {:.4f}; mean over weights beyond: {}",
                                p_zero.str(), static_cast<double>(p_zero), outcome.figures);
  return outcome;
}

}  // namespace

Outcome AnnealingMoments(Depth) { return Moments(1); }
Outcome AnnealingMomentsVariant(Depth) { return Moments(0); }
Outcome AnnealingIntact(Depth) { return Intact(false); }
Outcome AnnealingIntactVariant(Depth) { return Intact(true); }

}  // namespace ulproof::proofs
