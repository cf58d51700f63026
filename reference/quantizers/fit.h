// SPDX-License-Identifier: Apache-2.0
// Scales and zero points of blocks (contract section 14): MinMax, the affine range, DiffQ's step
// for any bitwidth, a clip of so many standard or mean absolute deviations (StatQAT's analytic
// form, ACIQ), the start of LSQ, the clips of SAWB and OCTAV, and one step of least squares
// (StatQAT's iterative form).
#ifndef ULPROOF_REFERENCE_QUANTIZERS_FIT_H_
#define ULPROOF_REFERENCE_QUANTIZERS_FIT_H_

#include <cstdint>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// Binary32 codes. Both are the canonical NaN where the scale came out infinite or NaN.
struct FittedScale {
  formats::Code scale;
  formats::Code zero;
};

// Of one block by op.fit. `extra` is b of the block (kBits) or the clip (kSigma, kLaplace), a
// binary32 code, else unused. Preconditions: op is a valid kFit; x is its input; block <
// op.grid().count().
FittedScale FitBlock(const formats::Operation& op, const formats::ConstBuffer& x,
                     formats::Code extra, std::uint64_t block);

// One step from (scale, zero). Preconditions as above, with kRefit.
FittedScale RefitBlock(const formats::Operation& op, const formats::ConstBuffer& x,
                       const FittedScale& start, std::uint64_t block);

// RN32(log2(1 + range / scale)) of the exact real: what GDNSQ takes for the capacity of a channel
// of that input range with uniform noise of that width, and for the bit-width of a block. Specials:
// NaN unless range >= 0 and scale > 0 are finite.
formats::Code CapacityBits(formats::Code range, formats::Code scale);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_FIT_H_
