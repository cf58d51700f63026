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

// The magnitude of e2m1 of u >= 0 by rne and sat. Adding 2^(e + 22), with 2^e the power of two at
// or below u and at least 1, leaves the two significant bits that e2m1 has there, ties to even.
template <class D>
HWY_INLINE hn::Vec<D> RoundLevel(D d, hn::Vec<D> u) {
  const hn::RebindToSigned<D> di;
  const auto magnitude = hn::Min(u, hn::Set(d, 6.0f));
  const auto exponent = hn::Max(hn::And(hn::BitCast(di, magnitude), hn::Set(di, 0x7F800000)),
                                hn::Set(di, 0x3F800000));
  const auto addend = hn::BitCast(d, hn::Add(exponent, hn::Set(di, 22 << 23)));
  return hn::Sub(hn::Add(magnitude, addend), addend);
}

// For the first candidate as A and each other as B, the sum of (B - A)(2v - A - B) over the
// elements: the error of A less that of B. In the precision of `d`; signs do not matter to errors
// and are dropped.
template <int kCount, class D>
HWY_INLINE void Differences(D d, const GroupView& group, const GroupCandidates& scales,
                            hn::TFromD<D>* out) {
  const hn::Rebind<float, D> df;
  hn::Vec<D> sums[kCount - 1];
  for (auto& sum : sums) sum = hn::Zero(d);
  const auto widen = [&](auto x) HWY_ATTR {
    if constexpr (sizeof(hn::TFromD<D>) == sizeof(float)) {
      return x;
    } else {
      return hn::PromoteTo(d, x);
    }
  };
  const auto units = widen(hn::Set(df, scales.unit));
  for (std::size_t row = 0; row < group.rows; ++row) {
    const float* const elements = group.elements + row * group.stride;
    for (std::size_t col = 0; col < group.cols; col += hn::Lanes(d)) {
      const auto w = hn::Abs(hn::LoadU(df, elements + col));
      const auto v = hn::Mul(widen(w), units);
      const auto value = [&](int k) HWY_ATTR {
        const ScaleCandidate& candidate = scales.candidates[k];
        const auto level = RoundLevel(df, hn::Mul(w, hn::Set(df, candidate.multiplier)));
        return hn::Mul(widen(level), widen(hn::Set(df, candidate.step)));
      };
      const auto first = value(0);
      const auto twice = hn::Add(v, v);
      for (int k = 0; k < kCount - 1; ++k) {
        const auto other = value(k + 1);
        const auto rest = hn::Sub(twice, hn::Add(first, other));
        sums[k] = hn::Add(sums[k], hn::Mul(hn::Sub(other, first), rest));
      }
    }
  }
  for (int k = 0; k < kCount - 1; ++k) out[k] = hn::GetLane(hn::SumOfLanes(d, sums[k]));
}

using D32 = hn::ScalableTag<float>;
using D64 = hn::ScalableTag<double>;

// How far a sum in binary32 may be from the exact one, as a multiple of S^2, with S the largest
// step and n elements. A and B have few bits: A, B, B - A and A + B are exact. |A| and |B| are at
// most 6 S and |v| at most 8 S, so the roundings of v and of 2v - A - B (together below 44 S 2^-24)
// times |B - A| <= 12 S, and that of the product (below 336 S^2) make 864 S^2 2^-24 a term. The sum
// adds each term in at most n / lanes + 4 steps, of which each errs by 2^-24 of at most 336 n S^2.
// What is left out (products of errors, underflow below 2^-149) is less than the margin.
float Slack(const GroupView& group) {
  const auto n = static_cast<float>(group.rows * group.cols);
  const float steps = n / static_cast<float>(hn::Lanes(D32())) + 4;
  return 0x1p-24f * n * (900 + 340 * steps);
}

// MXFP4: in the unit of the smallest scale, A and B are multiples of 1/2 up to 24, and where they
// differ v is a multiple of 2^-26 below 2^4; so every sum of up to 1024 terms has at most 48 bits
// and no operation in binary64 rounds.
HWY_NOINLINE int BestOfThreeExactly(const GroupView& group, const GroupCandidates& scales) {
  double less[2];
  Differences<3>(D64(), group, scales, less);
  if (less[0] > 0) return less[1] - less[0] > 0 ? 2 : 1;
  return less[1] > 0 ? 2 : 0;
}

// NVFP4: v has 48 bits, so terms round in binary64 too: a term is below 336 S^2, and n of them err
// by less than n^2 2^-44 S^2.
HWY_NOINLINE int BestOfTwoExactly(const GroupView& group, const GroupCandidates& scales) {
  double less;
  Differences<2>(D64(), group, scales, &less);
  const double step = std::fmax(scales.candidates[0].step, scales.candidates[1].step);
  const auto count = static_cast<double>(group.rows * group.cols);
  if (std::fabs(less) > 0x1p-44 * count * count * step * step) return less > 0 ? 1 : 0;
  return IsSmallerExactly(group, scales.candidates[0], scales.candidates[1], scales.unit) ? 1 : 0;
}

HWY_INLINE bool HasNumbers(std::uint32_t max_code) {
  return max_code != 0 && max_code < 0x7F800000;
}

void BestOfThree(const GroupView& first, std::size_t groups, const std::uint32_t* maxima,
                 const GroupCandidates* scales, std::uint8_t* best) {
  const float slack = Slack(first) * 16;  // S is at most 4.
  GroupView group = first;
  for (std::size_t g = 0; g < groups; ++g, group.elements += group.cols) {
    best[g] = 0;
    if (!HasNumbers(maxima[g])) continue;
    float less[2];
    Differences<3>(D32(), group, scales[g], less);
    const bool is_near = std::fabs(less[0]) <= slack || std::fabs(less[1]) <= slack ||
                         std::fabs(less[1] - less[0]) <= 3 * slack;
    const int second_or_first = less[0] > 0 ? 1 : 0;
    const float lead = less[0] > 0 ? less[0] : 0;
    best[g] = static_cast<std::uint8_t>(less[1] > lead ? 2 : second_or_first);
    if (HWY_UNLIKELY(is_near))
      best[g] = static_cast<std::uint8_t>(BestOfThreeExactly(group, scales[g]));
  }
}

void BestOfTwo(const GroupView& first, std::size_t groups, const std::uint32_t* maxima,
               const GroupCandidates* scales, std::uint8_t* best) {
  const float slack = Slack(first);
  GroupView group = first;
  for (std::size_t g = 0; g < groups; ++g, group.elements += group.cols) {
    const float a = scales[g].candidates[0].step, b = scales[g].candidates[1].step;
    best[g] = 0;
    if (a == b || !HasNumbers(maxima[g])) continue;
    float less;
    Differences<2>(D32(), group, scales[g], &less);
    best[g] = less > 0 ? 1 : 0;
    const float step = a < b ? b : a;
    if (HWY_UNLIKELY(std::fabs(less) <= slack * step * step))
      best[g] = static_cast<std::uint8_t>(BestOfTwoExactly(group, scales[g]));
  }
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
