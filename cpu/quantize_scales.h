// SPDX-License-Identifier: Apache-2.0
// The scale of one group from its largest |w| (contract section 9): the four MX rules, and the
// steps of NVFP4. Scalar, once a group; all of it exact integers or single IEEE operations.
#ifndef ULPROOF_CPU_QUANTIZE_SCALES_H_
#define ULPROOF_CPU_QUANTIZE_SCALES_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "formats/block_spec.h"
#include "formats/codec.h"

namespace ulproof::cpu {

// mxint8's elements as a format: one exponent bit makes a single grid of steps 2^-6 up to 127/64,
// so that a code is the sign and magnitude of the two's complement byte.
inline constexpr formats::FormatSpec kSignMagnitude8 = {
    .exponent_bits = 1, .trailing_bits = 6, .bias = 1, .specials = formats::Specials::kFinite};

// The format that elements are cast to.
constexpr formats::FormatSpec ElementFormat(const formats::BlockFormat& format) {
  return format.is_int8 ? kSignMagnitude8 : format.element;
}

// The value of a finite code as a binary32. Precondition: it is a normal binary32 or zero.
constexpr float Float32OfCode(const formats::FormatSpec& spec, formats::Code code) {
  const formats::Decoded x = formats::Decode(spec, code);
  const auto power = static_cast<std::uint32_t>(x.exponent + 127) << 23;
  const float value = static_cast<float>(x.significand) * std::bit_cast<float>(power);
  return x.negative ? -value : value;
}

inline constexpr std::uint32_t kFloat32Infinity = 0x7F800000;

// What a scale rule needs to know of the element format.
struct MxScaleRule {
  formats::ScaleRule rule;
  int max_exponent;   // emax: the exponent of the largest value.
  float max_value;    // max: that value.
  int trailing_bits;  // m.

  static MxScaleRule Of(const formats::BlockFormat& format, formats::ScaleRule rule) {
    const formats::FormatSpec element = ElementFormat(format);
    const float max_value = Float32OfCode(element, element.max_finite_code());
    return {.rule = rule,
            .max_exponent = static_cast<int>(std::bit_cast<std::uint32_t>(max_value) >> 23) - 127,
            .max_value = max_value,
            .trailing_bits = element.trailing_bits};
  }
};

// 1.significand * 2^exponent of a positive finite binary32, with 24 significant bits.
struct NormalParts {
  std::uint32_t significand;
  int exponent;
};
inline NormalParts Normalise(std::uint32_t code) {
  if (code >= 0x00800000) {
    return {(code & 0x007FFFFF) | 0x00800000, static_cast<int>(code >> 23) - 127};
  }
  const int up = 24 - static_cast<int>(std::bit_width(code));
  return {code << up, -126 - up};
}

// The float8_e8m0fnu code of X for a group whose largest |w| has this binary32 code.
inline std::uint8_t MxScaleCode(const MxScaleRule& rule, std::uint32_t max_code) {
  constexpr std::uint8_t kNan = 0xFF;
  constexpr int kBias = 127;
  if (max_code >= kFloat32Infinity) return kNan;
  if (rule.rule == formats::ScaleRule::kRceil) {
    max_code = std::bit_cast<std::uint32_t>(std::bit_cast<float>(max_code) / rule.max_value);
  }
  if (max_code == 0) return 0;
  const auto [significand, floor_log2] = Normalise(max_code);
  const bool power_of_two = significand == 0x00800000;
  int exponent = floor_log2;
  switch (rule.rule) {
    case formats::ScaleRule::kFloor:
    case formats::ScaleRule::kBest:  // Its first candidate.
      exponent -= rule.max_exponent;
      break;
    case formats::ScaleRule::kCeil:
      exponent += (power_of_two ? 0 : 1) - rule.max_exponent;
      break;
    case formats::ScaleRule::kEven: {
      // Rounding to 1 + m bits changes floor(log2 M) only where it carries to the next power of
      // two; the tie there lies above an odd significand of ones alone and goes up.
      const std::uint32_t half = std::uint32_t{1} << (22 - rule.trailing_bits);
      exponent += static_cast<int>((significand + half) >> 24) - rule.max_exponent;
      break;
    }
    case formats::ScaleRule::kRceil:
      exponent += power_of_two ? 0 : 1;
      break;
  }
  return static_cast<std::uint8_t>(std::clamp(exponent, -127, 127) + kBias);
}

// 1 / X, exact: 2^127 .. 2^-127, the last one subnormal. NaN for the NaN scale.
inline float MxMultiplier(std::uint8_t scale_code) {
  if (scale_code == 0xFF) return std::numeric_limits<float>::quiet_NaN();
  const std::uint32_t biased_exponent = 254 - scale_code;
  return std::bit_cast<float>(biased_exponent == 0 ? 0x00400000 : biased_exponent << 23);
}

// G for the largest |w| of the tensor. NaN where that is NaN or infinite.
inline float Nvfp4TensorScale(std::uint32_t max_code) {
  if (max_code >= kFloat32Infinity) return std::numeric_limits<float>::quiet_NaN();
  const float max = std::bit_cast<float>(max_code);
  return max == 0 ? 1.0f : std::min(2688.0f / max, std::numeric_limits<float>::max());
}

// What is cast to float8_e4m3fn to give D: with 1/6 in section 9, and with 1/4 for the second
// candidate of `best`.
inline constexpr float kSixth = 1.0f / 6.0f;
inline float Nvfp4GroupScale(float tensor_scale, float max, float fraction) {
  return max * (tensor_scale * fraction);
}

// E. A NaN stays a NaN.
inline float Nvfp4Multiplier(float tensor_scale, float group_scale) {
  const float e = 1.0f / (group_scale * (1.0f / tensor_scale));
  return e > std::numeric_limits<float>::max() ? std::numeric_limits<float>::max() : e;
}

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_QUANTIZE_SCALES_H_
