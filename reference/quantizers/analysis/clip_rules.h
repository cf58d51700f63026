// SPDX-License-Identifier: Apache-2.0
// The closed rules of others for where to clip or how long a step to take, to any precision: what
// their code keeps as constants of a few digits. All for laws of variance 1.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_CLIP_RULES_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_CLIP_RULES_H_

#include <optional>

#include "reference/quantizers/analysis/scale_error.h"

namespace ulproof::reference {

// Number of bits of a quantizer in all of them: 1 .. 32.

// ACIQ's clip of N(0, 1): phi(a) / a - Q(a) = 1 / (6 * 4^bits) [ACIQ].
Dyadic AciqNormalClip(int bits, int digits);

// ACIQ's clip of a Laplace law with density e^(-|x| / b) / 2b, in units of b: W(3 * 4^bits), with
// Lambert's W, the solution of w e^w = x [ACIQ].
Dyadic AciqLaplaceClip(int bits, int digits);

// The fixed point of OCTAV's iteration [OCTAV],
//   c <- E[|x|; |x| > c] / (4^-bits / 3 P(|x| <= c) + P(|x| > c)).
Dyadic OctavClip(WeightLaw law, int bits, int digits);

// SAWB's clip c1 sqrt(E x^2) - c2 E|x| with the published (c1, c2) = (3.212, 2.178) for 2 bits and
// (12.68, 12.80) for 4 [SAWB]; nothing for other widths.
std::optional<Dyadic> SawbClip(WeightLaw law, int bits, int digits);

// LSQ's first step 2 E|x| / sqrt(Q_p), Q_p the largest positive level [LSQ]. Precondition: >= 1.
Dyadic LsqInitialStep(WeightLaw law, int largest_level, int digits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_CLIP_RULES_H_
