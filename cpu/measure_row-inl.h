// SPDX-License-Identifier: Apache-2.0
// The vector half of MeasureWeights. Every element gets one index, made in vectors: its binade and
// the set of events that befell it. Counting is then one increment in a table an element.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "cpu/block_scale.h"
#include "cpu/measure_job.h"

#if defined(ULPROOF_CPU_MEASURE_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_MEASURE_ROW_INL_H_
#undef ULPROOF_CPU_MEASURE_ROW_INL_H_
#else
#define ULPROOF_CPU_MEASURE_ROW_INL_H_
#endif

#include <hwy/highway.h>

#include "cpu/fused_multiply_add-inl.h"
#include "cpu/noise-inl.h"
#include "cpu/rounding_random-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

static_assert(kMeasureCols == kNoiseRowElements);
static_assert(kMeasureCols == kRoundingRowElements);

// One row of a part, element by element; what follows the last element is 0.
struct MeasureRow {
  alignas(64) float w[kMeasureRoom] = {};
  alignas(64) float r[kMeasureRoom] = {};
  alignas(64) float scale[kMeasureRoom] = {};
  alignas(64) std::int32_t max_exponent[kMeasureRoom] = {};  // floor(log2 M).
  alignas(64) std::int32_t max_row[kMeasureRoom] = {};  // kNoBinadeRow, or 0 where M is finite.
  alignas(64) float product[kMeasureRoom] = {};         // RN32(R s)
  alignas(64) float t[kMeasureRoom] = {};
  alignas(64) std::uint32_t random[kMeasureRoom] = {};
  alignas(64) std::uint32_t codes[kMeasureRoom] = {};
  alignas(64) float sampled[kMeasureRoom] = {};
  alignas(64) float cast_w[kMeasureRoom] = {};
  alignas(64) float cast_product[kMeasureRoom] = {};
  alignas(64) float exact[kMeasureRoom] = {};  // 1 or 0
  alignas(64) std::int32_t index[kMeasureRoom] = {};
};

// floor(log2 |x|) of finite x != 0, from the representation.
inline int FloorLog2(float x) { return std::ilogb(x); }

// s, floor(log2 M) and whether M is finite, spread over the columns of the part.
void SpreadBlocks(const MeasureJob& job, const MeasurePart& part, MeasureRow& row) {
  const std::uint64_t block_cols = job.op.block.cols;
  for (std::uint64_t col = part.col_begin; col < part.col_end;) {
    const std::uint64_t block = part.first_block + (col / block_cols);
    const std::uint64_t end = std::min((col / block_cols + 1) * block_cols, part.col_end);
    const float maximum = job.maxima[block];
    const float factor =
        job.block_bits != nullptr ? BitsFactor(job.block_bits[block]) : job.tensor_factor;
    const bool finite = std::isfinite(maximum);
    const std::size_t begin = col - part.col_begin;
    const std::size_t count = end - col;
    std::fill_n(row.scale + begin, count, BlockScale(maximum, factor, job.op.pow2));
    std::fill_n(row.max_exponent + begin, count, finite && maximum > 0 ? FloorLog2(maximum) : 0);
    std::fill_n(row.max_row + begin, count, finite ? 0 : kNoBinadeRow);
    col = end;
  }
}

void AddNoise(MeasureRow& row, std::size_t count) {
  const FmaTag d;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto r = hn::LoadU(d, row.r + i);
    const auto s = hn::LoadU(d, row.scale + i);
    hn::StoreU(FusedMultiplyAdd(r, s, hn::LoadU(d, row.w + i)), d, row.t + i);
    hn::StoreU(hn::Mul(r, s), d, row.product + i);
  }
}

// out[i] = the value of cast(x[i]).
void CastToValues(const MeasureJob& job, MeasureRow& row, const float* x, std::size_t count,
                  float* HWY_RESTRICT out) {
  job.cast_row(job.plan, x, row.codes, count, row.random);
  const hn::ScalableTag<float> df;
  const hn::RebindToUnsigned<decltype(df)> du;
  const hn::RebindToSigned<decltype(df)> di;
  const auto store = [&](hn::Vec<decltype(du)> code, std::size_t i) {
    if (job.decoding == Decoding::kShift) {
      hn::StoreU(hn::BitCast(df, hn::ShiftLeftSame(code, job.shift)), df, out + i);
    } else {
      hn::StoreU(hn::GatherIndex(df, job.values, hn::BitCast(di, code)), df, out + i);
    }
  };
  const std::size_t lanes = hn::Lanes(df);
  if (job.plan.storage_bytes == 1) {
    const hn::Rebind<std::uint8_t, decltype(df)> d8;
    const auto* codes = reinterpret_cast<const std::uint8_t*>(row.codes);
    for (std::size_t i = 0; i < count; i += lanes) {
      store(hn::PromoteTo(du, hn::LoadU(d8, codes + i)), i);
    }
  } else if (job.plan.storage_bytes == 2) {
    const hn::Rebind<std::uint16_t, decltype(df)> d16;
    const auto* codes = reinterpret_cast<const std::uint16_t*>(row.codes);
    for (std::size_t i = 0; i < count; i += lanes) {
      store(hn::PromoteTo(du, hn::LoadU(d16, codes + i)), i);
    }
  } else {
    for (std::size_t i = 0; i < count; i += lanes) store(hn::LoadU(du, row.codes + i), i);
  }
}

