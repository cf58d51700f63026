// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/levels.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "reference/ops/arith.h"
#include "reference/ops/cast.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::kFloat32;
using formats::Levels;
using formats::ValueClass;

// The nearest integer to |value|, ties to even. Precondition: |value| < 2^24, or it is an integer
// below 2^63.
std::uint64_t NearestInteger(const Decoded& value) {
  if (value.exponent >= 0) return value.significand << value.exponent;
  const int shift = -value.exponent;
  if (shift > 25) return 0;  // Less than a half: the significand has 24 bits.
  const std::uint64_t whole = value.significand >> shift;
  const std::uint64_t rest = value.significand & ((std::uint64_t{1} << shift) - 1);
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  return whole + (rest > half || (rest == half && whole % 2 == 1));
}

Code IntegerCode(bool negative, std::uint64_t magnitude) {
  if (magnitude == 0) return 0;
  const auto code = formats::EncodeExact(kFloat32, negative, magnitude, 0);
  ULPROOF_CHECK(code.has_value());
  return *code;
}

Code RoundToInteger(const Levels& levels, Code u) {
  const Decoded value = Decode(kFloat32, u);
  const bool is_bounded = levels.kind == Levels::Kind::kIntegers;
  if (value.value_class == ValueClass::kInfinity || value.exponent > 0) {
    // An integer beyond 2^24, or an infinity.
    if (!is_bounded) return u;
    return value.negative ? LowestCode(levels) : HighestCode(levels);
  }
  const auto magnitude = static_cast<std::int64_t>(NearestInteger(value));
  const std::int64_t rounded = value.negative ? -magnitude : magnitude;
  const std::int64_t level =
      is_bounded ? std::clamp<std::int64_t>(rounded, levels.low, levels.high) : rounded;
  return IntegerCode(level < 0, static_cast<std::uint64_t>(level < 0 ? -level : level));
}

// The codec's word for a small exact float of formats/levels.h.
Code CodeOf(float exact) { return std::bit_cast<std::uint32_t>(exact); }

}  // namespace

Code RoundToLevel(const Levels& levels, Code u) {
  if (kFloat32.IsNan(u)) return kNan32;
  if (levels.kind != Levels::Kind::kFormat) return RoundToInteger(levels, u);
  const Code cast =
      Cast(kFloat32, u, levels.format, formats::Rounding{}, formats::Overflow::kSaturate);
  return levels.format.IsZero(cast) ? 0 : ToFloat32(levels.format, cast);
}

LeveledElement LevelElement(const Levels& levels, Code x, Code scale, Code zero) {
  LeveledElement element;
  element.distance = Sub32(x, zero);
  const bool is_collapsed = kFloat32.IsZero(scale) && !kFloat32.IsNan(element.distance);
  element.scaled = is_collapsed ? 0 : Div32(element.distance, scale);
  element.level = RoundToLevel(levels, element.scaled);
  return element;
}

Code WidthCode(const Levels& levels) { return CodeOf(LevelsWidth(levels)); }
Code HalfWidthCode(const Levels& levels) { return CodeOf(LevelsWidth(levels) / 2); }
Code LowestCode(const Levels& levels) { return CodeOf(LowestLevel(levels)); }
Code HighestCode(const Levels& levels) { return CodeOf(HighestLevel(levels)); }

bool IsLess32(Code a, Code b) {
  if (kFloat32.IsNan(a) || kFloat32.IsNan(b)) return false;
  const auto order = [](Code code) {
    const auto magnitude = static_cast<std::int64_t>(code & kFloat32.magnitude_mask());
    return kFloat32.IsNegative(code) ? -magnitude : magnitude;
  };
  return order(a) < order(b);
}

}  // namespace ulproof::reference
