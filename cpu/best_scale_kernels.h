// SPDX-License-Identifier: Apache-2.0
// Which of neighbouring scales gives a group of 4-bit elements the smallest squared error (contract
// section 14). Differences of errors are summed in binary32, and where the sum is within its own
// error bound of zero, again: for MXFP4 in binary64, where it is exact, for NVFP4 in binary64 with
// a bound and then in integers of 128 bits.
#ifndef ULPROOF_CPU_BEST_SCALE_KERNELS_H_
#define ULPROOF_CPU_BEST_SCALE_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "cpu/targets.h"

namespace ulproof::cpu {

// A group in binary32: `rows` rows of `cols` elements, `stride` apart, filled up with zeros. cols
// is a multiple of 16.
struct GroupView {
  const float* elements;
  std::size_t rows, cols, stride;
};

// A candidate: elements are e2m1 of RN32(w * multiplier), and stand for e2m1 * step in the unit in
// which w is w * unit.
struct ScaleCandidate {
  float multiplier;
  float step;
};
struct GroupCandidates {
  float unit;
  ScaleCandidate candidates[3];
};

// best[g] is the index of the first of the smallest exact errors, for `groups` groups side by side,
// of which `first` is the first; 0 where maxima[g], the binary32 code of the largest |w|, is 0, an
// infinity or a NaN.
// Preconditions: for each candidate, w * multiplier is w * unit / step within one part in 2^20, and
// |w * unit| is at most 8 times the largest step and below 2^13.
using BestCandidateFunction = void (*)(const GroupView& first, std::size_t groups,
                                       const std::uint32_t* maxima,
                                       const GroupCandidates* candidates, std::uint8_t* best);

// Of three whose steps are 1, 2 and 4 in any order, or fewer of these; unit is a power of two. At
// most 1024 elements.
BestCandidateFunction BestOfThreeKernel(Target target);

// Of two whose steps are codes of float8_e4m3fn; unit is the same for all groups.
BestCandidateFunction BestOfTwoKernel(Target target);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_BEST_SCALE_KERNELS_H_
