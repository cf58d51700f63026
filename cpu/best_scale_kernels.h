// SPDX-License-Identifier: Apache-2.0
// Which of neighbouring scales gives a group of 4-bit elements the smallest squared error (contract
// section 14). Differences of errors are summed in binary64, where they are exact for MXFP4; for
// NVFP4 a sum within its own error bound of zero is taken again in integers of 128 bits.
#ifndef ULPROOF_CPU_BEST_SCALE_KERNELS_H_
#define ULPROOF_CPU_BEST_SCALE_KERNELS_H_

#include <cstddef>

#include "cpu/targets.h"

namespace ulproof::cpu {

// A group in binary32: `rows` rows of `cols` elements, `stride` apart, filled up with zeros. Every
// element is finite. cols is a multiple of 16.
struct GroupView {
  const float* elements;
  std::size_t rows, cols, stride;
};

// A candidate: elements are e2m1 of RN32(w * multiplier), and stand for e2m1 * step in the unit in
// which w is w * unit.
struct ScaleCandidate {
  float multiplier;
  double step;
};

// The index of the first of the smallest exact errors.
// Preconditions: of each candidate, w * multiplier is w * unit / step within one part in 2^20, and
// |w * unit| is at most 8 times the largest step.
using BestCandidateFunction = int (*)(const GroupView& group, const ScaleCandidate* candidates,
                                      double unit);

// Of three whose steps are 1, 2 and 4 in any order, or fewer of these; unit is a power of two. At
// most 1024 elements.
BestCandidateFunction BestOfThreeKernel(Target target);

// Of two whose steps are codes of float8_e4m3fn, not both 0; unit is a binary32 and |w * unit|
// below 2^13.
BestCandidateFunction BestOfTwoKernel(Target target);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_BEST_SCALE_KERNELS_H_
