// SPDX-License-Identifier: Apache-2.0
// A dyadic number as a rational, for proofs that divide or multiply by probabilities.
#ifndef ULPROOF_PROOFS_RATIONAL_H_
#define ULPROOF_PROOFS_RATIONAL_H_

#include "reference/exact/dyadic.h"
#include "reference/random/law.h"

namespace ulproof::proofs {

inline reference::Rational ToRational(const reference::Dyadic& x) {
  const boost::multiprecision::cpp_int one = 1;
  if (x.exponent() >= 0) return reference::Rational(x.significand() << x.exponent());
  return {x.significand(), one << -x.exponent()};
}

}  // namespace ulproof::proofs

#endif  // ULPROOF_PROOFS_RATIONAL_H_
