// SPDX-License-Identifier: Apache-2.0
// The short way through MeasureWeights for rows in which nothing unusual can happen: rounding is to
// nearest even, |R| is 0, 1 or 2, everything is finite, nothing overflows, no weight is subnormal
// or deeper than kCalmBinades below its block's maximum. Numbers then stay numbers: no codes are
// made. What it counts is what cpu/measure_row-inl.h counts.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "cpu/measure_job.h"

#if defined(ULPROOF_CPU_MEASURE_CALM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_MEASURE_CALM_INL_H_
#undef ULPROOF_CPU_MEASURE_CALM_INL_H_
#else
#define ULPROOF_CPU_MEASURE_CALM_INL_H_
#endif

#include <hwy/highway.h>

#include "cpu/calm_rounding-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One row of a part, element by element; what follows the last element is 0.
struct CalmRow {
  const float* w;
  const float* r;  // Followed by numbers.
  alignas(64) float scale[kMeasureRoom] = {};
  alignas(64) std::int32_t max_exponent[kMeasureRoom] = {};  // Exponent field of M, in its place.
  alignas(64) float widened[kMeasureRoom] = {};
  alignas(64) float sampled[kMeasureRoom] = {};
  alignas(64) float cast_w[kMeasureRoom];
  alignas(64) std::uint16_t index[kMeasureRoom];
};

// Under a fixed R.
struct CalmProducts {
  alignas(64) float product[kMeasureRoom];  // R s
  alignas(64) float cast_product[kMeasureRoom];
};

namespace calm {

// Whether `sum`, a + b rounded, is exact. Subtracting the larger of the two from it is exact
// (Dekker), so that one of the comparisons decides; where the sum is exact both hold.
HWY_INLINE hn::Mask<DF> IsExactSum(VF a, VF b, VF sum) {
  return hn::And(hn::Eq(hn::Sub(sum, b), a), hn::Eq(hn::Sub(sum, a), b));
}

// `set` with `bit` where the mask is set and `set` has it not.
HWY_INLINE VI With(VI set, hn::Mask<DF> mask, std::int32_t bit) {
  return hn::IfThenElse(hn::RebindMask(DI(), mask), hn::Or(set, hn::Set(DI(), bit)), set);
}

// The row of the table for weights of this exponent field, times 2^kColumnBits.
template <int kColumnBits>
HWY_INLINE VI TableRow(VI max_exponent, VI exponent, hn::Mask<DF> is_zero) {
  const VI binade = hn::ShiftRight<kTrailingBits - kColumnBits>(hn::Sub(max_exponent, exponent));
  return hn::IfThenElse(hn::RebindMask(DI(), is_zero), hn::Set(DI(), kCalmZeroRow << kColumnBits),
                        binade);
}

}  // namespace calm

// The largest |R| of a calm row: R s is then exact.
inline constexpr float kCalmNoise = 2;

HWY_INLINE bool IsCalmNoise(float r) { return r == std::trunc(r) && std::fabs(r) <= kCalmNoise; }

// `r`: whole numbers.
HWY_INLINE bool AreCalmNoises(const float* r, std::size_t count) {
  const calm::DF df;
  const std::size_t lanes = hn::Lanes(df);
  auto largest = hn::Zero(df);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    largest = hn::Max(largest, hn::Abs(hn::LoadU(df, r + i)));
  }
  bool is_calm = hn::AllTrue(df, hn::Le(largest, hn::Set(df, kCalmNoise)));
  for (; i < count; ++i) is_calm = is_calm && std::fabs(r[i]) <= kCalmNoise;
  return is_calm;
}

