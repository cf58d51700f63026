// SPDX-License-Identifier: Apache-2.0
// An element of the quantizers with a fitted scale under a variant (contract section 14): its
// level, fake_quantize and perturb.
#include "reference/compare/deviation_steps.h"
#include "reference/ops/arith.h"
#include "reference/ops/elements.h"
#include "reference/quantizers/levels.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::kFloat32;
using formats::RoundingMode;

constexpr Code kHalf = 0x3F00'0000;
constexpr Code kSign32 = kFloat32.sign_mask();

// Whether |u| = whole + rest / 2^shift goes up to whole + 1.
bool GoesUp(const Variant& v, bool negative, std::uint64_t whole, std::uint64_t rest, int shift) {
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  if (v.level.half_up) return negative && rest != 0;  // The floor of what is u + 1/2 already.
  switch (v.op.rounding.mode) {
    case RoundingMode::kTowardZero:
      return false;
    case RoundingMode::kNearestAway:
      return rest >= half;
    case RoundingMode::kUp:
      return !negative && rest != 0;
    case RoundingMode::kDown:
      return negative && rest != 0;
    case RoundingMode::kToOdd:
      return rest != 0 && whole % 2 == 0;
    default:
      break;
  }
  if (rest != half) return rest > half;
  if (v.cast.ties == TieRule::kTowardZero) return false;
  return whole % 2 == (v.cast.ties == TieRule::kToOdd ? 0 : 1);
}

Code IntegerCode(bool negative, std::uint64_t magnitude) {
  if (magnitude == 0) return 0;
  return formats::EncodeExact(kFloat32, negative, magnitude, 0).value();
}

Code NearInteger(const Variant& v, Code u) {
  if (v.level.half_up) u = Add32(u, kHalf);
  const Decoded value = Decode(kFloat32, u);
  if (!kFloat32.IsFinite(u) || value.exponent >= 0) return kFloat32.IsZero(u) ? 0 : u;
  const int shift = std::min(-value.exponent, 32);  // Of 24 bits.
  const std::uint64_t whole = value.significand >> shift;
  const std::uint64_t rest = value.significand & ((std::uint64_t{1} << shift) - 1);
  return IntegerCode(value.negative, whole + GoesUp(v, value.negative, whole, rest, shift));
}

Code LevelOfNan(const Variant& v) {
  if (v.level.nan_is_lowest) return LowestCode(v.op.levels);
  if (v.cast.nan == NanRule::kLargest) return HighestCode(v.op.levels);
  return v.cast.nan == NanRule::kZero ? 0 : kNan32;
}

Code Level(const Variant& v, Code u) {
  const formats::Levels& levels = v.op.levels;
  if (kFloat32.IsNan(u)) return LevelOfNan(v);
  if (levels.kind == formats::Levels::Kind::kFormat) {
    const Code code = VariantRound(v.cast, levels.format, Decode(kFloat32, u), v.op.rounding,
                                   formats::Overflow::kSaturate, 0);
    return levels.format.IsZero(code) ? 0 : ToFloat32(levels.format, code);
  }
  const Code level = NearInteger(v, u);
  if (levels.kind == formats::Levels::Kind::kAllIntegers || v.level.not_clamped) return level;
  const Code low = LowestCode(levels);
  const Code high =
      v.level.one_level_more ? Add32(HighestCode(levels), kOne32) : HighestCode(levels);
  if (IsLess32(level, low)) return low;
  return IsLess32(high, level) ? high : level;
}

}  // namespace

LeveledElement VariantLevel(const Variant& v, Code x, Code scale, Code zero) {
  LeveledElement element;
  element.distance = v.level.zero_point_ignored ? x : Sub32(x, zero);
  const bool is_collapsed = kFloat32.IsZero(scale) && !kFloat32.IsNan(element.distance);
  if (is_collapsed && !v.level.zero_scale_divides) {
    element.scaled = 0;
  } else if (v.level.by_reciprocal) {
    element.scaled = Mul32(element.distance, Div32(kOne32, scale));
  } else {
    element.scaled = Div32(element.distance, scale);
  }
  element.level = Level(v, element.scaled);
  return element;
}

Code VariantFakeQuantize(const Variant& v, Code x, Code scale, Code zero) {
  const Code level = VariantLevel(v, x, scale, zero).level;
  if (v.level.zero_point_ignored) zero = 0;
  return v.level.two_roundings ? Add32(Mul32(level, scale), zero) : Fma32(level, scale, zero);
}

Code VariantPerturb(const Variant& v, Code noise, Code x, Code scale, Code limit) {
  Variant sum = v;
  sum.op.to = kFloat32;
  const Code t = VariantSample(sum, noise, scale, x, 0);
  if (IsLess32(limit, t)) return limit;
  return IsLess32(t, limit ^ kSign32) ? limit ^ kSign32 : t;
}

}  // namespace ulproof::reference
