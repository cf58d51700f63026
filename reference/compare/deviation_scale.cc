// SPDX-License-Identifier: Apache-2.0
// The block maximum and its scale under a variant (contract section 6).
#include <algorithm>

#include "reference/compare/deviation_steps.h"
#include "reference/exact/real.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/elements.h"
#include "reference/ops/round_real.h"
#include "reference/ops/scale.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::kBfloat16;
using formats::kFloat16;
using formats::kFloat32;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;

// "Blocks" that stand for whole rows or tensors have no padding.
constexpr std::uint32_t kWidestPadded = 65'536;

Code Through(const formats::FormatSpec& middle, Code code) {
  return ToFloat32(middle, Cast(kFloat32, code, middle, Rounding{}, Overflow::kIeee));
}

Code Flush(Code code) { return kFloat32.IsSubnormal(code) ? code & kFloat32.sign_mask() : code; }

Code PowerOfTwo(std::int64_t k) {
  return RoundToFormat(kFloat32, Dyadic::FromParts(false, 1, k), Rounding{}, Overflow::kIeee);
}

// factor * 2^c to one rounding, from so many digits that only a freak could be rounded twice.
Code ExactPower(const Dyadic& factor, const Dyadic& c, const Rounding& rounding) {
  if (c > Dyadic::FromInteger(400)) return kInfinity32;
  if (c < Dyadic::FromInteger(-400)) return 0;
  constexpr int kManyBits = 256;
  Real argument(512), power(kManyBits), product(kManyBits + 64);
  const Real exact_argument = ToReal(c);
  mpfr_set(argument, exact_argument, MPFR_RNDN);
  mpfr_exp2(power, argument, MPFR_RNDN);
  const Real exact_factor = ToReal(factor);
  mpfr_mul(product, power, exact_factor, MPFR_RNDN);
  return RoundRealDetail(kFloat32, product, rounding, Overflow::kIeee).code;
}