// largest[c] = the largest magnitude code of column c, of `rows` x `cols` codes, rows `stride`
// elements apart. Returns the smallest one of all that is not 0; 0 when all are. T as in
// cpu/block_max-inl.h.
template <class T>
HWY_INLINE T MagnitudeRange(const T* HWY_RESTRICT w, std::uint64_t stride, std::size_t rows,
                            std::size_t cols, T* HWY_RESTRICT largest) {
  // One less, as an unsigned number, puts 0 above all others.
  using U = hwy::MakeUnsigned<T>;
  const hn::ScalableTag<T> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const std::size_t lanes = hn::Lanes(d);
  constexpr T kMask = hwy::LimitsMax<T>();
  auto least = hn::Set(du, hwy::LimitsMax<U>());
  U rest = hwy::LimitsMax<U>();
  std::fill_n(largest, cols, T{0});
  for (std::size_t r = 0; r < rows; ++r, w += stride) {
    std::size_t c = 0;
    for (; c + lanes <= cols; c += lanes) {
      const auto magnitude = hn::And(hn::LoadU(d, w + c), hn::Set(d, kMask));
      hn::StoreU(hn::Max(hn::LoadU(d, largest + c), magnitude), d, largest + c);
      least = hn::Min(least, hn::Sub(hn::BitCast(du, magnitude), hn::Set(du, 1)));
    }
    for (; c < cols; ++c) {
      const T magnitude = static_cast<T>(w[c] & kMask);
      largest[c] = std::max(largest[c], magnitude);
      rest = std::min(rest, static_cast<U>(static_cast<U>(magnitude) - 1));
    }
  }
  alignas(64) U found[hn::MaxLanes(du)];
  hn::Store(least, du, found);
  for (std::size_t i = 0; i < lanes; ++i) rest = std::min(rest, found[i]);
  return static_cast<T>(static_cast<U>(rest + 1));
}

// Adds the indices of a row to a table of `cells` cells. By itself, because in the loops that make
// them it was slower.
HWY_INLINE void CountIndices(const CalmRow& row, std::size_t count, std::size_t cells,
                             std::uint32_t* HWY_RESTRICT table) {
  static_assert(kCalmCopies == 4);
  const std::uint16_t* HWY_RESTRICT index = row.index;
  std::size_t i = 0;
  for (; i + kCalmCopies <= count; i += kCalmCopies) {
    ++table[index[i]];
    ++table[cells + index[i + 1]];
    ++table[2 * cells + index[i + 2]];
    ++table[3 * cells + index[i + 3]];
  }
  for (; i < count; ++i) ++table[index[i]];
}

// Index of every element, its row of the table and set of facts, which are counted, and `sampled`.
// R s is exact.
HWY_INLINE void MakeCalmIndices(const MeasureJob& job, CalmRow& row, std::size_t count) {
  using calm::VF, calm::VI, calm::With;
  const calm::DF df;
  const calm::DI di;
  const hn::Rebind<std::uint16_t, calm::DF> d16;
  const calm::Rounding rounded(job.calm);
  const VF min_normal = hn::Set(df, job.min_normal);
  const VF zero = hn::Zero(df);
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    const VF w = hn::LoadU(df, row.w + i);
    const VF r = hn::LoadU(df, row.r + i);
    const VF product = hn::Mul(r, hn::Load(df, row.scale + i));
    const VF t = hn::Add(product, w);
    const VF sampled = rounded(t);
    hn::Store(sampled, df, row.sampled + i);
    VI index = calm::TableRow<kCalmFacts>(hn::Load(di, row.max_exponent + i),
                                          calm::ExponentField(w), hn::Eq(w, zero));
    index = With(index, hn::Ne(r, zero), kHasNoise);
    index = With(index, hn::Eq(sampled, rounded(w)), kSameAsW);
    index = With(index, hn::Eq(sampled, rounded(product)), kSameAsNoise);
    index = With(index, hn::Ne(sampled, t), kRounded);
    index = With(index, hn::Eq(sampled, zero), kSampledZero);
    index = With(index, hn::Lt(hn::Abs(sampled), min_normal), kBelowNormal);
    index = With(index, calm::IsExactSum(product, w, t), kSumRepresented);
    hn::Store(hn::DemoteTo(d16, index), d16, row.index + i);
  }
}

// cast(w), and the index without the set of absorbed noises.
HWY_INLINE void BeginFixedRow(const MeasureJob& job, CalmRow& row, std::size_t count) {
  const calm::DF df;
  const calm::DI di;
  const hn::Rebind<std::uint16_t, calm::DF> d16;
  const calm::Rounding rounded(job.calm);
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    const calm::VF w = hn::LoadU(df, row.w + i);
    hn::Store(rounded(w), df, row.cast_w + i);
    const calm::VI index = calm::TableRow<kFixedNoises>(
        hn::Load(di, row.max_exponent + i), calm::ExponentField(w), hn::Eq(w, hn::Zero(df)));
    hn::Store(hn::DemoteTo(d16, index), d16, row.index + i);
  }
}

