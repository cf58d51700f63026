// SPDX-License-Identifier: Apache-2.0
// Codes to exact values and back, in integers: no rounding happens here. Rounding is the business
// of the implementations (reference/ops/round_to_format.h is its one definition).
#ifndef ULPROOF_FORMATS_CODEC_H_
#define ULPROOF_FORMATS_CODEC_H_

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/format_spec.h"

namespace ulproof::formats {

enum class ValueClass : std::uint8_t { kZero, kSubnormal, kNormal, kInfinity, kNan };

// The exact meaning of a code. For finite classes the value is
//   (negative ? -1 : +1) * significand * 2^exponent
// with the significand an integer below 2^(trailing_bits + 1): not reduced, so it keeps the
// format's grid. For infinity and NaN, significand and exponent are 0.
struct Decoded {
  ValueClass value_class;
  bool negative;
  std::uint64_t significand;
  int exponent;

  friend constexpr bool operator==(const Decoded&, const Decoded&) = default;
};

// Exact, total over codes. Precondition: code <= spec.code_mask().
constexpr Decoded Decode(const FormatSpec& spec, Code code) {
  const bool negative = spec.IsNegative(code);
  if (spec.IsNan(code))
    return {ValueClass::kNan, negative && spec.specials != Specials::kFnuz, 0, 0};
  if (spec.IsInfinity(code)) return {ValueClass::kInfinity, negative, 0, 0};
  const std::uint64_t trailing = code & spec.trailing_mask();
  const int biased_exponent =
      static_cast<int>((code & spec.magnitude_mask()) >> spec.trailing_bits);
  if (biased_exponent == 0 && spec.has_subnormals()) {
    const ValueClass value_class = trailing == 0 ? ValueClass::kZero : ValueClass::kSubnormal;
    return {value_class, negative, trailing, spec.quantum_exponent()};
  }
  const std::uint64_t leading_bit = std::uint64_t{1} << spec.trailing_bits;
  return {ValueClass::kNormal, negative, leading_bit | trailing,
          biased_exponent - spec.bias - spec.trailing_bits};
}

// The code of (-1)^negative * significand * 2^exponent when the format has exactly that value, else
// nothing. Exact; zero keeps its sign where the format has a negative zero and is +0 where it has
// not.
constexpr std::optional<Code> EncodeExact(const FormatSpec& spec, bool negative,
                                          std::uint64_t significand, int exponent) {
  if (negative && !spec.is_signed) return std::nullopt;
  const Code sign = negative ? spec.sign_mask() : 0;
  if (significand == 0) {
    if (!spec.has_zero()) return std::nullopt;
    return spec.has_negative_zero() ? sign : 0;
  }
  // Move the leading bit to the format's place for it, or as near as the finest step allows.
  const int leading = exponent + std::bit_width(significand) - 1;
  const int grid = leading - spec.trailing_bits > spec.quantum_exponent()
                       ? leading - spec.trailing_bits
                       : spec.quantum_exponent();
  const int shift = exponent - grid;
  if (shift < 0) {
    if (shift <= -64 || (significand & ((std::uint64_t{1} << -shift) - 1)) != 0)
      return std::nullopt;
    significand >>= -shift;
  } else {
    significand <<= shift;
  }
  const bool normal = (significand >> spec.trailing_bits) != 0;
  const std::int64_t biased_exponent = normal ? std::int64_t{leading} + spec.bias : 0;
  if (biased_exponent < 0 || biased_exponent >> spec.exponent_bits != 0) return std::nullopt;
  const Code magnitude = (static_cast<Code>(biased_exponent) << spec.trailing_bits) |
                         (significand & spec.trailing_mask());
  if (magnitude > spec.max_finite_code()) return std::nullopt;
  return sign | magnitude;
}

std::string_view ValueClassName(ValueClass value_class);

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_CODEC_H_
