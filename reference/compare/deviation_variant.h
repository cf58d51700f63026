// SPDX-License-Identifier: Apache-2.0
// One way, right or wrong, to compute an operation: the operation itself and a knob for each step
// that implementations get wrong. A default knob is the contract. What turns the knobs is
// deviation.h's catalogue; what obeys them is DeviantCase.
#ifndef ULPROOF_REFERENCE_COMPARE_DEVIATION_VARIANT_H_
#define ULPROOF_REFERENCE_COMPARE_DEVIATION_VARIANT_H_

#include <array>
#include <cstdint>
#include <optional>

#include "formats/operation.h"

namespace ulproof::reference {

// --- How each step of a computation may differ. The first enumerator is the contract.

// Which logical element's noise an element gets (contract section 4).
enum class IndexRule : std::uint8_t {
  kContract,
  kPlusOne,
  kMinusOne,
  kStrideIgnored,    // row * cols + col
  kStrideOfBlock,    // row * (columns of a block) + col
  kColumnMajor,      // col * rows + row
  kColumnOnly,       // noise reused by every row
  kWithinBlock,      // noise reused by every block
  kBlockAfterBlock,  // blocks one after another, each row-major within itself
  kOffsetTwice,
  kOffsetDownToEight,
  kOffsetInWords,     // offset counts groups of eight elements
  kLow32,             // computed in 32 bits
  kRelativeLow32,     // row * stride + col in 32 bits, offset in 64
  kModulo32,          // noise reused every 32 elements
  kDividedBy32,       // noise shared by 32 neighbours
  kDividedBy8,        // the same group's first element for all eight
  kFirstHalfOfEight,  // the first four of eight for the other four too
};

// The counter and key words of Philox, and its rounds.
enum class CounterRule : std::uint8_t {
  kContract,  // group low, group high, stream low, stream high
  kStreamFirst,
  kHalvesSwapped,
  kGroupHalvesSwapped,
  kStreamHalvesSwapped,
  kGroupLow32,
  kStreamLow32,
  kReversed,
};
struct PhiloxVariant {
  int rounds = 10;
  CounterRule counter = CounterRule::kContract;
  bool key_words_swapped = false;
  bool key_low32 = false;
  bool multipliers_swapped = false;
  bool key_steps_swapped = false;
  bool key_never_stepped = false;
  bool key_stepped_first = false;
  bool key_steps_alike = false;   // both key words take the first one's step
  bool products_swapped = false;  // high and low halves of the products exchanged
  bool first_product_swapped = false;
  bool words_reversed = false;  // w3 first

  friend bool operator==(const PhiloxVariant&, const PhiloxVariant&) = default;
};

// How an integer law makes R of its words (contract section 5).
enum class SignRule : std::uint8_t { kContract, kInverted, kNever, kLowBit };
struct LawVariant {
  bool high_half_first = false;  // rg16
  bool lanes_by_half = false;    // rg16: element i takes word i mod 4, half i div 4
  SignRule sign = SignRule::kContract;
  std::array<int, 3> threshold_step = {};  // added to each threshold
  int largest = 3;                         // |R| at most
  bool second_threshold_alone = false;     // |R| = 2 where U is below the first
  bool planes_reversed = false;            // rgbits: p11 is the top bit of U
  bool sign_plane_last = false;            // rgbits: U of p0..p10, the sign in p11
  bool lanes_reversed = false;             // rgbits: bit 31 - j
  bool runs_of_four_groups = false;        // rgbits: groups 4q..4q+2

