// SPDX-License-Identifier: Apache-2.0
// Block-scaled formats under a variant (contract section 9).
#include <algorithm>

#include "reference/compare/deviation_steps.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/dequantize_mx.h"
#include "reference/ops/dequantize_nvfp4.h"
#include "reference/ops/quantize_mx.h"
#include "reference/ops/quantize_nvfp4.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::FormatSpec;
using formats::kFloat32;
using formats::kFloat8E4m3fn;
using formats::kFloat8E8m0fnu;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using formats::ScaleRule;
using formats::ValueClass;

constexpr Code k2688 = 0x4528'0000;
constexpr Code kSixth = 0x3E2A'AAAB;  // RN32(1/6)
constexpr Code kSix = 0x40C0'0000;
constexpr Code k448 = 0x43E0'0000;

Code AtMostLargest(Code x) { return x == kInfinity32 ? kLargest32 : x; }

// The exponent of X before any clamp.
std::int64_t ExponentOfScale(const Variant& v, Code max) {
  const FormatSpec element = ElementSpec(v.op.block_format);
  const Dyadic m = Dyadic::FromCode(kFloat32, max);
  const int emax = element.max_exponent();
  switch (v.op.rule) {
    case ScaleRule::kFloor:
    case ScaleRule::kBest:  // Not here: HasDeviantMachine.
      return m.FloorLog2() - emax;
    case ScaleRule::kCeil:
      return m.CeilLog2() - emax;
    case ScaleRule::kEven: {
      const FormatSpec wide = {
          .exponent_bits = 11, .trailing_bits = element.trailing_bits, .bias = 1023};
      const Code rounded = RoundToFormat(wide, m, Rounding{}, Overflow::kIeee);
      return Dyadic::FromCode(wide, rounded).FloorLog2() - emax;
    }
    case ScaleRule::kRceil:
      break;
  }
  const Code largest = RoundToFormat(kFloat32, Decode(element, element.max_finite_code()),
                                     Rounding{}, Overflow::kIeee);
  const Code quotient =
      v.quantize.by_reciprocal ? Mul32(max, Div32(kOne32, largest)) : Div32(max, largest);
  if (kFloat32.IsZero(quotient)) return kFloat8E8m0fnu.min_exponent();
  return Dyadic::FromCode(kFloat32, quotient).CeilLog2();
}

Code RoundElement(const Variant& v, const FormatSpec& to, const Decoded& x) {
  const QuantizeVariant& q = v.quantize;
  Code code = q.element_ties != TieRule::kMode
                  ? RoundNearest(to, x, q.element_ties, q.element_overflow)
                  : VariantRound(v.cast, to, x, q.element_rounding, q.element_overflow, 0);
  if (q.zero_sign_lost && to.IsZero(code)) code = 0;
  return code;
}

}  // namespace

Code VariantMxScale(const Variant& v, Code max) {
  const QuantizeVariant& q = v.quantize;
  if (!kFloat32.IsFinite(max)) {
    return q.special_is_largest ? kFloat8E8m0fnu.max_finite_code()
                                : kFloat8E8m0fnu.canonical_nan_code();
  }
  if (kFloat32.IsZero(max)) return q.zero_group_is_one ? 127 : q.smallest_is_one ? 1 : 0;
  const std::int64_t exponent = ExponentOfScale(v, max) + q.exponent_step;
  if (q.wraps) return static_cast<Code>(exponent + kFloat8E8m0fnu.bias) & 0xFF;
  const std::int64_t least = kFloat8E8m0fnu.min_exponent() + (q.smallest_is_one ? 1 : 0);
  return static_cast<Code>(
      std::clamp<std::int64_t>(exponent, least, kFloat8E8m0fnu.max_exponent()) +
      kFloat8E8m0fnu.bias);
}

Code VariantMxElement(const Variant& v, Code scale, Code w) {
  const formats::BlockFormat& format = v.op.block_format;
  const FormatSpec element = ElementSpec(format);
  if (v.cast.flush_inputs && kFloat32.IsSubnormal(w)) w &= kFloat32.sign_mask();
  Decoded quotient = Decode(kFloat32, w);
  if (kFloat8E8m0fnu.IsNan(scale)) {
    quotient = {ValueClass::kNan, false, 0, 0};
  } else {
    quotient.exponent -= Decode(kFloat8E8m0fnu, scale).exponent;
  }
  const Code code = RoundElement(v, element, quotient);
  if (!format.is_int8) return code;
  if (v.quantize.asymmetric && quotient.negative && quotient.value_class != ValueClass::kNan) {
    const bool beyond = quotient.value_class == ValueClass::kInfinity ||
                        Dyadic::FromDecoded(quotient).Abs() > Dyadic::FromParts(false, 255, -7);
    if (beyond) return 0x80;
  }
  const Code magnitude = code & element.magnitude_mask();
  return element.IsNegative(code) ? -magnitude & 0xFF : magnitude;
}

