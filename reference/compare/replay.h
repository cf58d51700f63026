// SPDX-License-Identifier: Apache-2.0
// One case once more, with everything that happens on the way to its outputs: what a code means,
// the random words behind R, the block's maximum and scale, the exact sum, where it stands between
// two neighbours of the output format, and what every backend answers.
#ifndef ULPROOF_REFERENCE_COMPARE_REPLAY_H_
#define ULPROOF_REFERENCE_COMPARE_REPLAY_H_

#include <span>
#include <string>

#include "base/result.h"
#include "formats/case.h"
#include "reference/exact/dyadic.h"

namespace ulproof::reference {

struct ReplayResult {
  std::string text;   // For people: several lines, each ended.
  bool agree = true;  // No mismatch (the judge's rules) and no fault on any backend.
};

// Explains the output elements on which backends differ, or the first few if none does.
// Errors: the truth's. Preconditions: truth is available; every subject may be anything (what
// cannot run the case says why).
base::Result<ReplayResult> Replay(const formats::Case& c, formats::Backend& truth,
                                  std::span<formats::Backend* const> subjects);

// Where an exact number stands in a format: its neighbours and its distance from their midpoint, as
// in
//   between 0x3f80 = 0x1p+0 and 0x3f81 = 0x1.02p+0: 0.25 ulp above the lower, 0.25 ulp below the
//   midpoint
std::string PlaceText(const formats::FormatSpec& to, const Dyadic& x);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_REPLAY_H_
