// SPDX-License-Identifier: Apache-2.0
// The closed antiderivatives of a weight law, and what the error analysis asks of them. Internal:
// shows Number.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_LAW_MOMENTS_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_LAW_MOMENTS_H_

#include <optional>
#include <vector>

#include "reference/quantizers/analysis/number.h"
#include "reference/quantizers/analysis/weight_law.h"

namespace ulproof::reference {

// Of the right half of a law, from u on.
struct TailMoments {
  Number density;  // p(u)
  Number tail;     // integral of p from u to infinity
  Number first;    // of x p
  Number second;   // of x^2 p

  // Integral of (x - u)^2 p from u to infinity.
  Number SquareBeyond(const Number& u) const { return second - 2 * u * first + u * u * tail; }
  // Integral of (x - q)^2 p from u to infinity.
  Number SquareAround(const Number& q) const { return second - 2 * q * first + q * q * tail; }
};

// The normal law's tail over its density, as Taylor series around multiples of 1/16: an analysis
// asks for it at every edge of every scale, and MPFR's erfc would take nearly all the time.
class MillsRatio {
 public:
  explicit MillsRatio(int precision_bits) : precision_bits_(precision_bits) {}
  // Integral of exp(-t^2/2 - u t) over t > 0. Precondition: 0 <= u and exp(-u^2 / 2) not far below
  // 2^-precision (LawMoments).
  Number At(const Number& u);

 private:
  const std::vector<Number>& Series(long center_sixteenths);

  int precision_bits_;
  std::vector<std::optional<std::vector<Number>>> series_;  // By center; made when asked for.
};

// Not thread-safe: each analysis has its own.
class LawMoments {
 public:
  LawMoments(WeightLaw law, int precision_bits);

  WeightLaw law() const { return law_; }
  int precision_bits() const { return precision_bits_; }

  // Tails below 2^-128 of the last bit of 1 are taken for 0. Precondition: u >= 0.
  TailMoments At(const Number& u) const;

  // Integral of (x - q)^2 p from u to infinity, for u of any sign.
  Number SquareFrom(const Number& u, const Number& q) const;

  // h(u) = 2 tail(u) - u density(u), the slope that one edge of a grid adds to the stationarity
  // condition (scale_optimum.h), decreases up to here and nowhere after. (Of the uniform law: its
  // end, after which h is 0.)
  const Number& turning_point() const { return turning_point_; }

 private:
  WeightLaw law_;
  int precision_bits_;
  Number turning_point_;
  Number constant_;
  Number end_;
  mutable MillsRatio mills_;
};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_LAW_MOMENTS_H_