// The integer part toward zero, or the nearest integer.
std::int64_t ToInteger(const Dyadic& x, bool nearest) {
  Dyadic magnitude = x.Abs();
  if (nearest) magnitude += Dyadic::FromParts(false, 1, -1);
  Dyadic::Integer integer = magnitude.significand();
  if (magnitude.exponent() < 0) {
    integer >>= static_cast<unsigned>(std::min<std::int64_t>(-magnitude.exponent(), 1000));
  } else {
    integer <<= static_cast<unsigned>(std::min<std::int64_t>(magnitude.exponent(), 40));
  }
  const auto whole = static_cast<std::int64_t>(std::min(integer, Dyadic::Integer(100'000)));
  return x.is_negative() ? -whole : whole;
}

// e of a finite b.
Code PowerOfBits(const ScaleVariant& scale, Code bits) {
  const Dyadic b = Dyadic::FromCode(kFloat32, bits);
  const Code rounded = Sub32(kOne32, bits);
  const Dyadic c = Dyadic::FromCode(kFloat32, rounded);
  switch (scale.exponent) {
    case ExponentRule::kContract:
      break;
    case ExponentRule::kNotRounded:
      return ExactPower(Dyadic::FromInteger(1), Dyadic::FromInteger(1) - b, Rounding{});
    case ExponentRule::kFloored: {
      const std::int64_t whole = ToInteger(c, false);
      return PowerOfTwo(whole - (Dyadic::FromInteger(whole) > c ? 1 : 0));
    }
    case ExponentRule::kNearestInteger:
      return PowerOfTwo(ToInteger(c, true));
    case ExponentRule::kBitsTruncated:
      return PowerOfTwo(1 - ToInteger(b, false));
    case ExponentRule::kMinusBits:
      return Exp2(bits ^ kFloat32.sign_mask());
    case ExponentRule::kTwoMinusBits:
      return Exp2(Sub32(PowerOfTwo(1), bits));
    case ExponentRule::kNegated:
      return Exp2(Sub32(bits, kOne32));
    case ExponentRule::kQuantisationStep:
      return Div32(kOne32, Sub32(Exp2(Sub32(bits, kOne32)), kOne32));
    case ExponentRule::kByReciprocal:
      return Div32(kOne32, Exp2(Sub32(bits, kOne32)));
  }
  if (scale.exp_truncated) {
    return ExactPower(Dyadic::FromInteger(1), c, Rounding{RoundingMode::kTowardZero});
  }
  return Exp2(rounded);
}

Code PowerAtMax(PowerRule rule, Code max) {
  if (!kFloat32.IsFinite(max) || kFloat32.IsZero(max)) return max;
  const Dyadic m = Dyadic::FromCode(kFloat32, max);
  const std::int64_t below = m.FloorLog2();
  switch (rule) {
    case PowerRule::kContract:
      break;
    case PowerRule::kDown:
      return PowerOfTwo(below);
    case PowerRule::kNearest:
      return PowerOfTwo(m >= Dyadic::FromParts(false, 3, below - 1) ? below + 1 : below);
    case PowerRule::kStrictlyAbove:
      return PowerOfTwo(below + 1);
  }
  return RoundUpToPowerOfTwo(max);
}

}  // namespace

Code VariantMax(const MaxVariant& max, const formats::ConstBuffer& w, const MaxPlace& place) {
  const formats::FormatSpec& from = w.type.format;
  const formats::Shape& shape = place.shape;
  formats::BlockGrid::Extent extent = place.extent;
  if (max.range == RangeRule::kLastRowMissed) --extent.row_end;
  if (max.range == RangeRule::kLastColumnMissed) --extent.col_end;
  if (max.range == RangeRule::kTailMissed) {
    extent.col_end -= (extent.col_end - extent.col_begin) % 8;
  }
  if (max.range == RangeRule::kPaddingRead && place.block.cols <= kWidestPadded) {
    extent.row_end = std::min<std::uint64_t>(extent.row_begin + place.block.rows, shape.rows);
    extent.col_end = extent.col_begin + place.block.cols;
  }
  Code largest = 0;  // Magnitude code; the signed maximum starts from it too, as +0.
  bool is_infinite = false;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    if (((row - extent.row_begin) & max.row_bit_missed) != 0) continue;
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      if (((col - extent.col_begin) & max.col_bit_missed) != 0) continue;
      if (max.range == RangeRule::kFirstElementMissed && row == extent.row_begin &&
          col == extent.col_begin) {
        continue;
      }
      const std::uint64_t index = MemoryIndex(shape, row, col);
      if (index >= shape.count()) continue;
      const Code code = w.Get(index);
      if (from.IsNan(code)) {
        if (max.nan == NanInMax::kContract) return kNan32;
        is_infinite |= max.nan == NanInMax::kInfinity;
        continue;
      }
      if (max.infinity_skipped && from.IsInfinity(code)) continue;
      if (max.is_signed && from.IsNegative(code)) continue;
      if (max.subnormals_flushed && from.IsSubnormal(code)) continue;
      largest = std::max(largest, code & from.magnitude_mask());
    }
  }
  if (is_infinite) return kInfinity32;
  const Code result = ToFloat32(from, largest);
  return max.to_bfloat16 ? Through(kBfloat16, result) : result;
}

Code VariantScale(const Variant& v, Code max, Code bits) {
  const ScaleVariant& scale = v.scale;
  if (kFloat32.IsZero(max)) {
    if (!scale.zero_max_by_product) return 0;
    max = 0;
  }
  const Code m = v.op.pow2 && !scale.after_pow2 ? PowerAtMax(scale.power, max) : max;
  Code s = 0;
  if (scale.one_rounding && kFloat32.IsFinite(m) && kFloat32.IsFinite(bits)) {
    s = ExactPower(Dyadic::FromCode(kFloat32, m), Dyadic::FromCode(kFloat32, Sub32(kOne32, bits)),
                   Rounding{});
  } else {
    Code e = kFloat32.IsFinite(bits) ? PowerOfBits(scale, bits) : Exp2(Sub32(kOne32, bits));
    if (scale.exp_flushed) e = Flush(e);
    if (scale.exp_to_bfloat16) e = Through(kBfloat16, e);
    s = Mul32(m, e);
  }
  if (v.op.pow2 && scale.after_pow2) s = RoundUpToPowerOfTwo(s);
  if (scale.scale_flushed) s = Flush(s);
  if (scale.scale_to_bfloat16) s = Through(kBfloat16, s);
  if (scale.scale_to_float16) s = Through(kFloat16, s);
  return s;
}

}  // namespace ulproof::reference
