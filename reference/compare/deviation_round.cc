// SPDX-License-Identifier: Apache-2.0
// Rounding and the sampled sum under a variant (contract sections 2, 3 and 7).
#include <bit>

#include "base/check.h"
#include "reference/compare/deviation_steps.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::FormatSpec;
using formats::kBfloat16;
using formats::kFloat16;
using formats::kFloat32;
using formats::Overflow;
using formats::Rounding;
using formats::RoundingMode;
using formats::ValueClass;

bool IsFinite(const Decoded& x) {
  return x.value_class != ValueClass::kNan && x.value_class != ValueClass::kInfinity;
}

Code NanOf(NanRule rule, const FormatSpec& to, bool negative) {
  switch (rule) {
    case NanRule::kContract:
      break;
    case NanRule::kLargest:
      return to.max_finite_code();
    case NanRule::kLargestSigned:
      return to.max_finite_code() | (negative ? to.sign_mask() : 0);
    case NanRule::kInfinity:
      return to.has_infinity() ? to.infinity_code() : to.canonical_nan_code();
    case NanRule::kZero:
      return 0;
    case NanRule::kSigned:
      return to.canonical_nan_code() | (negative ? to.sign_mask() : 0);
  }
  return to.canonical_nan_code();
}

// RN of a code to a narrower format, as a binary32 code again.
Code Through(const FormatSpec& middle, Code code) {
  return ToFloat32(middle, Cast(kFloat32, code, middle, Rounding{}, Overflow::kIeee));
}

// R s + w under a rounding to `to`. An exact zero sum has the sign of IEEE 754 for the mode.
Code ExactSum(const FormatSpec& to, Code noise, Code scale, Code weight, const Rounding& rounding,
              Overflow overflow, std::uint32_t random) {
  const Code nearest = Fma32(noise, scale, weight);
  if (!kFloat32.IsFinite(noise) || !kFloat32.IsFinite(scale) || !kFloat32.IsFinite(weight)) {
    return Cast(kFloat32, nearest, to, rounding, overflow, random);
  }
  const Dyadic product = Dyadic::FromCode(kFloat32, noise) * Dyadic::FromCode(kFloat32, scale);
  const Dyadic sum = product + Dyadic::FromCode(kFloat32, weight);
  const bool signs_differ =
      (kFloat32.IsNegative(noise) != kFloat32.IsNegative(scale)) != kFloat32.IsNegative(weight);
  const bool negative_zero =
      rounding.mode == RoundingMode::kDown && signs_differ ? true : kFloat32.IsNegative(nearest);
  return RoundToFormat(to, sum, rounding, overflow, random, negative_zero);
}

Code FlushSubnormal(const FormatSpec& format, Code code) {
  return format.IsSubnormal(code) ? code & format.sign_mask() : code;
}

}  // namespace

Code RoundNearest(const FormatSpec& to, const Decoded& x, TieRule ties, Overflow overflow) {
  const Code even = RoundToFormat(to, x, Rounding{}, overflow);
  if (ties == TieRule::kMode) return even;
  // Away from zero iff nu >= 1/2 + 2^-32: no value of up to 32 significant bits lies between.
  const Code toward_zero = RoundToFormat(to, x, Rounding{RoundingMode::kStochasticA, 32}, overflow,
                                         (std::uint32_t{1} << 31) - 1);
  if (ties == TieRule::kTowardZero) return toward_zero;
  const Code away = RoundToFormat(to, x, Rounding{RoundingMode::kNearestAway}, overflow);
  return even == away ? toward_zero : away;  // On a tie these two differ, and one is even.
}

