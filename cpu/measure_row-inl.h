// SPDX-License-Identifier: Apache-2.0
// The vector half of MeasureWeights. Every element gets one index, made in vectors: its binade and
// the set of events that befell it. Counting is then one increment in a table an element. What is
// here takes any sample, through the codes of its casts; rows that allow it take the short way of
// cpu/measure_calm-inl.h.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/block_scale.h"
#include "cpu/measure_job.h"

#if defined(ULPROOF_CPU_MEASURE_ROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ULPROOF_CPU_MEASURE_ROW_INL_H_
#undef ULPROOF_CPU_MEASURE_ROW_INL_H_
#else
#define ULPROOF_CPU_MEASURE_ROW_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include "cpu/fused_multiply_add-inl.h"
#include "cpu/measure_calm-inl.h"
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

// What a part shows before it is measured.
struct PartView {
  alignas(64) float maxima[kMeasureCols];  // Of its blocks, in order.
  float least;                             // The smallest |w| that is not 0; 0 when there is none.
};

template <class T>
void ViewCodes(const MeasureJob& job, const MeasurePart& part, PartView& view) {
  const std::size_t count = part.col_end - part.col_begin;
  const std::uint64_t stride = job.op.shape.cols;
  const T* w = reinterpret_cast<const T*>(job.w) + part.row_begin * stride + part.col_begin;
  const std::uint64_t rows = part.row_end - part.row_begin;
  T columns[kMeasureCols] = {};
  const T least = MagnitudeRange(w, stride, rows, count, columns);
  job.widen_row(&least, &view.least, 1);
  const std::size_t block_cols = job.op.block.cols;
  if (job.maxima != nullptr) {
    const float* maxima = job.maxima + part.first_block;
    std::copy(maxima + part.col_begin / block_cols, maxima + (part.col_end - 1) / block_cols + 1,
              view.maxima);
    return;
  }
  std::size_t blocks = 0;
  for (std::size_t begin = 0; begin < count; begin += block_cols) {
    columns[blocks++] =
        *std::max_element(columns + begin, columns + std::min(begin + block_cols, count));
  }
  job.widen_row(columns, view.maxima, blocks);
}

// Its members spread over the columns of the part.
struct BlockConstants {
  float scale;
  int max_exponent;  // floor(log2 M).
  int max_row;       // kNoBinadeRow, or 0 where M is finite.
};

BlockConstants ConstantsOf(const MeasureJob& job, float maximum, std::uint64_t block) {
  const float factor =
      job.block_bits != nullptr ? BitsFactor(job.block_bits[block]) : job.tensor_factor;
  const bool finite = std::isfinite(maximum);
  return {.scale = BlockScale(maximum, factor, job.op.pow2),
          .max_exponent = finite && maximum > 0 ? std::ilogb(maximum) : 0,
          .max_row = finite ? 0 : kNoBinadeRow};
}

// Calls body(index of the block in the part, its number, first column in the part, columns).
template <class Body>
void ForEachBlock(const MeasureJob& job, const MeasurePart& part, const Body& body) {
  const std::uint64_t block_cols = job.op.block.cols;
  std::size_t index = 0;
  for (std::uint64_t col = part.col_begin; col < part.col_end; ++index) {
    const std::uint64_t end = std::min((col / block_cols + 1) * block_cols, part.col_end);
    body(index, part.first_block + col / block_cols, col - part.col_begin, end - col);
    col = end;
  }
}

void SpreadBlocks(const MeasureJob& job, const MeasurePart& part, const PartView& view,
                  MeasureRow& row) {
  ForEachBlock(job, part,
               [&](std::size_t i, std::uint64_t block, std::size_t begin, std::size_t n) {
                 const BlockConstants constants = ConstantsOf(job, view.maxima[i], block);
                 std::fill_n(row.scale + begin, n, constants.scale);
                 std::fill_n(row.max_exponent + begin, n, constants.max_exponent);
                 std::fill_n(row.max_row + begin, n, constants.max_row);
               });
}

