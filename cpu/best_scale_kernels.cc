// SPDX-License-Identifier: Apache-2.0
#include "cpu/best_scale_kernels.h"

#include <cmath>

#include "cpu/best_scale_exact.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/best_scale_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D64 = hn::ScalableTag<double>;
using D32 = hn::Rebind<float, D64>;

// RoundToE2m1. Adding 2^(e + 22), with 2^e the power of two at or below the magnitude and at least
// 1, leaves the two significant bits that e2m1 has there, ties to even.
HWY_INLINE hn::Vec<D32> RoundLevel(hn::Vec<D32> u) {
  const D32 d;
  const hn::RebindToSigned<D32> di;
  const auto magnitude = hn::Min(hn::Abs(u), hn::Set(d, 8.0f));
  const auto exponent = hn::Max(hn::And(hn::BitCast(di, magnitude), hn::Set(di, 0x7F800000)),
                                hn::Set(di, 0x3F800000));
  const auto addend = hn::BitCast(d, hn::Add(exponent, hn::Set(di, 22 << 23)));
  const auto rounded = hn::Sub(hn::Add(magnitude, addend), addend);
  return hn::CopySign(hn::Min(rounded, hn::Set(d, 6.0f)), u);
}

// The sum of (B - A)(2v - A - B), for the first candidate as A and each other as B: the error of A
// less that of B.
template <int kCount>
HWY_INLINE void Differences(const GroupView& group, const ScaleCandidate* candidates, double unit,
                            double* out) {
  const D64 d;
  const D32 df;
  hn::Vec<D64> sums[kCount - 1];
  for (auto& sum : sums) sum = hn::Zero(d);
  const auto units = hn::Set(d, unit);
  for (std::size_t row = 0; row < group.rows; ++row) {
    const float* const elements = group.elements + row * group.stride;
    for (std::size_t col = 0; col < group.cols; col += hn::Lanes(d)) {
      const auto w = hn::LoadU(df, elements + col);
      const auto v = hn::Mul(hn::PromoteTo(d, w), units);
      const auto value = [&](int k) HWY_ATTR {
        const auto level = RoundLevel(hn::Mul(w, hn::Set(df, candidates[k].multiplier)));
        return hn::Mul(hn::PromoteTo(d, level), hn::Set(d, candidates[k].step));
      };
      const auto first = value(0);
      const auto rest = hn::Sub(hn::Add(v, v), first);
      for (int k = 0; k < kCount - 1; ++k) {
        const auto other = value(k + 1);
        sums[k] = hn::Add(sums[k], hn::Mul(hn::Sub(other, first), hn::Sub(rest, other)));
      }
    }
  }
  for (int k = 0; k < kCount - 1; ++k) out[k] = hn::GetLane(hn::SumOfLanes(d, sums[k]));
}

// MXFP4: in the unit of the smallest scale, A and B are multiples of 1/2 up to 24, and where they
// differ v is a multiple of 2^-26 below 2^4; so every sum of up to 1024 terms has at most 48 bits
// and no operation rounds.
int BestOfThree(const GroupView& group, const ScaleCandidate* candidates, double unit) {
  double less[2];
  Differences<3>(group, candidates, unit, less);
  if (less[0] > 0) return less[1] - less[0] > 0 ? 2 : 1;
  return less[1] > 0 ? 2 : 0;
}

// NVFP4: v has 48 bits, so terms round. With S the larger step, |A| and |B| are at most 6 S and |v|
// at most 8 S: a term is below 336 S^2, and n of them err by less than n^2 2^-44 S^2.
int BestOfTwo(const GroupView& group, const ScaleCandidate* candidates, double unit) {
  double less;
  Differences<2>(group, candidates, unit, &less);
  const double step = std::fmax(candidates[0].step, candidates[1].step);
  const auto count = static_cast<double>(group.rows * group.cols);
  if (std::fabs(less) > 0x1p-44 * count * count * step * step) return less > 0 ? 1 : 0;
  return IsSmallerExactly(group, candidates[0], candidates[1], unit) ? 1 : 0;
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(BestOfThree);
HWY_EXPORT(BestOfTwo);

BestCandidateFunction BestOfThreeKernel(Target target) {
  return ULPROOF_FOR_TARGET(BestOfThree, target);
}
BestCandidateFunction BestOfTwoKernel(Target target) {
  return ULPROOF_FOR_TARGET(BestOfTwo, target);
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
