// SPDX-License-Identifier: Apache-2.0
// The exact mean squared error of block-scaled formats over groups of independent weights. A shared
// scale takes countably many values, each for an interval [a, b) of the group's largest magnitude,
// so the expectation is a sum in closed form: a weight below a has the error of that scale whenever
// the largest is in [a, b), which has the probability F(b)^(n-1) - F(a)^(n-1) for the other
// weights; a weight in [a, b) has it whenever the others are below b.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_BLOCK_ERROR_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_BLOCK_ERROR_H_

#include "formats/block_spec.h"
#include "reference/quantizers/analysis/scale_error.h"

namespace ulproof::reference {

// MX with the rule `floor` (contract section 9): the scale is a power of two, without the clamp at
// 2^-127 and 2^127. Precondition: an MX format.
Dyadic MxFloorError(const formats::BlockFormat& format, WeightLaw law, int digits);

// NVFP4 with exact arithmetic in the place of its binary32 steps: the scale of a group is max / 6 *
// G rounded to float8_e4m3fn (ties to even, saturating), over G, with G = 2688 / tensor_max. Groups
// whose maximum exceeds tensor_max saturate the scale. Precondition: tensor_max > 0.
Dyadic Nvfp4Error(WeightLaw law, const Dyadic& tensor_max, int digits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_BLOCK_ERROR_H_