Code VariantTensorScale(const Variant& v, Code max) {
  switch (v.quantize.tensor_scale) {
    case TensorScaleRule::kContract:
      break;
    case TensorScaleRule::kOne:
      return kOne32;
    case TensorScaleRule::kSix:
      return kFloat32.IsZero(max) ? kOne32 : Div32(kSix, max);
    case TensorScaleRule::kFourFortyEight:
      return kFloat32.IsZero(max) ? kOne32 : Div32(k448, max);
    case TensorScaleRule::kInverse:
      return Div32(max, k2688);
  }
  return Nvfp4TensorScale(max);
}

Code VariantGroupScale(const Variant& v, Code tensor_scale, Code group_max) {
  if (kFloat32.IsNan(tensor_scale)) return kFloat8E4m3fn.canonical_nan_code();
  Code wanted = Mul32(group_max, Mul32(tensor_scale, kSixth));
  Rounding rounding;
  switch (v.quantize.group_scale) {
    case GroupScaleRule::kContract:
      break;
    case GroupScaleRule::kDividedBySix:
      wanted = Div32(Mul32(group_max, tensor_scale), kSix);
      break;
    case GroupScaleRule::kMaxFirst:
      wanted = Mul32(Div32(group_max, kSix), tensor_scale);
      break;
    case GroupScaleRule::kSixthFirst:
      wanted = Mul32(Mul32(group_max, kSixth), tensor_scale);
      break;
    case GroupScaleRule::kTowardZero:
      rounding.mode = RoundingMode::kTowardZero;
      break;
    case GroupScaleRule::kUp:
      rounding.mode = RoundingMode::kUp;
      break;
  }
  return Cast(kFloat32, wanted, kFloat8E4m3fn, rounding, Overflow::kSaturate);
}

Code VariantNvfp4Element(const Variant& v, Code tensor_scale, Code group_scale, Code w) {
  if (v.cast.flush_inputs && kFloat32.IsSubnormal(w)) w &= kFloat32.sign_mask();
  const Code d = ToFloat32(kFloat8E4m3fn, group_scale);
  Code scaled = Mul32(w, Nvfp4Encoder(tensor_scale, group_scale));
  switch (v.quantize.encoder) {
    case EncoderRule::kContract:
      break;
    case EncoderRule::kDivided:
      scaled = Div32(w, Mul32(d, Div32(kOne32, tensor_scale)));
      break;
    case EncoderRule::kNotRounded:
      scaled = Mul32(w, Div32(tensor_scale, d));
      break;
    case EncoderRule::kNotClamped:
      scaled = Mul32(w, Div32(kOne32, Mul32(d, Div32(kOne32, tensor_scale))));
      break;
    case EncoderRule::kGroupOnly:
      scaled = Mul32(w, AtMostLargest(Div32(kOne32, d)));
      break;
  }
  return RoundElement(v, v.op.block_format.element, Decode(kFloat32, scaled));
}

Code VariantDequantize(const Variant& v, Code element, Code scale, Code tensor_scale) {
  const formats::Operation& op = v.op;
  const QuantizeVariant& q = v.quantize;
  const bool nvfp4 = op.block_format.has_tensor_scale;
  if (nvfp4 && q.tensor_scale == TensorScaleRule::kOne) tensor_scale = kOne32;
  if (nvfp4 && q.tensor_scale == TensorScaleRule::kInverse) {
    tensor_scale = Div32(kOne32, tensor_scale);
  }
  if (!nvfp4 && !kFloat8E8m0fnu.IsNan(scale)) {
    if (q.scale_zero_is_zero && scale == 0) return 0;
    scale = static_cast<Code>(static_cast<std::int64_t>(scale) + q.exponent_step) & 0xFF;
  }
  if (q.nan_scale_ignored && op.block_format.scale.IsNan(scale)) scale -= nvfp4 ? 0 : 1;
  const auto exact_as = [&](const FormatSpec& to) {
    formats::Operation inner = op;
    inner.to = to;
    if (to != op.to) inner.rounding = {}, inner.overflow = Overflow::kIeee;
    return nvfp4 ? DequantizeNvfp4Element(inner, element, scale, tensor_scale)
                 : DequantizeMxElement(inner, element, scale);
  };
  if (q.through_float32) {
    Code value = exact_as(kFloat32);
    if (nvfp4) {
      value =
          Div32(Mul32(ToFloat32(op.block_format.element, element), ToFloat32(kFloat8E4m3fn, scale)),
                tensor_scale);
    }
    return Cast(kFloat32, value, op.to, op.rounding, op.overflow);
  }
  if (v.cast == CastVariant{}) return exact_as(op.to);
  // What the knobs of a cast act on: the value in binary64, which holds every product exactly
  // (NVFP4's quotients are rounded there first).
  return VariantRound(v.cast, op.to, Decode(formats::kFloat64, exact_as(formats::kFloat64)),
                      op.rounding, op.overflow, 0);
}

}  // namespace ulproof::reference
