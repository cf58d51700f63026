// SPDX-License-Identifier: Apache-2.0
// What the judge forgives, and it is all here: the laws `boxmuller` and `normal2` are defined by an
// exact real z (contract section 5), and a kernel computes z / 2 in binary32. It may be some ulp
// away, so `normal2` may differ by that much, and `boxmuller` may round to the other integer where
// z / 2 is that near to a half-integer. No other law and no other operation is forgiven anything.
#ifndef ULPROOF_REFERENCE_COMPARE_NOISE_TOLERANCE_H_
#define ULPROOF_REFERENCE_COMPARE_NOISE_TOLERANCE_H_

#include <cstdint>

#include "formats/case.h"

namespace ulproof::reference {

// How many binary32 codes a kernel's z / 2 may be from the exact one.
inline constexpr int kNoiseUlps = 16;

// Whether R of `boxmuller` hangs on less than kNoiseUlps: the exact z / 2 of the logical element,
// rounded to binary32, is within so many codes of a half-integer.
bool IsNearDecisionBoundary(const formats::RandomKey& key, std::uint64_t element);

// Whether `got` at `index` of the operation's first output is what a kernel within kNoiseUlps may
// give where the reference gives `expected`:
//   noise     boxmuller: the other integer, near a boundary; normal2: at most kNoiseUlps away
//   sample    boxmuller: the sample of that other integer; normal2: between the samples of the two
//   ends backward  boxmuller: the block has an element near a boundary; normal2: within (terms +
//   kNoiseUlps)
//             * 2^-23 * |ln2 s| * sum |terms| of it
// Precondition: expected != got.
bool IsForgiven(const formats::Case& c, std::uint64_t index, formats::Code expected,
                formats::Code got);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_NOISE_TOLERANCE_H_
