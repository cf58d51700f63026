// SPDX-License-Identifier: Apache-2.0
// The largest magnitudes of columns, from which those of blocks follow (contract section 6), exact:
// magnitudes of IEEE formats are ordered as their codes without the sign, with infinity above the
// finite values and NaN above infinity, so a maximum of integers obeys the rules for both.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(ULPROOF_CPU_BLOCK_MAX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_BLOCK_MAX_INL_H_
#undef ULPROOF_CPU_BLOCK_MAX_INL_H_
#else
#define ULPROOF_CPU_BLOCK_MAX_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// largest[c] = magnitude code of the largest |w| of column c, of `rows` x `cols` codes, rows
// `stride` elements apart. T: int16_t for float16 and bfloat16, int32_t for float32.
template <class T>
HWY_INLINE void ColumnMagnitudes(const T* HWY_RESTRICT w, std::uint64_t stride, std::size_t rows,
                                 std::size_t cols, T* HWY_RESTRICT largest) {
  const hn::ScalableTag<T> d;
  const std::size_t lanes = hn::Lanes(d);
  constexpr T kMask = hwy::LimitsMax<T>();
  const auto mask = hn::Set(d, kMask);
  std::fill_n(largest, cols, T{0});
  for (std::size_t r = 0; r < rows; ++r, w += stride) {
    std::size_t c = 0;
    for (; c + lanes <= cols; c += lanes) {
      const auto magnitude = hn::And(hn::LoadU(d, w + c), mask);
      hn::StoreU(hn::Max(hn::LoadU(d, largest + c), magnitude), d, largest + c);
    }
    for (; c < cols; ++c) largest[c] = std::max<T>(largest[c], w[c] & kMask);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
