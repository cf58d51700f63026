// SPDX-License-Identifier: Apache-2.0
// Box-Muller in binary32 (contract section 5), as a careful kernel would do it: additions,
// multiplications, a division and a root, each correctly rounded and none fused, so that every
// target gives the same bits. z / 2 is within 4 ulp of the exact value. The integer R differs from
// the exact decision only where z / 2 lies that near to a half-integer: 64 times in 2^31, or 3 in
// 10^8 (both counted in tests/cpu/box_muller_test.cc).
#include <cstdint>

#if defined(ULPROOF_CPU_BOX_MULLER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_BOX_MULLER_INL_H_
#undef ULPROOF_CPU_BOX_MULLER_INL_H_
#else
#define ULPROOF_CPU_BOX_MULLER_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace box_muller {

using DF = hn::ScalableTag<float>;
using DU = hn::RebindToUnsigned<DF>;
using DI = hn::RebindToSigned<DF>;
using F = hn::Vec<DF>;
using U = hn::Vec<DU>;

HWY_INLINE F Constant(float x) { return hn::Set(DF(), x); }

// x^2's polynomial c0 + c1 x^2 + ... in Horner's scheme, last coefficient first.
template <typename... Rest>
HWY_INLINE F Polynomial(F x2, F sum, float coefficient, Rest... rest) {
  sum = hn::Add(hn::Mul(sum, x2), Constant(coefficient));
  if constexpr (sizeof...(rest) == 0) {
    return sum;
  } else {
    return Polynomial(x2, sum, rest...);
  }
}

// w + 1/2, rounded once: both halves are exact and so is the lower half with its 1/2.
HWY_INLINE F ToFloatPlusHalf(U w) {
  const F high = hn::ConvertTo(DF(), hn::BitCast(DI(), hn::ShiftRight<16>(w)));
  const F low = hn::ConvertTo(DF(), hn::BitCast(DI(), hn::And(w, hn::Set(DU(), 0xFFFF))));
  return hn::Add(hn::Mul(high, Constant(0x1p16f)), hn::Add(low, Constant(0.5f)));
}

// sqrt(-2 ln u) with u = (w + 1/2) 2^-32.
HWY_INLINE F Radius(U w) {
  const DU du;
  // u = 2^exponent * significand with significand in [sqrt(1/2), sqrt(2)); x = significand - 1. For
  // exponent 0, x = -(1 - u) from the complement of w keeps the small differences exact to an ulp.
  const F scaled = hn::Mul(ToFloatPlusHalf(w), Constant(0x1p-32f));
  constexpr std::uint32_t kSqrtHalf = 0x3F3504F3;
  const U above = hn::Sub(hn::BitCast(du, scaled), hn::Set(du, kSqrtHalf));
  const auto exponent_code = hn::ShiftRight<23>(hn::BitCast(DI(), above));
  const F exponent = hn::ConvertTo(DF(), exponent_code);
  const F significand =
      hn::BitCast(DF(), hn::Sub(hn::BitCast(DI(), scaled), hn::ShiftLeft<23>(exponent_code)));
  const F near_one = hn::Mul(ToFloatPlusHalf(hn::Not(w)), Constant(-0x1p-32f));
  const F x =
      hn::IfThenElse(hn::Eq(exponent, hn::Zero(DF())), near_one, hn::Sub(significand, Constant(1)));
  // ln(1 + x) = 2 atanh(t), t = x / (2 + x), |t| < 0.172: series to t^9, cut at 2^-29 relative.
  const F t = hn::Div(x, hn::Add(x, Constant(2)));
  const F t2 = hn::Mul(t, t);
  const F series = Polynomial(t2, Constant(1.0f / 9), 1.0f / 7, 1.0f / 5, 1.0f / 3);
  const F half_log = hn::Add(t, hn::Mul(hn::Mul(t, t2), series));
  // -2 ln u = -4 atanh(t) - exponent * 2 ln 2, with 2 ln 2 in two parts, the first of 16 bits.
  constexpr float kHigh = 0x1.62e4p0f;
  constexpr float kLow = 0x1.7f7d1cp-19f;
  const F low = hn::Add(hn::Mul(half_log, Constant(4)), hn::Mul(exponent, Constant(kLow)));
  return hn::Sqrt(hn::Neg(hn::Add(hn::Mul(exponent, Constant(kHigh)), low)));
}

// cos and sin of 2 pi (w + 1/2) 2^-32.
HWY_INLINE void CosSin(U w, F& cosine, F& sine) {
  const DU du;
  const DI di;
  // The nearest quarter turn and the rest, in [-1/8, 1/8) turn, both exact in integers; the rest
  // counts 2^-33 turn.
  const U quarter = hn::ShiftRight<30>(hn::Add(w, hn::Set(du, 1u << 29)));
  const U rest = hn::Sub(w, hn::ShiftLeft<30>(quarter));
  const auto odd = hn::Or(hn::ShiftLeft<1>(rest), hn::Set(du, 1));
  constexpr float kPiOver2To32 = 0x1.921fb6p-31f;
  const F x = hn::Mul(hn::ConvertTo(DF(), hn::BitCast(di, odd)), Constant(kPiOver2To32));
  // Taylor series, cut below 2^-28 relative for |x| <= pi / 4.
  const F x2 = hn::Mul(x, x);
  const F sine_tail = Polynomial(x2, Constant(1.0f / 362880), -1.0f / 5040, 1.0f / 120, -1.0f / 6);
  const F s = hn::Add(x, hn::Mul(hn::Mul(x, x2), sine_tail));
  const F cosine_tail =
      Polynomial(x2, Constant(-1.0f / 3628800), 1.0f / 40320, -1.0f / 720, 1.0f / 24, -0.5f);
  const F c = hn::Add(Constant(1), hn::Mul(x2, cosine_tail));
  // Quarter turns 0..3: (c, s), (-s, c), (-c, -s), (s, -c).
  const auto swap = hn::Ne(hn::And(quarter, hn::Set(du, 1)), hn::Zero(du));
  const U cosine_sign =
      hn::ShiftLeft<30>(hn::And(hn::Add(quarter, hn::Set(du, 1)), hn::Set(du, 2)));
  const U sine_sign = hn::ShiftLeft<30>(hn::And(quarter, hn::Set(du, 2)));
  const auto swap_float = hn::RebindMask(DF(), swap);
  cosine = hn::Xor(hn::IfThenElse(swap_float, s, c), hn::BitCast(DF(), cosine_sign));
  sine = hn::Xor(hn::IfThenElse(swap_float, c, s), hn::BitCast(DF(), sine_sign));
}

}  // namespace box_muller

// half_normals[2 g], [2 g + 1] = z0 / 2, z1 / 2 of group g, whose words are words[4 g ..]. Both
// arrays hold whole vectors of groups.
HWY_INLINE void BoxMullerHalves(const std::uint32_t* HWY_RESTRICT words, std::size_t groups,
                                float* HWY_RESTRICT half_normals) {
  const box_muller::DF df;
  const box_muller::DU du;
  for (std::size_t g = 0; g < groups; g += hn::Lanes(df)) {
    box_muller::U w0, w1, w2, w3;
    hn::LoadInterleaved4(du, words + 4 * g, w0, w1, w2, w3);
    const auto half_radius = hn::Mul(box_muller::Radius(w0), box_muller::Constant(0.5f));
    box_muller::F cosine, sine;
    box_muller::CosSin(w1, cosine, sine);
    hn::StoreInterleaved2(hn::Mul(half_radius, cosine), hn::Mul(half_radius, sine), df,
                          half_normals + 2 * g);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