  friend bool operator==(const LawVariant&, const LawVariant&) = default;
};

// How noise is stored (contract section 5).
enum class PackRule : std::uint8_t {
  kContract,
  kHighNibbleFirst,
  kBytesSwapped,       // within a byte high nibble first
  kTwosComplement,     // nibbles in two's complement
  kSignMagnitudeByte,  // bytes in sign-magnitude
  kSignOnZero,         // a sign bit on R = 0
  kPaddingDrawn,       // nibbles past the end hold noise
};

// Which r a stochastic rounding takes (contract section 2).
enum class RandomRule : std::uint8_t {
  kContract,
  kNoiseStream,  // the stream of the noise, bit 63 not flipped
  kHighBits,     // the high N bits
  kZero,
  kInverted,
  kOtherWords,  // rg32's words for N <= 16
  kHighHalfFirst,
  kPairsAlike,  // r of the even neighbour for the odd one too
};

// The rounding of a value to a narrow format (contract sections 2 and 3).
enum class TieRule : std::uint8_t { kMode, kTowardZero, kToOdd };
enum class NanRule : std::uint8_t {
  kContract,
  kLargest,
  kLargestSigned,
  kInfinity,
  kZero,
  kSigned
};
enum class InfinityRule : std::uint8_t { kContract, kNan, kLargest };
struct CastVariant {
  bool flush_inputs = false;
  bool flush_outputs = false;
  bool flush_tiny = false;                      // below the smallest normal, before rounding
  std::optional<formats::FormatSpec> via = {};  // rounded there first
  bool via_truncated = false;
  TieRule ties = TieRule::kMode;  // where the mode is rne
  NanRule nan = NanRule::kContract;
  InfinityRule infinity = InfinityRule::kContract;
  bool negative_zero_lost = false;    // of a zero
  bool negative_tiny_lost = false;    // of anything that rounds to zero
  bool overflow_from_half = false;    // values that round down to the largest already overflow
  bool largest_overflows = false;     // what rounds to the largest finite value
  bool subnormals_truncated = false;  // below the smallest normal, rtz
  RandomRule random = RandomRule::kContract;

  friend bool operator==(const CastVariant&, const CastVariant&) = default;
};

// The largest magnitude of a block (contract section 6).
enum class NanInMax : std::uint8_t { kContract, kSkipped, kInfinity };
enum class RangeRule : std::uint8_t {
  kContract,
  kLastRowMissed,
  kLastColumnMissed,
  kFirstElementMissed,
  kTailMissed,   // columns past the last multiple of eight
  kPaddingRead,  // edge blocks as wide as whole ones: they run into the next row
  kWholeTensor,
  kTransposed,   // blocks of cols x rows
  kFlat,         // runs of rows * cols consecutive elements
  kRowOfBlocks,  // whole rows of the tensor
  kSide16,
  kSide64,
};
struct MaxVariant {
  NanInMax nan = NanInMax::kContract;
  bool infinity_skipped = false;
  bool is_signed = false;  // the largest value, not magnitude
  bool subnormals_flushed = false;
  bool to_bfloat16 = false;
  RangeRule range = RangeRule::kContract;
  // A step of a reduction that is missing: elements whose row or column has this bit are not seen.
  unsigned row_bit_missed = 0;
  unsigned col_bit_missed = 0;
  bool blocks_column_major = false;  // the result of block i goes to its mirror in the grid

  friend bool operator==(const MaxVariant&, const MaxVariant&) = default;
};

// s = M 2^(1-b) (contract section 6).
enum class ExponentRule : std::uint8_t {
  kContract,
  kNotRounded,  // 1 - b exactly
  kFloored,     // the integer part only
  kNearestInteger,
  kBitsTruncated,  // b to an integer first
  kMinusBits,      // 2^-b
  kTwoMinusBits,
  kNegated,           // 2^(b-1)
  kQuantisationStep,  // 1 / (2^(b-1) - 1)
  kByReciprocal,      // 1 / 2^(b-1)
};
enum class BitsRule : std::uint8_t { kContract, kFirst, kNext, kColumnMajor, kOfRow, kOfColumn };
enum class PowerRule : std::uint8_t { kContract, kDown, kNearest, kStrictlyAbove };
struct ScaleVariant {
  ExponentRule exponent = ExponentRule::kContract;
  BitsRule bits = BitsRule::kContract;
  PowerRule power = PowerRule::kContract;
  bool zero_max_by_product = false;  // M = 0 is multiplied like any other
  bool exp_flushed = false;
  bool exp_to_bfloat16 = false;
  bool exp_truncated = false;  // rounded toward zero
  bool scale_flushed = false;
  bool scale_to_bfloat16 = false;
  bool scale_to_float16 = false;
  bool one_rounding = false;  // M 2^c rounded once
  bool after_pow2 = false;    // pow2 rounds s instead of M

