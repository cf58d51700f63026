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
    {.id = "noise-law-rg32",
     .statement = "rg32 has P(|R| >= 1) = 681419127/2^31, P(|R| >= 2) = 5797768/2^31 and P(|R| >= "
                  "3) = 1231/2^31, and is symmetric.",
     .method = "counts all 2^32 random numbers (quick: in runs of 2^16 whose ends have the same R)",
     .relied_on_by = "contract section 5; the statistics of conform and hist",
     .expected = Verdict::kHolds,
     .prove = Rg32Law,
     .variant = "P(|R| >= 3) = 1230/2^31",
     .prove_variant = Rg32LawVariant},
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
    {.id = "noise-moments",
     .statement = "E[R^2] and E[R^4] are those of round(N(0,1)/2) to within 1.0555e-4 and 6.7e-4 "
                  "of themselves (rg16), 1e-9 and 1.3e-8 (rg32), 2.333e-3 and 9.735e-3 (rgbits).",
     .method = "exact rationals against sums of interval arithmetic in MPFR, rounded outward",
     .relied_on_by = "contract section 5; the variance that annealing-moments starts from",
     .expected = Verdict::kHolds,
     .prove = NoiseMoments,
     .variant = "rgbits's variance is as near as rg16's",
     .prove_variant = NoiseMomentsVariant},
    {.id = "random-bits-injective",
     .statement = "No two elements of a stream share a random bit, and no group counter wraps.",
     .method = "enumerates the bit places of a run; places checked against the reference in 400 "
               "runs of each law, the last one among them",
     .relied_on_by = "shards and offsets; contract section 4",
     .expected = Verdict::kHolds,
     .prove = RandomBitsInjective,
     .variant = "three of a group's four words are enough for rg16",
     .prove_variant = RandomBitsInjectiveVariant},
    {.id = "philox-bijective",
     .statement = "Philox4x32-10 is a bijection of its counter, so no two pairs of stream and "
                  "group of a seed have the same words.",
     .method = "the inverse of every round, from the inverses of the multipliers mod 2^32; run "
               "backwards on 100,000 counters, which the reference is run on too",
     .relied_on_by = "contract section 4; random-words-apart",
     .expected = Verdict::kHolds,
     .prove = PhiloxBijective,
     .variant = "with the multiplier 0xCD9E8D58",
     .prove_variant = PhiloxBijectiveVariant},
    {.id = "random-words-apart",
     .statement = "Two tensors of different streams, and the noise and the stochastic rounding of "
                  "one tensor, share no random word.",
     .method = "their counters differ, and philox-bijective; what the condition leaves out is seen "
               "to happen on 1,000 elements",
     .relied_on_by = "who chooses streams: contract sections 2 and 4",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = RandomWordsApart,
     .variant = "with streams below 2^63 and one law a stream",
     .prove_variant = RandomWordsApartVariant},
    {.id = "pieces-are-the-whole",
     .statement =
         "A call is the sum of its pieces: any rectangle of a matrix, called alone with its offset "
         "and stride, has the same noise, up to the element 2^64 - 1; a call beyond it is refused.",
     .method = "240 matrices of all six laws at random offsets, a quarter of them ending at 2^64, "
               "each element against the reference at its 64-bit index",
     .relied_on_by = "shards; contract section 4",
     .expected = Verdict::kHolds,
     .prove = PiecesAreTheWhole,
     .variant = "a piece need not be told the stride",
     .prove_variant = PiecesAreTheWholeVariant},
    {.id = "product-exact",
     .statement = "R * s is exact in binary32.",
     .method = "all 2^31 - 2^23 positive s for R = 1, 2, 3 (quick: every 251st)",
     .relied_on_by = "contract section 7, claim 1: fused and unfused sampling agree",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = ProductExact,
     .variant = "exact for |R| <= 3 too",
     .prove_variant = ProductExactVariant},
    {.id = "fused-is-unfused",
     .statement = "Fused and unfused sampling, fl(R s + w) and fl(fl(R s) + w), agree for every w.",
     .method = "all 2^31 - 2^23 positive s for R = 1, 2, 3 (quick: every 251st), with the one w "
               "that would tell them apart",
     .relied_on_by = "contract section 7; kernels without a fused multiply-add",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = FusedIsUnfused,
     .variant = "for |R| <= 2",
     .prove_variant = FusedIsUnfusedVariant},
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
    {.id = "two-roundings-set",
     .statement = "For any weights, binary32 and then bfloat16 differs from one rounding exactly "
                  "where R s + w is not a midpoint of bfloat16, its binary32 is, and it lies on "
                  "the odd neighbour's side.",
     .method = "sums around every midpoint of bfloat16 (quick: every seventh) and 1,000,000 "
               "(20,000) sums of float32 weights and whole b",
     .relied_on_by = "contract section 7, claim 2, for float32 weights",
     .expected = Verdict::kHolds,
     .prove = TwoRoundingsSet,
     .variant = "never, for float32 weights",
     .prove_variant = TwoRoundingsSetVariant},
    {.id = "exp2-correctly-rounded",
     .statement = "The 64-bit evaluation of 2^c decides the rounding of every binary32 c.",
     .method = "distance to a rounding boundary of all c (quick: every 61st), error bound of the "
               "table; MPFR on 10,000 codes (full: on all)",
     .relied_on_by = "cpu/exp2.h; contract section 6",
     .expected = Verdict::kHolds,
     .prove = Exp2CorrectlyRounded,
     .variant = "an evaluation with an error of 2^20 units would do",
     .prove_variant = Exp2CorrectlyRoundedVariant},
    {.id = "exp2-of-the-kernels",
     .statement = "The kernels' evaluation of 2^c in binary64 is correctly rounded for every "
                  "binary32 c.",
     .method = "its operations on this machine against cpu/exp2.h, all c (quick: every 251st)",
     .relied_on_by = "gpu/kernels/exp2.cuh, whose error bound alone does not decide it",
     .expected = Verdict::kHolds,
     .prove = Exp2OfTheKernels,
     .variant = "with eight terms of its series in place of thirteen",
     .prove_variant = Exp2OfTheKernelsVariant},
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
               "and in Coq (proofs/absorption.smt2, proofs/absorption.v)",
     .relied_on_by = "contract section 7, claim 3; the paper's choice of formats",
     .expected = Verdict::kHolds,
     .prove = AbsorptionThreshold,
     .variant = "never absorbed for b <= m + 2",
     .prove_variant = AbsorptionThresholdVariant},
    {.id = "absorption-shapes",
     .statement = "Noise of b bits needs m >= b - 1 trailing bits to be never absorbed and m >= b "
                  "- 2 to be absorbed at ties only, whatever the number of exponent bits.",
     .method = "all normal maxima, all weights, R = +-1, +-2, in formats of e = 2 .. 4 and m = 0 "
               ".. 6 (full: 2 .. 5 and 0 .. 8)",
     .relied_on_by = "which format suffices for which b: GaussWS, section 3",
     .expected = Verdict::kHolds,
     .prove = AbsorptionShapes,
     .variant = "m >= b is needed",
     .prove_variant = AbsorptionShapesVariant},
    {.id = "absorption-at-the-top",
     .statement = "For b <= m + 1 noise is not absorbed up to the end of a format's range either.",
     .method = "all maxima of the top binade and all weights of every format of up to 8 bits, ovf "
               "and sat, by the reference",
     .relied_on_by = "contract section 7, D 7.4",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = AbsorptionAtTheTop,
     .variant = "but for the largest finite weights",
     .prove_variant = AbsorptionAtTheTopVariant},
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
     .method = "exact rationals over R, all weights of bfloat16 and float8_e4m3fn in [2^-6, 1], "
               "along b = 9, 6 .. 4 in quarters, and 2",
     .relied_on_by = "ulproof anneal",
     .expected = Verdict::kHolds,
     .prove = AnnealingMoments,
     .variant = "the mean is the weight",
     .prove_variant = AnnealingMomentsVariant},
    {.id = "annealing-intact",
     .statement = "A weight passes intact with the probability of R = 0, 22370/32768 for rg16.",
     .method = "exact rationals over R, along b = 9, 6 .. 4 in quarters, and 2, in bfloat16, "
               "float8_e4m3fn and float6_e3m2fn",
     .relied_on_by = "ulproof anneal; the annealing schedule b 6 to 4",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = AnnealingIntact,
     .variant = "for b <= m + 1",
     .prove_variant = AnnealingIntactVariant},
    {.id = "stochastic-probability",
     .statement = "With N random bits, of the 2^N numbers r, floor(nu 2^N) round away from zero "
                  "under sra<N>, floor(nu 2^N + 1/2) under srb<N>, and RNE(nu 2^N) under src<N>.",
     .method = "all r for N = 1 .. 8, all 128 fractions nu between two neighbours of float8_e4m3fn "
               "that float16 has",
     .relied_on_by = "contract section 2",
     .expected = Verdict::kHolds,
     .prove = StochasticProbability,
     .variant = "all three round nu 2^N to nearest",
     .prove_variant = StochasticProbabilityVariant},
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
     .statement = "A cast float32 -> float16 -> float8 equals the direct one.",
     .method =
         "all 2^31 - 2^23 positive inputs (quick: every 251st), float8_e4m3fn and float8_e5m2",
     .relied_on_by = "contract section 3: a cast through a middle format is another operation",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = CastThroughFloat16,
     .variant = "the first cast by rto",
     .prove_variant = CastThroughFloat16Variant},
    {.id = "cast-through-float16-set",
     .statement = "Ties to even both, it differs exactly where the float16 is half way between two "
                  "neighbours of the float8, the input is not, and the input lies on the side that "
                  "the tie does not go to.",
     .method = "the same inputs",
     .relied_on_by = "explanations of mismatches: a kernel that goes through float16",
     .expected = Verdict::kHolds,
     .prove = CastThroughFloat16Set,
     .variant = "on either side",
     .prove_variant = CastThroughFloat16SetVariant},
    {.id = "fast-casts-exact",
     .statement = "The SIMD casts give the reference's code for every input, in every format, mode "
                  "and policy.",
     .method = "all 2^16 codes of bfloat16 and float16 to every format of up to 8 bits, six modes "
               "and three stochastic ones, four policies (full: all 2^32 codes of float32 to every "
               "format of up to 19 bits, policies other than ovf under rne only)",
     .relied_on_by = "cpu/cast_kernels.h",
     .expected = Verdict::kHolds,
     .prove = FastCastsExact,
     .variant = "with rna for rne",
     .prove_variant = FastCastsExactVariant},
    {.id = "mx-rules-saturate",
     .statement = "The maximum of an MX group does not saturate.",
     .method = "all significands of a bfloat16 maximum, every MX format, all four rules",
     .relied_on_by = "contract section 9: mixing the rules is the commonest MX bug",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = MxRulesOverflow,
     .variant = "only ceil and rceil are asked",
     .prove_variant = MxRulesOverflowVariant},
    {.id = "mx-rules-binade",
     .statement = "The maximum of an MX group uses the top binade of its elements' format.",
     .method = "all significands of a bfloat16 maximum, every MX format, all four rules",
     .relied_on_by = "contract section 9",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = MxRulesBinade,
     .variant = "only floor and even are asked",
     .prove_variant = MxRulesBinadeVariant},
    {.id = "mx-rules-error",
     .statement =
         "No element of an MX group is off by more than 1 / (2^(m+1) + 1) of the group's maximum.",
     .method = "exact rationals; all bfloat16 maxima of a binade, all weights of that binade and "
               "the next below",
     .relied_on_by = "contract section 9",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = MxRulesError,
     .variant = "of the formats and rules in the condition",
     .prove_variant = MxRulesErrorVariant},
    {.id = "noise-fits-block-scale",
     .statement =
         "w + R s, |R| <= 2, does not saturate under the MX scale computed from M without noise.",
     .method = "M (1 + 2^(2-b)) for all significands of a bfloat16 maximum, b = 1 .. 14, every MX "
               "format and rule",
     .relied_on_by = "who samples first and quantises with the old scale",
     .expected = Verdict::kHoldsOnlyIf,
     .prove = NoiseFitsBlockScale,
     .variant = "with ceil or rceil from those b on",
     .prove_variant = NoiseFitsBlockScaleVariant},
    {.id = "butterfly-symmetric",
     .statement = "After the canonical butterfly all lanes hold the same bits, within the bound of "
                  "any order.",
     .method = "2,000 vectors of terms over 20 binades",
     .relied_on_by = "contract section 8; the backward kernels",
     .expected = Verdict::kHolds,
     .prove = ButterflySymmetric,
     .variant = "after a shuffle-down tree",
     .prove_variant = ButterflySymmetricVariant},
    {.id = "sum-in-any-order",
     .statement = "n terms added in any order are within (n - 1) 2^-p sum |terms| of the exact "
                  "sum, p the precision.",
     .method = "a theorem of Jeannerod and Rump: all trees over all lists of up to 4 (full: 5) "
               "terms of up to 8 with p = 3, and 40 random trees of up to 1,000 terms in binary32; "
               "for all formats, terms and trees in Coq (proofs/sum_in_any_order.v)",
     .relied_on_by = "contract section 8: the bound for kernels that sum in another order",
     .expected = Verdict::kHolds,
     .prove = SumInAnyOrder,
     .variant = "within log2 n times that, as for a balanced tree",
     .prove_variant = SumInAnyOrderVariant},
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
