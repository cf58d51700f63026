// SPDX-License-Identifier: Apache-2.0
// Stochastic precision annealing (contract sections 5 to 7): the exact mean and variance of a
// sampled weight, as sums over R of probability times rounded value.
#include <fmt/format.h>

#include <algorithm>

#include "formats/catalogue.h"
#include "formats/codec.h"
#include "proofs/claims.h"
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

Rational ToRational(const Dyadic& x) {
  const boost::multiprecision::cpp_int one = 1;
  if (x.exponent() >= 0) return Rational(x.significand() << x.exponent());
  return Rational(x.significand(), one << -x.exponent());
}

Code Small32(int value) {
  return *formats::EncodeExact(formats::kFloat32, value < 0,
                               static_cast<std::uint64_t>(value < 0 ? -value : value), 0);
}

// A block whose maximum is 1, weights at all codes of `format` in [2^-6, 1], noise rg16. The bias
// must stay within `bound_halves` half units in the last place at the largest value that can come
// out, 1 + 2 s, whose last place is that of [1, 2) or [2, 4).
Outcome Moments(int bound_halves) {
  Outcome outcome;
  Rational largest_bias, largest_variance_change;
  for (const FormatSpec& format : {formats::kBfloat16, formats::kFloat8E4m3fn}) {
    for (const int b : {2, 4, 6, 9}) {
      const Code s = reference::Scale(reference::kOne32, Small32(b), false);
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
                             FormatName(format), w, b, static_cast<double>(bias / half_ulp));
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
          return fmt::format("{} w = {:x}, b = {}: the variance is off", FormatName(format), w, b);
        });
      }
    }
  }
  outcome.figures = fmt::format(
      "largest bias {:.4g} half units, largest change of the variance {:.3g} %",
      static_cast<double>(largest_bias), 100 * static_cast<double>(largest_variance_change));
  return outcome;
}

}  // namespace

Outcome AnnealingMoments(Depth) { return Moments(1); }
Outcome AnnealingMomentsVariant(Depth) { return Moments(0); }

}  // namespace ulproof::proofs