  friend bool operator==(const ScaleVariant&, const ScaleVariant&) = default;
};

// t = RN32(R s + w) (contract section 7).
enum class SumRule : std::uint8_t {
  kContract,
  kMultiplyAdd,
  kProductToBfloat16,
  kProductToFloat16,
  kNarrowFma,    // bfloat16 operands and result
  kNarrowAdd,    // w and R s to the output format, then added there
  kOneRounding,  // R s + w rounded once to the output format
  kTowardZero,   // the fused multiply-add rounds toward zero
  kUp,
  kDown,
  kSubtracted,
  kZeroSkipped,  // R = 0 leaves w as it is
  kWeightFlushed,
  kSumFlushed,
  kNoNoise,
};

// The sum of a block's grad R, and its factor (contract section 8).
enum class ReductionRule : std::uint8_t {
  kContract,
  kSequential,          // row-major, one accumulator
  kSequentialFused,     // the same with fused multiply-adds
  kRowsThenSequential,  // rows by the tree, their sums in order
  kSequentialThenTree,  // rows in order, their sums by the tree
  kColumnsFirst,
  kButterflyReversed,  // distances 1, 2, 4, 8, 16
  kRowsReversed,       // the same over the rows alone
  kExact,              // rounded once
  kRowBitMissed,       // the last step over the rows is missing
  kLastRowMissed,
  kLastColumnMissed,
};
enum class FactorRule : std::uint8_t {
  kContract,
  kNoLn2,
  kPositiveLn2,
  kLn2NextDown,
  kLn2NextUp,
  kLn2Bfloat16,
  kScaleLast,   // -ln2 (s sum)
  kScaleAfter,  // (-ln2 sum) s
  kNoScale,
  kLog2E,  // divided instead: 1 / ln 2
};
struct BackwardVariant {
  ReductionRule reduction = ReductionRule::kContract;
  FactorRule factor = FactorRule::kContract;
  bool zero_skipped = false;    // R = 0 adds +0, even to an infinity
  bool magnitude_only = false;  // grad |R|
  bool product_to_bfloat16 = false;
  bool blocks_column_major = false;  // s of the mirror block
  bool first_scale = false;          // s of block 0

  friend bool operator==(const BackwardVariant&, const BackwardVariant&) = default;
};

// Block-scaled formats (contract section 9).
enum class GroupRule : std::uint8_t { kContract, kHalf, kDouble, kAlongColumn, kWholeTensor };
enum class TensorScaleRule : std::uint8_t { kContract, kOne, kSix, kFourFortyEight, kInverse };
enum class GroupScaleRule : std::uint8_t {
  kContract,
  kDividedBySix,  // RN32(RN32(M G) / 6)
  kMaxFirst,      // RN32(RN32(M / 6) G)
  kSixthFirst,    // RN32(RN32(M * 1/6) G)
  kTowardZero,
  kUp,
};
enum class EncoderRule : std::uint8_t { kContract, kDivided, kNotRounded, kNotClamped, kGroupOnly };
struct QuantizeVariant {
  GroupRule group = GroupRule::kContract;
  int exponent_step = 0;            // added to the exponent of X
  bool wraps = false;               // no clamp: the exponent wraps in eight bits
  bool smallest_is_one = false;     // code 0 is not used: X at least 2^-126
  bool zero_group_is_one = false;   // a group of zeros has X = 1
  bool special_is_largest = false;  // infinity and NaN give the largest scale
  bool by_reciprocal = false;       // rceil: RN32(M * RN32(1 / max))
  bool zero_sign_lost = false;
  bool asymmetric = false;  // mxint8 down to -128
  formats::Rounding element_rounding = {};
  formats::Overflow element_overflow = formats::Overflow::kSaturate;
  TieRule element_ties = TieRule::kMode;
  TensorScaleRule tensor_scale = TensorScaleRule::kContract;
  GroupScaleRule group_scale = GroupScaleRule::kContract;
  EncoderRule encoder = EncoderRule::kContract;
  // Dequantisation.
  bool through_float32 = false;
  bool nan_scale_ignored = false;
  bool scale_zero_is_zero = false;  // e8m0 code 0 taken for 0

