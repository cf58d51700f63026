// SPDX-License-Identifier: Apache-2.0
// The canonical sum of contract section 8: 32 lanes, fold, butterfly, for the terms of a row and
// for the rows of a block, in registers. Included once a target, inside cpu/*.cc files that use
// foreach_target.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#if defined(ULPROOF_CPU_CANONICAL_SUM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_CANONICAL_SUM_INL_H_
#undef ULPROOF_CPU_CANONICAL_SUM_INL_H_
#else
#define ULPROOF_CPU_CANONICAL_SUM_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The 32 lanes of the canonical reduction, as the vectors of a target.
constexpr std::size_t kReductionLanes = 32;
using SumTag = hn::CappedTag<float, kReductionLanes>;
using SumVector = hn::Vec<SumTag>;
constexpr std::size_t kSumLanes = hn::MaxLanes(SumTag());
constexpr std::size_t kSumVectors = kReductionLanes / kSumLanes;

// body(i) for i < kCount, a constant in the code: only so do compilers keep lanes in registers.
template <class Body, std::size_t... kIndex>
HWY_INLINE void ForIndices(const Body& body, std::index_sequence<kIndex...>) {
  (body(std::integral_constant<std::size_t, kIndex>()), ...);
}
template <std::size_t kCount, class Body>
HWY_INLINE void ForConstants(const Body& body) {
  ForIndices(body, std::make_index_sequence<kCount>());
}
// The same for the vectors, where there are not too many.
template <class Body>
HWY_INLINE void ForVectors(const Body& body) {
  constexpr std::size_t kMostUnrolled = 8;
  if constexpr (kSumVectors <= kMostUnrolled) {
    ForConstants<kSumVectors>(body);
  } else {
    for (std::size_t k = 0; k < kSumVectors; ++k) body(k);
  }
}

// x_j <- x_j + x_(j xor distance) for distance N/2 .. 1 in a vector of N lanes; lane 0. After a
// step both lanes of a pair hold the same sum, so the lower half of them is enough.
template <class D>
HWY_INLINE float Butterfly(D, hn::Vec<D> x) {
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) == 4) {
    x = hn::Add(x, hn::Shuffle1032(x));
    x = hn::Add(x, hn::Shuffle2301(x));
  } else {
    const hn::Half<D> half;
    return Butterfly(half, hn::Add(hn::LowerHalf(half, x), hn::UpperHalf(half, x)));
  }
#endif
  return hn::GetLane(x);
}

// The same for the first 2 kDistance vectors, which are the whole vectors of an N.
template <std::size_t kDistance>
HWY_INLINE float ButterflyOf(SumVector (&x)[kSumVectors]) {
  if constexpr (kDistance == 0) {
    return Butterfly(SumTag(), x[0]);
  } else {
    ForVectors([&](auto k) HWY_ATTR {
      if (k < kDistance) x[k] = hn::Add(x[k], x[k + kDistance]);
    });
    return ButterflyOf<kDistance / 2>(x);
  }
}
HWY_INLINE float Butterfly(SumVector (&x)[kSumVectors]) { return ButterflyOf<kSumVectors / 2>(x); }

// The sum of a row, 32 terms at a time.
class RowSum {
 public:
  // Of so many terms. A lane's first term is that term, -0 included, and -0 is what adds nothing to
  // any; a lane without terms is +0.
  HWY_INLINE explicit RowSum(std::uint64_t terms) {
    const auto neutral = hn::Set(SumTag(), -0.0f);
    ForVectors([&](auto k) HWY_ATTR { lanes_[k] = neutral; });
    if (terms >= kReductionLanes) return;
    ForVectors([&](auto k) HWY_ATTR {
      lanes_[k] = hn::IfThenElseZero(Present(k, static_cast<std::size_t>(terms)), neutral);
    });
  }
  // Vector k of the next 32 terms, of which there are `count`: fewer than 32 at the end of a row.
  HWY_INLINE void Add(std::size_t k, SumVector terms, std::size_t count) {
    if (count < kReductionLanes)
      terms = hn::IfThenElse(Present(k, count), terms, hn::Set(SumTag(), -0.0f));
    lanes_[k] = hn::Add(lanes_[k], terms);
  }
  // Once, at the end.
  HWY_INLINE float Total() { return Butterfly(lanes_); }

 private:
  static HWY_INLINE hn::Mask<SumTag> Present(std::size_t k, std::size_t count) {
    const std::size_t first = k * kSumLanes;
    return hn::FirstN(SumTag(), count > first ? std::min(count - first, kSumLanes) : 0);
  }
  SumVector lanes_[kSumVectors];
};

// The sum of the rows of a block.
class BlockSum {
 public:
  HWY_INLINE void AddRow(float sum) {
    if (count_ == 0) {
      first_ = sum;
    } else {
      if (count_ == 1) {
        std::fill_n(lanes_, kReductionLanes, 0.0f);
        lanes_[0] = first_;
      }
      float& lane = lanes_[count_ % kReductionLanes];
      lane = count_ < kReductionLanes ? sum : lane + sum;
    }
    ++count_;
  }
  HWY_INLINE float Total() const {
    if (count_ == 1) return first_ + 0.0f;  // With 31 lanes of +0.
    SumVector lanes[kSumVectors];
    ForVectors([&](auto k) HWY_ATTR { lanes[k] = hn::Load(SumTag(), lanes_ + k * kSumLanes); });
    return Butterfly(lanes);
  }

 private:
  float first_;
  std::size_t count_ = 0;
  alignas(64) float lanes_[kReductionLanes];  // From the second row on.
};

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
