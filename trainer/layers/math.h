// SPDX-License-Identifier: Apache-2.0
// exp and tanh for the layers. In float they are short polynomials that the compiler vectorises and
// whose bits do not depend on the C library; in double they are the C library's.
#ifndef ULPROOF_TRAINER_LAYERS_MATH_H_
#define ULPROOF_TRAINER_LAYERS_MATH_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ulproof::trainer {

// e^x for x <= 88; 0 below -87. Relative error below 2e-7, NaN to NaN, which
// tests/trainer/layers_test.cc measures.
inline float Exp(float x) {
  const float clamped = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
  // x = n ln 2 + r, |r| <= ln(2)/2. Adding 1.5 * 2^23 rounds to an integer in the low bits.
  const float shifted = clamped * 1.44269504f + 12582912.0f;
  const float n = shifted - 12582912.0f;
  const float r = (clamped - n * 0.693145751953125f) - n * 1.42860677e-6f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const std::uint32_t power = (std::bit_cast<std::uint32_t>(shifted) - 0x4B400000u + 127u) << 23;
  const float value = p * std::bit_cast<float>(power);
  return x < -87.0f ? 0.0f : x == x ? value : x;
}
inline double Exp(double x) { return std::exp(x); }

// Absolute error below 2e-7.
inline float Tanh(float x) {
  const float limited = x > 10.0f ? 10.0f : x < -10.0f ? -10.0f : x;
  return 1.0f - 2.0f / (Exp(2.0f * limited) + 1.0f);
}
inline double Tanh(double x) { return std::tanh(x); }

// The sum of term(0) ... term(count - 1) in one fixed order that vectorises: sixteen interleaved
// partial sums, then those in rising order.
template <typename T, typename Term>
T Sum(std::size_t count, const Term& term) {
  constexpr std::size_t kLanes = 16;
  T lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  for (std::size_t lane = 0; i < count; ++i, ++lane) lanes[lane] += term(i);
  T sum = 0;
  for (const T lane : lanes) sum += lane;
  return sum;
}

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_LAYERS_MATH_H_