  friend bool operator==(const QuantizeVariant&, const QuantizeVariant&) = default;
};

// The quantizers with a fitted scale (contract section 14). How levels are rounded is also in
// Variant::op.rounding and CastVariant, the order of sums in BackwardVariant.
struct LevelVariant {
  bool half_up = false;             // integers by floor(u + 1/2)
  bool by_reciprocal = false;       // u = d * RN32(1 / s)
  bool nan_is_lowest = false;       // a NaN becomes the lowest level
  bool not_clamped = false;         // integers beyond the outermost levels stay
  bool one_level_more = false;      // the highest level plus 1 is one too
  bool two_roundings = false;       // RN32(RN32(q s) + z)
  bool zero_point_ignored = false;  // z = 0
  bool zero_scale_divides = false;  // a scale of 0 divides like any other

  friend bool operator==(const LevelVariant&, const LevelVariant&) = default;
};
struct FitVariant {
  bool onto_highest = false;      // minmax: M / highest
  bool of_a_sample = false;       // n - 1 for n
  bool about_zero = false;        // deviations from 0, not from the mean
  bool levels_for_steps = false;  // bits: 2^b for 2^b - 1
  bool infinity_kept = false;     // an infinite scale stays
  bool zero_sign_kept = false;    // the minimum of a block may be -0
  bool old_scale = false;         // refit: the zero point found with the scale before the step
  bool no_guard = false;          // refit: a / c also where c = 0

  friend bool operator==(const FitVariant&, const FitVariant&) = default;
};
struct GradientVariant {
  bool ends_inside = false;       // the outermost levels are inside
  bool passes_outside = false;    // grad_x = g outside too
  bool nothing_outside = false;   // nothing of grad_s from outside
  bool level_everywhere = false;  // p = q inside too
  bool noise_inverted = false;    // u - q
  bool xi_inverted = false;
  bool xi_two_roundings = false;  // RN32(RN32(s xi) + n)
  // aewgs.
  bool sign_ignored = false;  // t = n whatever the sign of g
  bool about_zero = false;    // V about 0, not about E
  bool no_least_variance = false;
  bool no_largest_step = false;

  friend bool operator==(const GradientVariant&, const GradientVariant&) = default;
};

// One way to compute an operation. `op` starts as the case's and may be edited, except for what
// the ports depend on (kind, from, to, packing, shape's sides, and for outputs a block the block).
struct Variant {
  explicit Variant(const formats::Operation& operation) : op(operation) {}

  formats::Operation op;
  IndexRule index = IndexRule::kContract;
  PhiloxVariant philox;
  LawVariant law;
  PackRule pack = PackRule::kContract;
  CastVariant cast;
  MaxVariant max;
  ScaleVariant scale;
  SumRule sum = SumRule::kContract;
  BackwardVariant backward;
  QuantizeVariant quantize;
  LevelVariant level;
  FitVariant fit;
  GradientVariant gradient;

  friend bool operator==(const Variant&, const Variant&) = default;
};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_DEVIATION_VARIANT_H_
