// SPDX-License-Identifier: Apache-2.0
// Rounding to nearest even of binary32 numbers that cannot overflow (cpu/calm_rounding.h), in five
// operations a vector.
#include <cstddef>
#include <cstdint>

#include "cpu/calm_rounding.h"

#if defined(ULPROOF_CPU_CALM_ROUNDING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_CALM_ROUNDING_INL_H_
#undef ULPROOF_CPU_CALM_ROUNDING_INL_H_
#else
#define ULPROOF_CPU_CALM_ROUNDING_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace calm {

using DF = hn::ScalableTag<float>;
using DI = hn::RebindToSigned<DF>;
using VF = hn::Vec<DF>;
using VI = hn::Vec<DI>;

inline constexpr int kTrailingBits = 23;
inline constexpr std::int32_t kExponentMask = 0x7F800000;

HWY_INLINE VI ExponentField(VF x) {
  return hn::And(hn::BitCast(DI(), x), hn::Set(DI(), kExponentMask));
}

// x rounded to the format; `exponent` is its field. The sum with 1.5 * 2^k, whose last place is the
// format's at this exponent, is rounded there, on the same side for either sign of x, and with the
// parity of the format's significand; the difference is exact. -0 may become +0.
HWY_INLINE VF Round(VF x, VI exponent, VI min_exponent, VI addend) {
  const VF power = hn::BitCast(DF(), hn::Add(hn::Max(exponent, min_exponent), addend));
  return hn::Sub(hn::Add(x, power), power);
}

// What rounding needs, in registers.
struct Rounding {
  HWY_INLINE explicit Rounding(const CalmRounding& rounding)
      : min_exponent(hn::Set(DI(), rounding.min_exponent)),
        addend(hn::Set(DI(), rounding.addend)) {}
  HWY_INLINE VF operator()(VF x) const { return Round(x, ExponentField(x), min_exponent, addend); }
  VI min_exponent, addend;
};

}  // namespace calm
}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
