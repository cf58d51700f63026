// SPDX-License-Identifier: Apache-2.0
#include "proofs/register.h"

#include <array>
#include <vector>

#include "base/text.h"
#include "proofs/claims.h"

namespace ulproof::proofs {
namespace {

constexpr auto kClaims = std::to_array<Claim>({
    {.id = "noise-law-rg16",
     .statement = "rg16 has P(|R| >= 1) = 10398/2^15 and P(|R| >= 2) = 88/2^15, and is symmetric.",
     .method = "counts all 2^16 random numbers",
     .relied_on_by = "contract section 5; the statistics of conform and hist",
     .expected = Verdict::kHolds,
     .prove = Rg16Law,
     .variant = "P(|R| >= 1) = 10399/2^15",
     .prove_variant = Rg16LawVariant},
    {.id = "noise-law-rgbits",
     .statement = "rgbits has P(|R| >= 1) = 650/2^11 and P(|R| >= 2) = 6/2^11, and is symmetric.",
     .method = "counts all 2^12 random numbers",
     .relied_on_by = "contract section 5",
     .expected = Verdict::kHolds,
     .prove = RgbitsLaw,
     .variant = "P(|R| >= 2) = 7/2^11",
     .prove_variant = RgbitsLawVariant},
    {.id = "rgbits-circuit",
     .statement = "The bit-sliced circuit of rgbits decides |R| as the comparisons U < 650, U < 6.",
     .method = "truth table over all 2^11 magnitudes",
     .relied_on_by = "cpu/noise-inl.h, gpu/kernels/noise.cuh",
     .expected = Verdict::kHolds,
     .prove = RgbitsCircuit,
     .variant = "a circuit for U < 649",
     .prove_variant = RgbitsCircuitVariant},
    {.id = "noise-nearest",
     .statement = "Every threshold is the nearest one to round(N(0,1)/2), and the laws' total "
                  "variation distances to it are as the contract says.",
     .method = "interval arithmetic in MPFR, rounded outward",
     .relied_on_by = "formats/noise_law.h",
     .expected = Verdict::kHolds,
     .prove = NearestThresholds,
     .variant = "10399 is the nearest first threshold of rg16",
     .prove_variant = NearestThresholdsVariant},
    {.id = "random-bits-injective",
     .statement = "No two elements of a stream share a random bit, and no group counter wraps.",
     .method = "enumerates the bit places of a run; places checked against the reference in 400 "
               "runs of each law, the last one among them",
     .relied_on_by = "shards and offsets; contract section 4",
     .expected = Verdict::kHolds,
     .prove = RandomBitsInjective,
     .variant = "three of a group's four words are enough for rg16",
     .prove_variant = RandomBitsInjectiveVariant},
    {.id = "product-exact",
     .statement = "R * s is exact in binary32.",
     .method = "all 2^31 - 2^23 positive s for R = 1, 2, 3 (quick: every 251st)",
     .relied_on_by = "contract section 7, claim 1: fused and unfused sampling agree",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = ProductExact,
     .variant = "exact for |R| <= 3 too",
     .prove_variant = ProductExactVariant},
    {.id = "two-roundings-are-one",
     .statement = "For bfloat16 weights and outputs, rounding R s + w to binary32 first changes "
                  "nothing.",
     .method = "all significands of s and w, all distances of exponents up to 60 (quick: every "
               "third)",
     .relied_on_by = "contract section 7, claim 2; kernels that add in bfloat16",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = TwoRoundingsAreOne,
     .variant = "the same for scales of 11 significant bits, as of float16 weights",
     .prove_variant = TwoRoundingsAreOneVariant},
    {.id = "exp2-correctly-rounded",
     .statement = "The 64-bit evaluation of 2^c decides the rounding of every binary32 c.",
     .method = "distance to a rounding boundary of all c (quick: every 61st), error bound of the "
               "table; MPFR on 10,000 codes",
     .relied_on_by = "cpu/exp2.h; contract section 6",
     .expected = Verdict::kHolds,
     .prove = Exp2CorrectlyRounded,
     .variant = "an evaluation with an error of 2^20 units would do",
     .prove_variant = Exp2CorrectlyRoundedVariant},
    {.id = "exp2-monotone",
     .statement = "RN32(2^c) never decreases, so a scale never grows with b.",
     .method = "all neighbouring pairs of binary32 c (quick: every 64th window of 2^16)",
     .relied_on_by = "annealing schedules",
     .expected = Verdict::kHolds,
     .prove = ScaleMonotone,
     .variant = "it grows strictly",
     .prove_variant = ScaleMonotoneVariant},
    {.id = "absorption-threshold",
     .statement = "With m trailing bits, noise of a whole bitwidth b is never absorbed for "
                  "b <= m + 1, at ties only for b = m + 2, and beyond ties from b = m + 3 on.",
     .method = "all maxima, weights and R = +-1, +-2 for every format shape of the catalogue up to "
               "16 bits, b = 1 .. 16 (quick: b = m + 1 .. m + 3 and some of the maxima); a "
               "sample is decided by the reference too; for all formats at once by an SMT solver "
               "(proofs/absorption.smt2)",
     .relied_on_by = "contract section 7, claim 3; the paper's choice of formats",
     .expected = Verdict::kHolds,
     .prove = AbsorptionThreshold,
     .variant = "never absorbed for b <= m + 2",
     .prove_variant = AbsorptionThresholdVariant},
    {.id = "paper-bitwidths",
     .statement = "bfloat16 carries noise of up to 9 bits and float6_e3m2fn of 4 (the paper's \"up "
                  "to 9-bit\" and \"down to FP6\"), absorbing it at ties only.",
     .method = "the largest such b found by counting",
     .relied_on_by = "GaussWS, section 3; README",
     .expected = Verdict::kHolds,
     .prove = PaperBitwidths,
     .variant = "bfloat16 carries 10 bits",
     .prove_variant = PaperBitwidthsVariant},
    {.id = "annealing-moments",
     .statement = "The mean of a sampled weight is within half a unit in the last place of the "
                  "weight, and the deviation of the noise within half a unit of s times R's.",
     .method = "exact rationals over R, all weights of bfloat16 and float8_e4m3fn in [2^-6, 1]",
     .relied_on_by = "ulproof anneal",
     .expected = Verdict::kHolds,
     .prove = AnnealingMoments,
     .variant = "the mean is the weight",
     .prove_variant = AnnealingMomentsVariant},
    {.id = "stochastic-bias",
     .statement = "With N random bits, the mean of sra<N> is off by up to 2^-N of a unit toward "
                  "zero; of srb<N> and src<N> by at most half of that, either way.",
     .method = "all r, fractions around every multiple of 2^-(N+3), N = 1, 2, 3, 5",
     .relied_on_by = "contract section 2; public sources contradict each other about variant A",
     .expected = Verdict::kHolds,
     .prove = StochasticBias,
     .variant = "sra<N> is within half of that too",
     .prove_variant = StochasticBiasVariant},
    {.id = "cast-through-float16",
     .statement = "A cast float32 -> float16 -> float8_e4m3fn equals the direct one.",
     .method = "all 2^31 - 2^23 positive inputs (quick: every 61st)",
     .relied_on_by = "contract section 3: a cast through a middle format is another operation",
     .expected = Verdict::kDoesNotHold,
     .prove = CastThroughFloat16,
     .variant = "through float32 itself",
     .prove_variant = CastThroughFloat16Variant},
    {.id = "mx-rules-saturate",
     .statement = "The maximum of an MX group does not saturate.",
     .method = "all significands of a bfloat16 maximum, every MX format, all four rules",
     .relied_on_by = "contract section 9: mixing the rules is the commonest MX bug",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = MxRulesOverflow,
     .variant = "only ceil and rceil are asked",
     .prove_variant = MxRulesOverflowVariant},
    {.id = "butterfly-symmetric",
     .statement = "After the canonical butterfly all lanes hold the same bits, within the bound of "
                  "any order.",
     .method = "2,000 vectors of terms over 20 binades",
     .relied_on_by = "contract section 8; the backward kernels",
     .expected = Verdict::kHolds,
     .prove = ButterflySymmetric,
     .variant = "after a shuffle-down tree",
     .prove_variant = ButterflySymmetricVariant},
    {.id = "statqat-beats-minmax",
     .statement = "StatQAT's analytic scale has a higher SNR than MinMax on normal weights.",
     .method = "exact error of the scale against the exact expectation of MinMax, groups of 2^k up "
               "to 2^20 and those around the crossover; int2, int3, int4, e2m1 (full: int6, e2m3, "
               "int8 too)",
     .relied_on_by = "the paper's comparison; docs/quantizers.md",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = StatqatBeatsMinMax,
     .variant = "in groups of 2^14 weights or more",
     .prove_variant = StatqatBeatsMinMaxVariant},
    {.id = "statqat-clip",
     .statement = "The uniform model's noise is least where phi(C) / C - Q(C) = 1 / (6 (N - 1)^2).",
     .method = "the model at the solution and beside it, N = 2 .. 2^16",
     .relied_on_by = "reference/quantizers/analysis/statqat_model.h",
     .expected = Verdict::kHolds,
     .prove = StatqatCondition,
     .variant = "the same with N^2 for (N - 1)^2, as ACIQ has it",
     .prove_variant = StatqatConditionVariant},
    {.id = "statqat-model-snr",
     .statement = "The model's SNR is within 0.1 dB of the exact one on two's complement integers.",
     .method = "both in closed form, 2 to 8 bits",
     .relied_on_by = "the paper's SNR figures",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = StatqatModel,
     .variant = "from 4 bits on",
     .prove_variant = StatqatModelVariant},
    {.id = "statqat-iteration-descends",
     .statement = "A step of the least-squares iteration never raises the error.",
     .method = "24 starts over 8 octaves for four formats and three laws",
     .relied_on_by = "the iterative quantizer",
     .expected = Verdict::kHolds,
     .prove = StatqatIterationDescends,
     .variant = "steps eight times as long",
     .prove_variant = StatqatIterationDescendsVariant},
    {.id = "statqat-iteration-best",
     .statement = "From the analytic scale the iteration ends at the scale of least error.",
     .method = "600 steps, against the complete list of local minima",
     .relied_on_by = "the iterative quantizer reports local minima",
     .expected = Verdict::kDoesNotHold,
     .prove = StatqatIterationEnds,
     .variant = "without e3m0",
     .prove_variant = StatqatIterationEndsVariant},
    {.id = "gdnsq-capacity",
     .statement = "log2(1 + A / s) is the capacity of a channel with input range A and noise "
                  "uniform over s.",
     .method = "exact rationals: an input law and its Kuhn-Tucker certificate, A / s = p / k up to "
               "5, k up to 12",
     .relied_on_by = "GDNSQ's bit-width",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = GdnsqCapacity,
     .variant = "it is an upper bound",
     .prove_variant = GdnsqCapacityVariant},
});

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "holds";
    case Verdict::kHoldsOnlyIf:
      return "holds only if";
    case Verdict::kDoesNotHold:
      break;
  }
  return "does not hold";
}

std::span<const Claim> Claims() { return kClaims; }

base::Result<const Claim*> FindClaim(std::string_view id) {
  std::vector<std::string_view> known;
  for (const Claim& claim : kClaims) {
    if (claim.id == id) return &claim;
    known.push_back(claim.id);
  }
  return base::UnknownName("claim", id, known);
}

}  // namespace ulproof::proofs