// Counts a row under one R, whose bit in the index is `bit` (0 for R = 0). What lies behind the
// last element is w = 0 and R s = 0, and is counted nowhere but as exact.
HWY_INLINE void CountFixedRow(const MeasureJob& job, const CalmProducts& products, std::int32_t bit,
                              CalmRow& row, std::size_t count, WeightCounts& counts) {
  using calm::VF;
  const calm::DF df;
  const hn::Rebind<std::uint16_t, calm::DF> d16;
  const hn::RebindToUnsigned<calm::DF> du;
  const calm::Rounding rounded_value(job.calm);
  const VF min_normal = hn::Set(df, job.min_normal);
  const VF zero = hn::Zero(df);
  std::size_t absorbed_count = 0;
  std::size_t swamped_count = 0;
  std::size_t flushed_count = 0;
  std::size_t low_count = 0;
  std::size_t exact_count = 0;
  const std::size_t lanes = hn::Lanes(df);
  for (std::size_t i = 0; i < count; i += lanes) {
    const VF w = hn::LoadU(df, row.w + i);
    const VF product = hn::Load(df, products.product + i);
    const VF t = hn::Add(product, w);
    const VF sampled = rounded_value(t);
    const auto rounded = hn::Ne(sampled, t);
    low_count += hn::CountTrue(df, hn::And(rounded, hn::Lt(hn::Abs(sampled), min_normal)));
    flushed_count += hn::CountTrue(df, hn::And(rounded, hn::Eq(sampled, zero)));
    exact_count += hn::CountTrue(df, hn::AndNot(rounded, calm::IsExactSum(product, w, t)));
    if (bit == 0) continue;
    // A row behind whose last element there is room has zeros there, which are not noise.
    auto absorbed = hn::Eq(sampled, hn::Load(df, row.cast_w + i));
    auto swamped =
        hn::And(hn::Ne(w, zero), hn::Eq(sampled, hn::Load(df, products.cast_product + i)));
    if (i + lanes > count) absorbed = hn::And(absorbed, hn::FirstN(df, count - i));
    absorbed_count += hn::CountTrue(df, absorbed);
    swamped_count += hn::CountTrue(df, swamped);
    const auto index = hn::BitCast(calm::DI(), hn::PromoteTo(du, hn::Load(d16, row.index + i)));
    hn::Store(hn::DemoteTo(d16, calm::With(index, absorbed, bit)), d16, row.index + i);
  }
  counts.elements += count;
  counts.noisy += bit == 0 ? 0 : count;
  counts.absorbed += absorbed_count;
  counts.swamped += swamped_count;
  counts.flushed += flushed_count;
  counts.subnormal += low_count - flushed_count;
  counts.exact += exact_count - ((count + lanes - 1) / lanes * lanes - count);
}

// Two accumulators each, so that an addition need not wait for the one before.
class CalmSums {
 public:
  HWY_INLINE CalmSums() {}
  HWY_INLINE void AddRow(const CalmRow& row, std::size_t count) {
    const std::size_t lanes = hn::Lanes(D());
    for (std::size_t i = 0; i < count; i += 2 * lanes) {
      even_.Add(row.w + i, row.sampled + i);
      odd_.Add(row.w + i + lanes, row.sampled + i + lanes);
    }
  }

  HWY_INLINE void AddTo(Sums& sums) const {
    const D d;
    sums.signal += hn::GetLane(hn::SumOfLanes(d, hn::Add(even_.signal, odd_.signal)));
    sums.noise += hn::GetLane(hn::SumOfLanes(d, hn::Add(even_.noise, odd_.noise)));
  }

 private:
  using D = hn::ScalableTag<double>;
  struct Accumulators {
    HWY_INLINE Accumulators() : signal(hn::Zero(D())), noise(hn::Zero(D())) {}
    HWY_INLINE void Add(const float* w_lanes, const float* sampled_lanes) {
      const D d;
      const hn::Rebind<float, D> half;
      const auto w = hn::PromoteTo(d, hn::LoadU(half, w_lanes));
      const auto difference = hn::Sub(hn::PromoteTo(d, hn::LoadU(half, sampled_lanes)), w);
      signal = hn::MulAdd(w, w, signal);
      noise = hn::MulAdd(difference, difference, noise);
    }
    hn::Vec<D> signal, noise;
  };
  Accumulators even_, odd_;
};

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