// The same for calm rows. Returns whether those of the part are calm as far as its weights go.
bool SpreadCalmBlocks(const MeasureJob& job, const MeasurePart& part, const PartView& view,
                      CalmRow& row) {
  const auto exponent_field = [](float x) {
    return static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x)) & calm::kExponentMask;
  };
  bool is_calm = true;
  std::int32_t largest = 0;
  ForEachBlock(
      job, part, [&](std::size_t i, std::uint64_t block, std::size_t begin, std::size_t n) {
        const float maximum = view.maxima[i];
        const float scale = ConstantsOf(job, maximum, block).scale;
        // False for NaN.
        is_calm = is_calm && double{maximum} + kCalmNoise * double{scale} <= double{job.calm.limit};
        largest = std::max(largest, exponent_field(maximum));
        std::fill_n(row.scale + begin, n, scale);
        std::fill_n(row.max_exponent + begin, n, exponent_field(maximum));
      });
  if (!is_calm || view.least == 0) return is_calm;
  const std::int32_t smallest = exponent_field(view.least);
  return smallest > 0 && (largest - smallest) >> calm::kTrailingBits < kCalmBinades;
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

// `row` has w and r; `logical` is the index of its first element.
void MeasureRowOf(const MeasureJob& job, MeasureRow& row, std::size_t count, std::uint64_t logical,
                  Tally& tally) {
  const formats::Operation& op = job.op;
  if (tally.table.empty()) tally.table.resize(kTableRows * kEventSets);
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

// Makes row.w of row r of the part, in place where it is binary32 in whole vectors.
void WidenCalmRow(const MeasureJob& job, const std::byte* w, std::size_t count, CalmRow& row) {
  row.w = reinterpret_cast<const float*>(w);
  if (job.op.from == formats::kFloat32 && count % hn::Lanes(calm::DF()) == 0) return;
  job.widen_row(w, row.widened, count);
  row.w = row.widened;
}

// The next part's maxima would wait for memory: row by row, what comes after this part is fetched.
void FetchNext(const MeasureJob& job, const std::byte* w, std::size_t count) {
  constexpr std::size_t kLine = 64;
  const std::size_t bytes = count * job.op.from.storage_bytes();
  for (std::size_t i = bytes; i < 2 * bytes; i += kLine) hwy::Prefetch(w + i);
}

// A part under one noise. `calm_row` is for a part that is calm, else null.
void MeasurePartUnder(const Noise& noise, const MeasureJob& job, const MeasurePart& part,
                      const PartView& view, CalmRow* calm_row, Tally& tally) {
  const formats::Operation& op = job.op;
  const std::size_t count = part.col_end - part.col_begin;
  std::optional<MeasureRow> full_row;  // Large, and seldom needed.
  NoiseSource source(op.law, op.key);
  alignas(64) float fixed[kMeasureRoom] = {};
  if (noise) std::fill_n(fixed, count, *noise);
  CalmSums sums;
  for (std::uint64_t r = part.row_begin; r < part.row_end; ++r) {
    const std::uint64_t place = r * op.shape.cols + part.col_begin;
    const std::uint64_t logical = op.key.offset + r * op.shape.stride() + part.col_begin;
    const std::byte* w = job.w + place * op.from.storage_bytes();
    const float* reals = noise ? fixed : source.Reals(logical, count);
    FetchNext(job, w, count);
    const bool is_calm =
        calm_row != nullptr &&
        (noise ? IsCalmNoise(*noise) : job.draws_calm_noise || AreCalmNoises(reals, count));
    if (is_calm) {
      if (tally.calm.empty()) tally.calm.resize(kCalmCopies * kCalmCells);
      WidenCalmRow(job, w, count, *calm_row);
      calm_row->r = reals;
      MakeCalmIndices(job, *calm_row, count);
      CountIndices(*calm_row, count, kCalmCells, tally.calm.data());
      sums.AddRow(*calm_row, count);
    } else {
      if (!full_row) SpreadBlocks(job, part, view, full_row.emplace());
      std::copy_n(reals, count, full_row->r);
      job.widen_row(w, full_row->w, count);
      MeasureRowOf(job, *full_row, count, logical, tally);
    }
  }
  sums.AddTo(tally.total);
}

// Fixed noises that are measured together on calm parts.
struct FixedNoises {
  std::size_t count = 0;
  std::array<std::size_t, kFixedNoises + 1> index;  // In job.noises,
  std::array<std::int32_t, kFixedNoises + 1> bit;   // and in a set of absorbed ones; 0 for R = 0.
  int bits = 0;
  bool Add(std::size_t noise, float r) {
    if (!IsCalmNoise(r) || count == index.size() || (r != 0 && bits == kFixedNoises)) return false;
    index[count] = noise;
    bit[count++] = r == 0 ? 0 : 1 << bits++;
    return true;
  }
};

void MeasureCalmPartUnder(const FixedNoises& noises, const MeasureJob& job, const MeasurePart& part,
                          CalmRow& row, Tally* tallies) {
  const formats::Operation& op = job.op;
  const std::size_t count = part.col_end - part.col_begin;
  std::array<CalmProducts, kFixedNoises + 1> products;
  const calm::DF df;
  const calm::Rounding rounded(job.calm);
  for (std::size_t k = 0; k < noises.count; ++k) {
    const auto r = hn::Set(df, *job.noises[noises.index[k]]);
    for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
      const auto product = hn::Mul(r, hn::Load(df, row.scale + i));
      hn::Store(product, df, products[k].product + i);
      hn::Store(rounded(product), df, products[k].cast_product + i);
    }
  }
  std::vector<std::uint32_t> table(kCalmCopies * kFixedCells);
  for (std::uint64_t r = part.row_begin; r < part.row_end; ++r) {
    const std::uint64_t place = r * op.shape.cols + part.col_begin;
    WidenCalmRow(job, job.w + place * op.from.storage_bytes(), count, row);
    BeginFixedRow(job, row, count);
    for (std::size_t k = 0; k < noises.count; ++k) {
      CountFixedRow(job, products[k], noises.bit[k], row, count, tallies[noises.index[k]].fixed);
    }
    CountIndices(row, count, kFixedCells, table.data());
  }
  for (std::size_t cell = 0; cell < kFixedCells; ++cell) {
    std::uint64_t number = 0;
    for (std::size_t copy = 0; copy < kCalmCopies; ++copy) {
      number += table[copy * kFixedCells + cell];
    }
    if (number == 0) continue;
    for (std::size_t k = 0; k < noises.count; ++k) {
      Tally& tally = tallies[noises.index[k]];
      tally.fixed_elements.resize(kCalmRows);
      tally.fixed_absorbed.resize(kCalmRows);
      tally.fixed_elements[cell >> kFixedNoises] += number;
      const bool absorbed = (cell & static_cast<std::size_t>(noises.bit[k])) != 0;
      tally.fixed_absorbed[cell >> kFixedNoises] += absorbed ? number : 0;
    }
  }
}

// tallies[i] is for job.noises[i].
void MeasurePartOf(const MeasureJob& job, const MeasurePart& part, Tally* tallies) {
  PartView view;
  if (job.op.from.storage_bytes() == 4) {
    ViewCodes<std::int32_t>(job, part, view);
  } else {
    ViewCodes<std::int16_t>(job, part, view);
  }
  CalmRow calm_row;
  const bool is_calm = job.calm.usable && SpreadCalmBlocks(job, part, view, calm_row);
  FixedNoises together;
  for (std::size_t i = 0; i < job.noises.size(); ++i) {
    const Noise& noise = job.noises[i];
    const bool is_fixed = noise && is_calm && job.options.fixed == FixedDetail::kAbsorbed;
    if (is_fixed && together.Add(i, *noise)) continue;
    MeasurePartUnder(noise, job, part, view, is_calm ? &calm_row : nullptr, tallies[i]);
  }
  if (together.count > 0) MeasureCalmPartUnder(together, job, part, calm_row, tallies);
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
