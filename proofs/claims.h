// SPDX-License-Identifier: Apache-2.0
// The proofs of the register, each with that of its variant. Defined in the files
// verify_<subject>.cc; what they state is in register.cc.
#ifndef ULPROOF_PROOFS_CLAIMS_H_
#define ULPROOF_PROOFS_CLAIMS_H_

#include "proofs/claim.h"

namespace ulproof::proofs {

// verify_noise_law.cc
Outcome Rg16Law(Depth depth);
Outcome Rg16LawVariant(Depth depth);
Outcome RgbitsLaw(Depth depth);
Outcome RgbitsLawVariant(Depth depth);
Outcome RgbitsCircuit(Depth depth);
Outcome RgbitsCircuitVariant(Depth depth);
Outcome NearestThresholds(Depth depth);
Outcome NearestThresholdsVariant(Depth depth);
Outcome RandomBitsInjective(Depth depth);
Outcome RandomBitsInjectiveVariant(Depth depth);

// verify_sample_arithmetic.cc
Outcome ProductExact(Depth depth);
Outcome ProductExactVariant(Depth depth);
Outcome TwoRoundingsAreOne(Depth depth);
Outcome TwoRoundingsAreOneVariant(Depth depth);
Outcome Exp2CorrectlyRounded(Depth depth);
Outcome Exp2CorrectlyRoundedVariant(Depth depth);
Outcome ScaleMonotone(Depth depth);
Outcome ScaleMonotoneVariant(Depth depth);

// verify_absorption.cc
Outcome AbsorptionThreshold(Depth depth);
Outcome AbsorptionThresholdVariant(Depth depth);
Outcome PaperBitwidths(Depth depth);
Outcome PaperBitwidthsVariant(Depth depth);

// verify_casting.cc
Outcome StochasticBias(Depth depth);
Outcome StochasticBiasVariant(Depth depth);
Outcome CastThroughFloat16(Depth depth);
Outcome CastThroughFloat16Variant(Depth depth);
Outcome MxRulesOverflow(Depth depth);
Outcome MxRulesOverflowVariant(Depth depth);

// verify_reduction.cc
Outcome ButterflySymmetric(Depth depth);
Outcome ButterflySymmetricVariant(Depth depth);

// verify_annealing.cc
Outcome AnnealingMoments(Depth depth);
Outcome AnnealingMomentsVariant(Depth depth);

// verify_statqat.cc
Outcome StatqatBeatsMinMax(Depth depth);
Outcome StatqatBeatsMinMaxVariant(Depth depth);
Outcome StatqatCondition(Depth depth);
Outcome StatqatConditionVariant(Depth depth);
Outcome StatqatModel(Depth depth);
Outcome StatqatModelVariant(Depth depth);
Outcome StatqatIterationEnds(Depth depth);
Outcome StatqatIterationEndsVariant(Depth depth);
Outcome StatqatIterationDescends(Depth depth);
Outcome StatqatIterationDescendsVariant(Depth depth);

// verify_gdnsq.cc
Outcome GdnsqCapacity(Depth depth);
Outcome GdnsqCapacityVariant(Depth depth);

}  // namespace ulproof::proofs

#endif  // ULPROOF_PROOFS_CLAIMS_H_
