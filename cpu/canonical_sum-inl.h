// SPDX-License-Identifier: Apache-2.0
// The canonical sum of contract section 8: 32 lanes, fold, butterfly, for a row of terms that comes
// in pieces and for the rows of a block. Included once a target, inside cpu/*.cc files that use
// foreach_target.
#include <algorithm>
#include <cstddef>

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

// The 32 lanes of the canonical reduction. The first `present` lanes hold terms, the rest +0.
constexpr std::size_t kReductionLanes = 32;
struct Lanes {
  alignas(64) float x[kReductionLanes] = {};
};

// lanes.x[j] += terms[j], j < count <= 32.
HWY_INLINE void Fold(Lanes& lanes, const float* HWY_RESTRICT terms, std::size_t count) {
  const hn::CappedTag<float, kReductionLanes> d;
  std::size_t j = 0;
  for (; j + hn::Lanes(d) <= count; j += hn::Lanes(d)) {
    hn::Store(hn::Add(hn::Load(d, lanes.x + j), hn::LoadU(d, terms + j)), d, lanes.x + j);
  }
  for (; j < count; ++j) lanes.x[j] += terms[j];
}

// x_j <- x_j + x_(j xor distance) for distance 16, 8, 4, 2, 1; lane 0. After a step both lanes of a
// pair hold the same sum, so the lower half of them is enough.
HWY_INLINE float Butterfly(const Lanes& lanes) {
  Lanes sum = lanes;
  for (std::size_t distance = kReductionLanes / 2; distance >= 1; distance /= 2) {
    for (std::size_t j = 0; j < distance; ++j) sum.x[j] += sum.x[j + distance];
  }
  return sum.x[0];
}

// The sum over a block. Terms come row by row, each row in pieces of a multiple of 32 terms but for
// its last.
class BlockSum {
 public:
  HWY_INLINE void Add(const float* HWY_RESTRICT terms, std::size_t count) {
    std::size_t i = 0;
    if (is_row_start_) {  // The first terms are themselves, -0 included.
      i = std::min(count, kReductionLanes);
      std::copy_n(terms, i, row_.x);
      is_row_start_ = false;
    }
    for (; i < count; i += kReductionLanes) {
      Fold(row_, terms + i, std::min(kReductionLanes, count - i));
    }
  }
  HWY_INLINE void EndRow() {
    const float sum = Butterfly(row_);
    float& lane = rows_.x[row_count_ % kReductionLanes];
    lane = row_count_ < kReductionLanes ? sum : lane + sum;
    ++row_count_;
    row_ = {};
    is_row_start_ = true;
  }
  HWY_INLINE float Total() const { return Butterfly(rows_); }

 private:
  Lanes row_, rows_;
  std::size_t row_count_ = 0;
  bool is_row_start_ = true;
};

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
