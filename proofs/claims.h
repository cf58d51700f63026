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
Outcome Rg32Law(Depth depth);
Outcome Rg32LawVariant(Depth depth);
Outcome RgbitsLaw(Depth depth);
Outcome RgbitsLawVariant(Depth depth);
Outcome RgbitsCircuit(Depth depth);
Outcome RgbitsCircuitVariant(Depth depth);
Outcome NearestThresholds(Depth depth);
Outcome NearestThresholdsVariant(Depth depth);
Outcome NoiseMoments(Depth depth);
Outcome NoiseMomentsVariant(Depth depth);

// verify_random_words.cc
Outcome RandomBitsInjective(Depth depth);
Outcome RandomBitsInjectiveVariant(Depth depth);
Outcome PhiloxBijective(Depth depth);
Outcome PhiloxBijectiveVariant(Depth depth);
Outcome RandomWordsApart(Depth depth);
Outcome RandomWordsApartVariant(Depth depth);
Outcome PiecesAreTheWhole(Depth depth);
Outcome PiecesAreTheWholeVariant(Depth depth);

// verify_sample_arithmetic.cc
Outcome ProductExact(Depth depth);
Outcome ProductExactVariant(Depth depth);
Outcome FusedIsUnfused(Depth depth);
Outcome FusedIsUnfusedVariant(Depth depth);
Outcome TwoRoundingsAreOne(Depth depth);
Outcome TwoRoundingsAreOneVariant(Depth depth);
Outcome TwoRoundingsSet(Depth depth);
Outcome TwoRoundingsSetVariant(Depth depth);
Outcome Exp2CorrectlyRounded(Depth depth);
Outcome Exp2CorrectlyRoundedVariant(Depth depth);
Outcome Exp2OfTheKernels(Depth depth);
Outcome Exp2OfTheKernelsVariant(Depth depth);
Outcome ScaleMonotone(Depth depth);
Outcome ScaleMonotoneVariant(Depth depth);

// verify_absorption.cc
Outcome AbsorptionThreshold(Depth depth);
Outcome AbsorptionThresholdVariant(Depth depth);
Outcome AbsorptionShapes(Depth depth);
Outcome AbsorptionShapesVariant(Depth depth);
Outcome AbsorptionAtTheTop(Depth depth);
Outcome AbsorptionAtTheTopVariant(Depth depth);
Outcome PaperBitwidths(Depth depth);
Outcome PaperBitwidthsVariant(Depth depth);

// verify_casting.cc
Outcome StochasticBias(Depth depth);
Outcome StochasticBiasVariant(Depth depth);
Outcome StochasticProbability(Depth depth);
Outcome StochasticProbabilityVariant(Depth depth);
Outcome CastThroughFloat16(Depth depth);
Outcome CastThroughFloat16Variant(Depth depth);
Outcome CastThroughFloat16Set(Depth depth);
Outcome CastThroughFloat16SetVariant(Depth depth);
Outcome FastCastsExact(Depth depth);
Outcome FastCastsExactVariant(Depth depth);

// verify_block_scale.cc
Outcome MxRulesOverflow(Depth depth);
Outcome MxRulesOverflowVariant(Depth depth);
Outcome MxRulesBinade(Depth depth);
Outcome MxRulesBinadeVariant(Depth depth);
Outcome MxRulesError(Depth depth);
Outcome MxRulesErrorVariant(Depth depth);
Outcome NoiseFitsBlockScale(Depth depth);
Outcome NoiseFitsBlockScaleVariant(Depth depth);

// verify_reduction.cc
Outcome ButterflySymmetric(Depth depth);
Outcome ButterflySymmetricVariant(Depth depth);
Outcome SumInAnyOrder(Depth depth);
Outcome SumInAnyOrderVariant(Depth depth);

// verify_annealing.cc
Outcome AnnealingMoments(Depth depth);
Outcome AnnealingMomentsVariant(Depth depth);
Outcome AnnealingIntact(Depth depth);
Outcome AnnealingIntactVariant(Depth depth);

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