// Whether `sampled` is the real number R s + w, and the sums of squares. In binary64 the product is
// exact (48 bits), and the sum is when Knuth's TwoSum leaves no error.
void MeasureErrors(MeasureRow& row, std::size_t count, Sums& sums) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const auto zero = hn::Zero(d);
  const auto infinity = hn::Set(d, INFINITY);
  auto signal = zero;
  auto noise = zero;
  auto error_sum = zero;
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    const auto w = hn::PromoteTo(d, hn::LoadU(half, row.w + i));
    const auto s = hn::PromoteTo(d, hn::LoadU(half, row.scale + i));
    const auto sampled = hn::PromoteTo(d, hn::LoadU(half, row.sampled + i));
    const auto product = hn::Mul(hn::PromoteTo(d, hn::LoadU(half, row.r + i)), s);
    const auto sum = hn::Add(product, w);
    const auto part = hn::Sub(sum, product);
    const auto rest = hn::Add(hn::Sub(product, hn::Sub(sum, part)), hn::Sub(w, part));
    const auto counted = hn::And(hn::And(hn::Lt(hn::Abs(sampled), infinity),  // Not so for NaN.
                                         hn::Lt(hn::Abs(w), infinity)),
                                 hn::Lt(hn::Abs(s), infinity));
    const auto exact = hn::And(hn::And(counted, hn::Eq(sum, sampled)), hn::Eq(rest, zero));
    hn::StoreU(hn::DemoteTo(half, hn::IfThenElseZero(exact, hn::Set(d, 1.0))), half, row.exact + i);
    const auto error = hn::IfThenElseZero(counted, hn::Sub(sampled, w));
    const auto kept = hn::IfThenElseZero(counted, w);
    signal = hn::Add(signal, hn::Mul(kept, kept));
    noise = hn::Add(noise, hn::Mul(error, error));
    error_sum = hn::Add(error_sum, error);
  }
  sums.signal += hn::GetLane(hn::SumOfLanes(d, signal));
  sums.noise += hn::GetLane(hn::SumOfLanes(d, noise));
  sums.error += hn::GetLane(hn::SumOfLanes(d, error_sum));
}

// Equal as numbers: zeros of either sign, and NaNs.
template <class V>
HWY_INLINE auto SameNumber(V a, V b) {
  return hn::Or(hn::Eq(a, b), hn::And(hn::IsNaN(a), hn::IsNaN(b)));
}

// The index of every element but for kSaturated and kOverflowed. Returns whether some |t| lies
// beyond the largest finite value.
bool MakeIndices(const MeasureJob& job, MeasureRow& row, std::size_t count) {
  const hn::ScalableTag<float> df;
  const hn::RebindToSigned<decltype(df)> di;
  const auto zero = hn::Zero(df);
  const auto infinity = hn::Set(df, INFINITY);
  const auto max_finite = hn::Set(df, job.max_finite);
  const auto min_normal = hn::Set(df, job.min_normal);
  auto beyond = hn::Zero(df);
  const auto event = [&](auto mask, Event bit) {
    return hn::IfThenElseZero(hn::RebindMask(di, mask), hn::Set(di, bit));
  };
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    const auto w = hn::LoadU(df, row.w + i);
    const auto s = hn::LoadU(df, row.scale + i);
    const auto t = hn::LoadU(df, row.t + i);
    const auto sampled = hn::LoadU(df, row.sampled + i);
    const auto magnitude = hn::Abs(w);
    const auto noisy = hn::Ne(hn::LoadU(df, row.r + i), zero);
    const auto absorbed = hn::And(noisy, SameNumber(sampled, hn::LoadU(df, row.cast_w + i)));
    const auto swamped = hn::And(hn::And(noisy, hn::Gt(magnitude, zero)),
                                 SameNumber(sampled, hn::LoadU(df, row.cast_product + i)));
    const auto flushed = hn::And(hn::Ne(t, zero), hn::Eq(sampled, zero));
    const auto subnormal = hn::And(
        hn::And(hn::Lt(hn::Abs(sampled), min_normal), hn::Ne(sampled, t)), hn::Ne(sampled, zero));
    const auto exact = hn::Ne(hn::LoadU(df, row.exact + i), zero);
    auto events = hn::Or(hn::Or(event(noisy, kNoisy), event(absorbed, kAbsorbed)),
                         hn::Or(event(swamped, kSwamped), event(flushed, kFlushed)));
    events = hn::Or(events, hn::Or(event(subnormal, kSubnormal), event(exact, kExact)));
    const auto finite = hn::And(hn::Lt(magnitude, infinity), hn::Lt(hn::Abs(s), infinity));
    events = hn::IfThenElse(hn::RebindMask(di, finite), events, hn::Set(di, kNotFinite));
    beyond = hn::Max(beyond, hn::IfThenElseZero(finite, hn::Abs(t)));
    // A subnormal's exponent shows once it is scaled into the normal range.
    const auto tiny = hn::Lt(magnitude, hn::Set(df, 0x1p-126f));
    const auto scaled = hn::IfThenElse(tiny, hn::Mul(magnitude, hn::Set(df, 0x1p32f)), magnitude);
    const auto bias =
        hn::IfThenElse(hn::RebindMask(di, tiny), hn::Set(di, 127 + 32), hn::Set(di, 127));
    const auto exponent = hn::Sub(hn::ShiftRight<23>(hn::BitCast(di, scaled)), bias);
    auto table_row = hn::Sub(hn::LoadU(di, row.max_exponent + i), exponent);
    const auto no_binade = hn::LoadU(di, row.max_row + i);
    table_row = hn::IfThenElse(hn::Ne(no_binade, hn::Zero(di)), no_binade, table_row);
    table_row =
        hn::IfThenElse(hn::RebindMask(di, hn::Eq(w, zero)), hn::Set(di, kZeroRow), table_row);
    hn::StoreU(hn::Add(hn::ShiftLeft<8>(table_row), events), di, row.index + i);
  }
  return !hn::AllTrue(df, hn::Le(beyond, max_finite));
}

