// SPDX-License-Identifier: Apache-2.0
#include "cpu/calm_rounding.h"

#include <algorithm>
#include <cmath>

#include "formats/codec.h"

namespace ulproof::cpu {

CalmRounding CalmRoundingOf(const formats::Operation& op) {
  constexpr int kTrailingBits = formats::kFloat32.trailing_bits;
  constexpr int kBias = formats::kFloat32.bias;
  constexpr float kLargest = 0x1p100f;  // Far from where the power of two overflows.
  const formats::FormatSpec& to = op.to;
  const int discarded = kTrailingBits - to.trailing_bits;
  // The sum with the power of two stays in its binade when 3 bits are left for |x| and its sign.
  const bool usable = op.rounding.mode == formats::RoundingMode::kNearestEven && to.is_signed &&
                      to.trailing_bits >= 1 && discarded >= 3 && to.has_subnormals() &&
                      to.min_exponent() >= formats::kFloat32.min_exponent();
  if (!usable) return {};
  return {.usable = true,
          .min_exponent = (to.min_exponent() + kBias) << kTrailingBits,
          .addend = (discarded << kTrailingBits) | 1 << (kTrailingBits - 1),
          .limit = std::min(Float32ValueOf(to, to.max_finite_code()), kLargest)};
}

float Float32ValueOf(const formats::FormatSpec& spec, formats::Code code) {
  const formats::Decoded x = formats::Decode(spec, code);
  switch (x.value_class) {
    case formats::ValueClass::kNan:
      return NAN;
    case formats::ValueClass::kInfinity:
      return x.negative ? -INFINITY : INFINITY;
    default:
      break;
  }
  const float magnitude = std::ldexp(static_cast<float>(x.significand), x.exponent);
  return x.negative ? -magnitude : magnitude;
}

}  // namespace ulproof::cpu
