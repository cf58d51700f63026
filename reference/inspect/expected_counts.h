// SPDX-License-Identifier: Apache-2.0
// What a sample will do to its weights, before any noise is drawn: the counters of contract section
// 10 as expectations over R, exact rationals of the law, with no sampling noise.
#ifndef ULPROOF_REFERENCE_INSPECT_EXPECTED_COUNTS_H_
#define ULPROOF_REFERENCE_INSPECT_EXPECTED_COUNTS_H_

#include "formats/operation.h"
#include "formats/tensor.h"
#include "reference/random/law.h"

namespace ulproof::reference {

// Expected numbers of elements; words as in reference/ops/statistics.h.
struct ExpectedCounts {
  Rational absorbed;
  Rational swamped;
  Rational flushed;
  Rational subnormal;
  Rational saturated;
  Rational overflowed;
  Rational exact;
};

// Every element under every R of the law, weighted by the exact probabilities: slow, for small
// inputs and for the judgement of what is fast. Deterministic rounding only, as the r of a
// stochastic one is random too. Preconditions: op is a valid sample of a threshold law (rg16, rg32,
// rgbits) with a deterministic rounding; `w` and `bits` are the inputs of SignatureOf(op).
ExpectedCounts ExpectSample(const formats::Operation& op, const formats::ConstBuffer& w,
                            const formats::ConstBuffer& bits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_INSPECT_EXPECTED_COUNTS_H_
