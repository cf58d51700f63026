// SPDX-License-Identifier: Apache-2.0
// binary32 of the short formats, a vector at a time: exact, and a NaN stays a NaN. Included once a
// target, inside cpu/*.cc files that use foreach_target.
#include <cstdint>

#if defined(ULPROOF_CPU_WIDEN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_WIDEN_INL_H_
#undef ULPROOF_CPU_WIDEN_INL_H_
#else
#define ULPROOF_CPU_WIDEN_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using WideTag = hn::ScalableTag<std::uint32_t>;
using NarrowTag = hn::Rebind<std::uint16_t, WideTag>;
using WideCodes = hn::Vec<WideTag>;

// The binary32 codes of bfloat16 ones, in 32 bits each.
HWY_INLINE WideCodes Float32OfBfloat16(WideCodes code) { return hn::ShiftLeft<16>(code); }

// The same of float16. The fields move to their places in a binary32; a subnormal's implicit bit,
// which it has not, is subtracted again.
HWY_INLINE WideCodes Float32OfFloat16(WideCodes code) {
  constexpr std::uint32_t kInfinity = 0x7F800000;
  const WideTag d;
  const hn::RebindToFloat<WideTag> df;
  const WideCodes sign = hn::ShiftLeft<16>(hn::And(code, hn::Set(d, 0x8000)));
  const WideCodes fields = hn::ShiftLeft<13>(hn::And(code, hn::Set(d, 0x7FFF)));
  const WideCodes exponent = hn::And(fields, hn::Set(d, 0x1F << 23));
  const WideCodes normal = hn::Add(fields, hn::Set(d, (127 - 15) << 23));
  const WideCodes smallest = hn::Set(d, (127 - 14) << 23);
  const WideCodes subnormal =
      hn::BitCast(d, hn::Sub(hn::BitCast(df, hn::Or(fields, smallest)), hn::BitCast(df, smallest)));
  const WideCodes special = hn::Or(fields, hn::Set(d, kInfinity));
  WideCodes x = hn::IfThenElse(hn::Eq(exponent, hn::Zero(d)), subnormal, normal);
  x = hn::IfThenElse(hn::Eq(exponent, hn::Set(d, 0x1F << 23)), special, x);
  return hn::Or(x, sign);
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
