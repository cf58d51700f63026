// SPDX-License-Identifier: Apache-2.0
// The sample that training runs most: bfloat16 to bfloat16, rounded to nearest even, noise rg16
// (contract sections 5 and 7), from random words to codes without leaving the registers. The even
// and the odd elements of a vector of 16-bit lanes are worked on apart as 32-bit lanes, which needs
// no shuffles.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "formats/noise_law.h"

#if defined(ULPROOF_CPU_SAMPLE_BFLOAT16_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_SAMPLE_BFLOAT16_INL_H_
#undef ULPROOF_CPU_SAMPLE_BFLOAT16_INL_H_
#else
#define ULPROOF_CPU_SAMPLE_BFLOAT16_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The largest scale that SampleBfloat16 takes: R * s, |R| <= 2, is then exact. That the scale is
// finite makes M and so every weight of the block finite.
inline constexpr float kMaxSampleBfloat16Scale = 0x1p126f;

// A cache line, the unit in which SampleBfloat16 writes past the caches.
inline constexpr std::size_t kSampleBfloat16Line = 64 / sizeof(std::int16_t);

#if HWY_TARGET != HWY_SCALAR  // One lane has no even and odd.
namespace sample_bfloat16 {

using D16 = hn::ScalableTag<std::int16_t>;
using DU16 = hn::RebindToUnsigned<D16>;
using D32 = hn::RepartitionToWide<D16>;
using DU32 = hn::RebindToUnsigned<D32>;
using DF = hn::RebindToFloat<D32>;

// Binary32 values of the even and of the odd 16-bit lanes.
struct Halves {
  hn::Vec<DF> even, odd;
};

// [U < threshold k] of the 15-bit numbers U of rg16.
HWY_INLINE hn::Mask<D16> IsBelow(hn::Vec<D16> number, int k) {
  return hn::Lt(number, hn::Set(D16(), static_cast<std::int16_t>(formats::kRg16Law.thresholds[k])));
}

#if HWY_TARGET <= HWY_AVX2
// The products R s by a table in a register: entry 2 |R| + (sign of u).
class Products {
 public:
  explicit HWY_INLINE Products(float scale)
      : table_(hn::Mul(hn::LoadU(DF(), kMultiples), hn::Set(DF(), scale))) {}

  HWY_INLINE Halves Of(hn::Vec<D16> u) const {
    const D16 d;
    const DU32 du;
    const auto number = hn::And(u, hn::Set(d, 0x7FFF));
    const auto is_negative = hn::BitCast(d, hn::ShiftRight<15>(hn::BitCast(DU16(), u)));
    const auto one = hn::IfThenElseZero(IsBelow(number, 0), hn::Set(d, 2));
    const auto magnitude = hn::IfThenElse(IsBelow(number, 1), hn::Set(d, 4), one);
    const auto entry = hn::BitCast(du, hn::Or(magnitude, is_negative));
    return {Entry(hn::And(entry, hn::Set(du, 7))), Entry(hn::ShiftRight<16>(entry))};
  }

 private:
  HWY_INLINE hn::Vec<DF> Entry(hn::Vec<DU32> entry) const {
    return hn::TableLookupLanes(table_, hn::IndicesFromVec(DF(), hn::BitCast(D32(), entry)));
  }

  // R = 0 has no sign. Entries from 6 on are not used.
  static constexpr float kMultiples[16] = {0, 0, 1, -1, 2, -2};
  hn::Vec<DF> table_;
};
#else
// The products R s by conversion and multiplication, where a register has too few lanes.
class Products {
 public:
  explicit HWY_INLINE Products(float scale) : scale_(hn::Set(DF(), scale)) {}

  HWY_INLINE Halves Of(hn::Vec<D16> u) const {
    const D16 d;
    const auto number = hn::And(u, hn::Set(d, 0x7FFF));
    const auto minus =
        hn::Add(hn::VecFromMask(d, IsBelow(number, 0)), hn::VecFromMask(d, IsBelow(number, 1)));
    // Negated by complement and increment where u is not negative.
    const auto flip = hn::VecFromMask(d, hn::Gt(u, hn::Set(d, -1)));
    const auto noise = hn::BitCast(D32(), hn::Sub(hn::Xor(minus, flip), flip));
    return {Product(hn::ShiftRight<16>(hn::ShiftLeft<16>(noise))),
            Product(hn::ShiftRight<16>(noise))};
  }

 private:
  HWY_INLINE hn::Vec<DF> Product(hn::Vec<D32> noise) const {
    return hn::Mul(hn::ConvertTo(DF(), noise), scale_);
  }

