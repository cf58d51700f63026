// SPDX-License-Identifier: Apache-2.0
// R * s + w with one rounding (contract section 7) on targets with and without the instruction.
#include <cstddef>
#include <cstdint>

#if defined(ULPROOF_CPU_FUSED_MULTIPLY_ADD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_FUSED_MULTIPLY_ADD_INL_H_
#undef ULPROOF_CPU_FUSED_MULTIPLY_ADD_INL_H_
#else
#define ULPROOF_CPU_FUSED_MULTIPLY_ADD_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_NATIVE_FMA
using FmaTag = hn::ScalableTag<float>;
#else
using FmaTag = hn::Rebind<float, hn::ScalableTag<double> >;
#endif

// RN32(a * b + c), IEEE 754 throughout.
//
// Without the instruction: the product of two binary32 is exact in binary64 (48 bits, exponents
// -298..256). The sum is rounded there to odd, and then to binary32; 53 bits are more than 24 + 2,
// so that rounding twice equals rounding once, subnormal results included (Boldo and Melquiond,
// "When double rounding is odd"). Odd is had from the rounded sum and its exact error.
HWY_INLINE hn::Vec<FmaTag> FusedMultiplyAdd(hn::Vec<FmaTag> a, hn::Vec<FmaTag> b,
                                            hn::Vec<FmaTag> c) {
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  const hn::ScalableTag<double> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto product = hn::Mul(hn::PromoteTo(d, a), hn::PromoteTo(d, b));
  const auto addend = hn::PromoteTo(d, c);
  const auto sum = hn::Add(product, addend);
  // Knuth's TwoSum: sum + error is the exact sum. Not a number when the sum is not finite, and then
  // neither below nor above 0.
  const auto part = hn::Sub(sum, product);
  const auto error = hn::Add(hn::Sub(product, hn::Sub(sum, part)), hn::Sub(addend, part));
  const auto zero = hn::Zero(d);
  const auto code = hn::BitCast(di, sum);
  const auto one = hn::Set(di, 1);
  const auto inexact = hn::Or(hn::Lt(error, zero), hn::Gt(error, zero));
  const auto even = hn::RebindMask(d, hn::Eq(hn::And(code, one), hn::Zero(di)));
  // The exact sum lies between the even neighbour in `sum` and the odd one on the error's side.
  // Their signs agree when the exclusive or of their codes is not negative.
  const auto toward_zero = hn::BroadcastSignBit(hn::Xor(code, hn::BitCast(di, error)));
  const auto odd = hn::Add(code, hn::Or(toward_zero, one));
  const auto rounded = hn::IfThenElse(hn::And(inexact, even), hn::BitCast(d, odd), sum);
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  // Highway's DemoteTo saturates here instead of overflowing.
  constexpr std::size_t kLanes = hn::MaxLanes(d);
  HWY_ALIGN double lanes[kLanes];
  HWY_ALIGN float narrowed[kLanes];
  hn::Store(rounded, d, lanes);
  for (std::size_t i = 0; i < kLanes; ++i) narrowed[i] = static_cast<float>(lanes[i]);
  return hn::Load(FmaTag(), narrowed);
#else
  return hn::DemoteTo(FmaTag(), rounded);
#endif
#endif
}

// The same for whole vectors of float.
using WholeTag = hn::ScalableTag<float>;
HWY_INLINE hn::Vec<WholeTag> FusedMultiplyAddWhole(hn::Vec<WholeTag> a, hn::Vec<WholeTag> b,
                                                   hn::Vec<WholeTag> c) {
#if HWY_NATIVE_FMA || HWY_TARGET == HWY_SCALAR
  return FusedMultiplyAdd(a, b, c);
#else
  const FmaTag half;
  return hn::Combine(
      WholeTag(),
      FusedMultiplyAdd(hn::UpperHalf(half, a), hn::UpperHalf(half, b), hn::UpperHalf(half, c)),
      FusedMultiplyAdd(hn::LowerHalf(half, a), hn::LowerHalf(half, b), hn::LowerHalf(half, c)));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
