// SPDX-License-Identifier: Apache-2.0
// Elements to levels, a piece of a row at a time (contract section 14): d = x - z, u = d / s,
// q = Q(u). Included once a target, inside cpu/*.cc files that use foreach_target.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cpu/quantizer_plan.h"

#if defined(ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_
#undef ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_
#else
#define ULPROOF_CPU_QUANTIZER_LEVEL_INL_H_
#endif

#include <hwy/highway.h>

#include "cpu/noise-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using QF = hn::ScalableTag<float>;

// Elements in hand at a time. Whole vectors are computed; what lies beyond the count is never used.
constexpr std::size_t kPiece = kNoiseRowElements;
struct Piece {
  alignas(64) float v[kPiece + 64];
};

// out[i] = f(a[i] ...), whole vectors of tag D.
template <class D, class F>
HWY_INLINE void Map(D d, std::size_t count, const Piece& a, Piece& out, const F& f) {
  for (std::size_t i = 0; i < count; i += hn::Lanes(d))
    hn::Store(f(hn::Load(d, a.v + i)), d, out.v + i);
}
template <class D, class F>
HWY_INLINE void Map(D d, std::size_t count, const Piece& a, const Piece& b, Piece& out,
                    const F& f) {
  for (std::size_t i = 0; i < count; i += hn::Lanes(d))
    hn::Store(f(hn::Load(d, a.v + i), hn::Load(d, b.v + i)), d, out.v + i);
}

// Calls piece(first element, count) along the rows of a block, and end_row() after each row.
template <class PieceBody, class EndRow>
HWY_INLINE void ForPieces(const formats::BlockGrid::Extent& block, const PieceBody& piece,
                          const EndRow& end_row) {
  for (std::uint64_t row = block.row_begin; row < block.row_end; ++row) {
    for (std::uint64_t col = block.col_begin; col < block.col_end; col += kPiece) {
      piece(row, col,
            static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, block.col_end - col)));
    }
    end_row();
  }
}

HWY_INLINE void LoadPiece(const QuantizerPlan& plan, const void* x, std::uint64_t row,
                          std::uint64_t col, std::size_t count, Piece& out) {
  const std::uint64_t element = row * plan.op.shape.cols + col;
  plan.widen_row(static_cast<const std::byte*>(x) + element * plan.op.from.storage_bytes(), out.v,
                 count);
  std::fill_n(out.v + count, 64, 0.0f);  // Whole vectors are read.
}

// d = x - z, u = d / s or +0, q = Q(u).
struct Leveled {
  Piece d, u, q;
};
HWY_INLINE void LevelPiece(const QuantizerPlan& plan, const Piece& x, std::size_t count, float s,
                           float z, Leveled& out) {
  const QF d;
  const auto zero = hn::Zero(d);
  const auto scale = hn::Set(d, s);
  const auto zero_point = hn::Set(d, z);
  Map(d, count, x, out.d, [&](auto v) HWY_ATTR { return hn::Sub(v, zero_point); });
  if (s == 0) {
    Map(d, count, out.d, out.u,
        [&](auto v) HWY_ATTR { return hn::IfThenElse(hn::Eq(v, v), zero, v); });
  } else {
    Map(d, count, out.d, out.u, [&](auto v) HWY_ATTR { return hn::Div(v, scale); });
  }
  if (plan.is_format) {
    alignas(64) std::uint8_t codes[kPiece];
    plan.cast_row(plan.cast, out.u.v, codes, count, nullptr);
    for (std::size_t i = 0; i < count; ++i) out.q.v[i] = plan.level_of_code[codes[i]];
    Map(d, count, out.u, out.q, out.q,
        [&](auto u, auto q) HWY_ATTR { return hn::IfThenElse(hn::Eq(u, u), q, u); });
    return;
  }
  const auto low = hn::Set(d, plan.low);
  const auto high = hn::Set(d, plan.high);
  const auto integer = hn::Set(d, 8388608.0f);  // From 2^23 on, every number is an integer.
  Map(d, count, out.u, out.q, [&](auto u) HWY_ATTR {
    const auto magnitude = hn::Abs(u);
    const auto near = hn::CopySign(hn::Sub(hn::Add(magnitude, integer), integer), u);
    const auto q = hn::IfThenElse(hn::Lt(magnitude, integer), near, u);
    const auto above = hn::IfThenElse(hn::Lt(q, low), low, q);
    // + 0 turns -0 into +0. A NaN passes all of this.
    return hn::Add(hn::IfThenElse(hn::Lt(high, above), high, above), zero);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