  hn::Vec<DF> scale_;
};
#endif

// The code of a finite binary32 or infinity, rounded to nearest even at bit 16: what is below is
// not meaningful. A carry out of the largest finite value gives infinity.
HWY_INLINE hn::Vec<DU32> RoundAtBit16(hn::Vec<DF> t) {
  const DU32 d;
  const auto code = hn::BitCast(d, t);
#if HWY_TARGET <= HWY_AVX3  // Masks are registers of their own: one operation less.
  const auto is_odd = hn::TestBit(code, hn::Set(d, 0x10000));
  return hn::Add(code, hn::IfThenElse(is_odd, hn::Set(d, 0x8000), hn::Set(d, 0x7FFF)));
#else
  const auto is_odd = hn::And(hn::ShiftRight<16>(code), hn::Set(d, 1));
  return hn::Add(hn::Add(code, hn::Set(d, 0x7FFF)), is_odd);
#endif
}

// One vector of bfloat16 codes from one of random numbers and one of weights. R s is exact, so that
// the rounding of the sum is the one of RN32(R s + w).
HWY_INLINE hn::Vec<D16> SampleLanes(hn::Vec<D16> u, hn::Vec<D16> w, const Products& products) {
  const DU32 du;
  const DF df;
  const Halves product = products.Of(u);
  const auto pairs = hn::BitCast(du, w);
  const auto even_w = hn::BitCast(df, hn::ShiftLeft<16>(pairs));
  const auto odd_w = hn::BitCast(df, hn::And(pairs, hn::Set(du, 0xFFFF0000)));
  const auto even = RoundAtBit16(hn::Add(product.even, even_w));
  const auto odd = RoundAtBit16(hn::Add(product.odd, odd_w));
  return hn::OddEven(hn::BitCast(D16(), odd), hn::BitCast(D16(), hn::ShiftRight<16>(even)));
}

}  // namespace sample_bfloat16

// A few rows of a matrix, at most kMaxRows: the rg16 numbers of row r begin at u[r], its weights at
// w + r * stride and its results at out + r * stride.
struct SampleBfloat16Rows {
  static constexpr std::size_t kMaxRows = 8;
  std::size_t count;
  std::array<const std::int16_t*, kMaxRows> u;
  const std::int16_t* w;
  std::int16_t* out;
  std::size_t stride;
};

// out = bfloat16, rne, of RN32(R s + w) for columns [begin, end) of the rows, all of one block with
// scale s. Memory is accessed inside these columns only.
// kStream: the results are written past the caches (hwy::FlushStream makes them visible); all lines
// of kSampleBfloat16Line columns must then be whole and aligned.
// Preconditions: 0 <= scale <= kMaxSampleBfloat16Scale; every w finite; `out` overlaps no input.
template <bool kStream>
HWY_INLINE void SampleBfloat16(const SampleBfloat16Rows& rows, std::size_t begin, std::size_t end,
                               float scale) {
  const sample_bfloat16::D16 d;
  const std::size_t lanes = hn::Lanes(d);
  const sample_bfloat16::Products products(scale);
  const auto sample_columns = [&](std::size_t col, std::size_t width) HWY_ATTR {
    for (std::size_t r = 0; r < rows.count; ++r) {
      for (std::size_t c = col; c < col + width; c += lanes) {
        const auto u = hn::LoadU(d, rows.u[r] + c);
        const auto w = hn::LoadU(d, rows.w + r * rows.stride + c);
        const auto sampled = sample_bfloat16::SampleLanes(u, w, products);
        std::int16_t* out = rows.out + r * rows.stride + c;
        if constexpr (kStream) {
          hn::Stream(sampled, d, out);
        } else {
          hn::StoreU(sampled, d, out);
        }
      }
    }
  };
  std::size_t col = begin;
  for (; col + kSampleBfloat16Line <= end; col += kSampleBfloat16Line) {
    sample_columns(col, kSampleBfloat16Line);
  }
  if constexpr (kStream) return;
  for (; col + lanes <= end; col += lanes) sample_columns(col, lanes);
  if (col == end) return;
  if (begin + lanes <= end) {  // Some elements again, to the same result.
    sample_columns(end - lanes, lanes);
    return;
  }
  for (std::size_t r = 0; r < rows.count; ++r) {  // A block narrower than a vector.
    alignas(64) std::int16_t u[hn::MaxLanes(d)] = {};
    alignas(64) std::int16_t w[hn::MaxLanes(d)] = {};
    const std::size_t bytes = (end - begin) * sizeof(*w);
    std::memcpy(u, rows.u[r] + begin, bytes);
    std::memcpy(w, rows.w + r * rows.stride + begin, bytes);
    hn::Store(sample_bfloat16::SampleLanes(hn::Load(d, u), hn::Load(d, w), products), d, w);
    std::memcpy(rows.out + r * rows.stride + begin, w, bytes);
  }
}
#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