// kSaturated and kOverflowed, for a row in which something may be: what is rounded with room above
// the largest value lies beyond it.
void MarkOverflows(const MeasureJob& job, MeasureRow& row, std::size_t count) {
  job.beyond_row(job.beyond_plan, row.t, row.codes, count, row.random);
  const formats::FormatSpec& to = job.op.to;
  const std::uint32_t magnitude_mask = job.beyond_plan.sign_mask - 1;
  for (std::size_t i = 0; i < count; ++i) {
    if ((row.index[i] & (kEventSets - 1)) == kNotFinite) continue;
    std::uint32_t code = row.codes[i];
    if (job.beyond_plan.storage_bytes < 4) {
      code = job.beyond_plan.storage_bytes == 1
                 ? reinterpret_cast<const std::uint8_t*>(row.codes)[i]
                 : reinterpret_cast<const std::uint16_t*>(row.codes)[i];
    }
    if (!std::isinf(row.t[i]) && (code & magnitude_mask) <= to.max_finite_code()) continue;
    row.index[i] |= std::isfinite(row.sampled[i]) ? kSaturated : kOverflowed;
  }
}

void CountRow(const MeasureRow& row, std::size_t count, Tally& tally) {
  std::uint32_t* HWY_RESTRICT table = tally.table.data();
  for (std::size_t i = 0; i < count; ++i) ++table[row.index[i]];
  if (tally.rows.empty()) return;
  for (std::size_t i = 0; i < count; ++i) {
    const double w = row.w[i];
    const double error = double{row.sampled[i]} - w;
    const bool counted = (row.index[i] & (kEventSets - 1)) != kNotFinite;
    if (!counted || !std::isfinite(row.sampled[i])) continue;
    Sums& sums = tally.rows[row.index[i] / kEventSets];
    sums.signal += w * w;
    sums.noise += error * error;
    sums.error += error;
  }
}

void MeasurePartOf(const MeasureJob& job, const MeasurePart& part, Tally& tally) {
  const formats::Operation& op = job.op;
  const std::size_t count = part.col_end - part.col_begin;
  MeasureRow row;
  SpreadBlocks(job, part, row);
  NoiseSource source(op.law, op.key);
  if (job.options.fixed_noise) std::fill_n(row.r, count, *job.options.fixed_noise);
  for (std::uint64_t r = part.row_begin; r < part.row_end; ++r) {
    const std::uint64_t place = r * op.shape.cols + part.col_begin;
    const std::uint64_t logical = op.key.offset + r * op.shape.stride() + part.col_begin;
    job.widen_row(job.w + place * op.from.storage_bytes(), row.w, count);
    if (!job.options.fixed_noise) std::copy_n(source.Reals(logical, count), count, row.r);
    AddNoise(row, count);
    if (op.rounding.is_stochastic()) {
      RoundingNumbers(op.rounding.random_bits, op.key, logical, count, row.random);
    }
    CastToValues(job, row, row.t, count, row.sampled);
    CastToValues(job, row, row.w, count, row.cast_w);
    CastToValues(job, row, row.product, count, row.cast_product);
    // Behind the last element a decoded code may be anything.
    std::fill_n(row.sampled + count, kMeasureRoom - count, 0.0f);
    MeasureErrors(row, count, tally.total);
    if (MakeIndices(job, row, count)) MarkOverflows(job, row, count);
    CountRow(row, count, tally);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