Code VariantRound(const CastVariant& cast, const FormatSpec& to, Decoded x,
                  const Rounding& rounding, Overflow overflow, std::uint32_t random) {
  const bool negative = x.negative;
  if (x.value_class == ValueClass::kNan) return NanOf(cast.nan, to, negative);
  if (x.value_class == ValueClass::kInfinity) {
    if (cast.infinity == InfinityRule::kNan) return to.canonical_nan_code();
    if (cast.infinity == InfinityRule::kLargest) overflow = Overflow::kSaturate;
    return RoundToFormat(to, x, rounding, overflow, random);
  }
  if (x.significand == 0 && cast.negative_zero_lost) x.negative = false;
  if (cast.via) {
    const Rounding first = {cast.via_truncated ? RoundingMode::kTowardZero
                                               : RoundingMode::kNearestEven};
    x = Decode(*cast.via, RoundToFormat(*cast.via, x, first, Overflow::kIeee));
    if (!IsFinite(x)) return RoundToFormat(to, x, rounding, overflow, random);
  }
  Rounding mode = rounding;
  if (x.significand != 0) {
    const int leading = x.exponent + std::bit_width(x.significand) - 1;
    if (cast.subnormals_truncated && leading < to.min_exponent())
      mode = {RoundingMode::kTowardZero};
    if (cast.flush_tiny && leading < to.min_exponent()) x = {ValueClass::kZero, negative, 0, 0};
    if (cast.overflow_from_half) {
      const Decoded largest = Decode(to, to.max_finite_code());
      const Dyadic magnitude = Dyadic::FromDecoded(x).Abs();
      if (magnitude > Dyadic::FromDecoded(largest)) {
        x = {ValueClass::kNormal, negative, 1, to.max_exponent() + 2};
      }
    }
  }
  Code code = cast.ties != TieRule::kMode && mode.mode == RoundingMode::kNearestEven
                  ? RoundNearest(to, x, cast.ties, overflow)
                  : RoundToFormat(to, x, mode, overflow, random);
  if (cast.largest_overflows && (code & to.magnitude_mask()) == to.max_finite_code()) {
    const Decoded beyond = {ValueClass::kNormal, negative, 1, to.max_exponent() + 2};
    code = RoundToFormat(to, beyond, mode, overflow, random);
  }
  if (cast.flush_outputs) code = FlushSubnormal(to, code);
  if (cast.negative_tiny_lost && to.IsZero(code)) code = 0;
  return code;
}

Code VariantCast(const Variant& v, const FormatSpec& from, Code code, const FormatSpec& to,
                 std::uint32_t random) {
  if (v.cast.flush_inputs) code = FlushSubnormal(from, code);
  return VariantRound(v.cast, to, Decode(from, code), v.op.rounding, v.op.overflow, random);
}

Decoded ToDecoded(const Dyadic& x, bool negative_zero) {
  if (x.is_zero()) return {ValueClass::kZero, negative_zero, 0, 0};
  ULPROOF_CHECK(x.SignificandBits() <= 64);
  return {ValueClass::kNormal, x.is_negative(), static_cast<std::uint64_t>(x.Abs().significand()),
          static_cast<int>(x.exponent())};
}

Code VariantSample(const Variant& v, Code noise, Code scale, Code weight, std::uint32_t random) {
  const formats::Operation& op = v.op;
  const auto rounded_sum = [&](RoundingMode mode) {
    return ExactSum(kFloat32, noise, scale, weight, {mode}, Overflow::kIeee, 0);
  };
  Code sum = 0;
  switch (v.sum) {
    case SumRule::kContract:
      sum = Fma32(noise, scale, weight);
      break;
    case SumRule::kMultiplyAdd:
      sum = Add32(Mul32(noise, scale), weight);
      break;
    case SumRule::kProductToBfloat16:
      sum = Add32(Through(kBfloat16, Mul32(noise, scale)), weight);
      break;
    case SumRule::kProductToFloat16:
      sum = Add32(Through(kFloat16, Mul32(noise, scale)), weight);
      break;
    case SumRule::kNarrowFma:
      sum = ToFloat32(kBfloat16,
                      ExactSum(kBfloat16, Through(kBfloat16, noise), Through(kBfloat16, scale),
                               Through(kBfloat16, weight), Rounding{}, Overflow::kIeee, 0));
      break;
    case SumRule::kNarrowAdd:
      if (!formats::IsExactInFloat32(op.to)) break;
      sum = Add32(Through(op.to, Mul32(noise, scale)), Through(op.to, weight));
      break;
    case SumRule::kOneRounding:
      return ExactSum(op.to, noise, scale, weight, op.rounding, op.overflow, random);
    case SumRule::kTowardZero:
      sum = rounded_sum(RoundingMode::kTowardZero);
      break;
    case SumRule::kUp:
      sum = rounded_sum(RoundingMode::kUp);
      break;
    case SumRule::kDown:
      sum = rounded_sum(RoundingMode::kDown);
      break;
    case SumRule::kSubtracted:
      sum = Fma32(noise ^ kFloat32.sign_mask(), scale, weight);
      break;
    case SumRule::kZeroSkipped:
      sum = kFloat32.IsZero(noise) ? weight : Fma32(noise, scale, weight);
      break;
    case SumRule::kWeightFlushed:
      sum = Fma32(noise, scale, FlushSubnormal(kFloat32, weight));
      break;
    case SumRule::kSumFlushed:
      sum = FlushSubnormal(kFloat32,
                           Fma32(FlushSubnormal(kFloat32, noise), FlushSubnormal(kFloat32, scale),
                                 FlushSubnormal(kFloat32, weight)));
      break;
    case SumRule::kNoNoise:
      sum = weight;
      break;
  }
  return VariantCast(v, kFloat32, sum, op.to, random);
}

}  // namespace ulproof::reference
