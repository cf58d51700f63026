// SPDX-License-Identifier: Apache-2.0
// Every element gets one index, made in vectors: its binade and the set of events that befell it.
// Counting is then one increment in a table an element, and the counters are sums over the table.
#include "cpu/weight_statistics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/block_scale.h"
#include "cpu/cast_kernels.h"
#include "cpu/sample_kernels.h"
#include "formats/codec.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/weight_statistics.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/fused_multiply_add-inl.h"
#include "cpu/noise-inl.h"
#include "cpu/rounding_random-inl.h"

#ifndef ULPROOF_CPU_WEIGHT_STATISTICS_JOB
#define ULPROOF_CPU_WEIGHT_STATISTICS_JOB
namespace ulproof::cpu {

// Columns that are worked on together, and room for the vector that begins in the last of them.
inline constexpr std::size_t kMeasureCols = 512;
inline constexpr std::size_t kMeasureRoom = kMeasureCols + 64;

// The events of an element, as bits.
enum Event : std::int32_t {
  kNoisy = 1,
  kAbsorbed = 2,
  kSwamped = 4,
  kFlushed = 8,
  kSubnormal = 16,
  kExact = 32,
  kSaturated = 64,
  kOverflowed = 128,
};
inline constexpr std::int32_t kEventSets = 256;
// Nothing is absorbed without noise: that set is free to mean an element that is not counted.
inline constexpr std::int32_t kNotFinite = kAbsorbed;

// Rows of the table: the binade below the maximum, from 127 down to -149, and two more.
inline constexpr std::int32_t kBinades = 277;
inline constexpr std::int32_t kZeroRow = kBinades;
inline constexpr std::int32_t kNoBinadeRow = kBinades + 1;
inline constexpr std::int32_t kTableRows = kBinades + 2;

// How a code of the output becomes the binary32 number that it is.
enum class Decoding : std::uint8_t { kTable, kShift };

struct MeasureJob {
  const formats::Operation& op;
  const std::byte* w;
  const float* maxima;      // M of every block.
  const float* block_bits;  // Null when one bitwidth serves the tensor;
  float tensor_factor;      // this is its factor 2^(1 - b).
  const MeasureOptions& options;
  WidenRowFunction widen_row;
  CastPlan plan;
  CastRowFunction cast_row;
  // The same rounding with room above the largest value, so that what lies beyond it shows.
  CastPlan beyond_plan;
  CastRowFunction beyond_row;
  Decoding decoding;
  int shift;
  const float* values;  // For kTable.
  float max_finite;
  float min_normal;
};

// Part of a row of blocks: at most kMeasureCols columns.
struct MeasurePart {
  std::uint64_t row_begin, row_end, col_begin, col_end, first_block;
};

struct Sums {
  double signal = 0;
  double noise = 0;
  double error = 0;
};

struct Tally {
  std::vector<std::uint32_t> table = std::vector<std::uint32_t>(kTableRows * kEventSets);
  Sums total;
  std::vector<Sums> rows;  // Of the table; empty unless sums_by_binade.
};

}  // namespace ulproof::cpu
#endif  // ULPROOF_CPU_WEIGHT_STATISTICS_JOB

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

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(MeasurePartOf);

namespace {

using formats::FormatSpec;
using formats::Overflow;
using formats::Specials;

// What one thread takes at a time, about; its table's 32-bit counters hold more.
constexpr std::uint64_t kParallelElements = std::uint64_t{1} << 18;

// A format on the same grid whose codes go on beyond the largest finite value of `to`.
FormatSpec BeyondFormat(const FormatSpec& to) {
  if (to.specials == Specials::kIeee || to.specials == Specials::kFn)
    return to;  // To an inf or NaN.
  FormatSpec wider = to;
  wider.exponent_bits += 1;
  wider.specials = Specials::kFinite;
  return wider;
}

bool IsCutFloat32(const FormatSpec& to) {
  return to.is_signed && to.specials == Specials::kIeee && to.exponent_bits == 8 && to.bias == 127;
}

float ValueOf(const FormatSpec& spec, formats::Code code) {
  const formats::Decoded x = formats::Decode(spec, code);
  switch (x.value_class) {
    case formats::ValueClass::kNan:
      return NAN;
    case formats::ValueClass::kInfinity:
      return x.negative ? -INFINITY : INFINITY;
    default:
      break;
  }
  const float magnitude = std::ldexp(static_cast<float>(x.significand), x.exponent);
  return x.negative ? -magnitude : magnitude;
}

// An entry for whatever may stand in a code's bytes.
std::vector<float> ValueTable(const FormatSpec& spec) {
  std::vector<float> values(std::size_t{1} << 8 * spec.storage_bytes());
  for (formats::Code code = 0; code <= spec.code_mask(); ++code) values[code] = ValueOf(spec, code);
  return values;
}

void Add(WeightCounts& counts, std::int32_t events, std::uint64_t number) {
  counts.elements += number;
  if (events == kNotFinite) {
    counts.non_finite += number;
    return;
  }
  const auto add = [&](Event bit, std::uint64_t& counter) {
    if ((events & bit) != 0) counter += number;
  };
  add(kNoisy, counts.noisy);
  add(kAbsorbed, counts.absorbed);
  add(kSwamped, counts.swamped);
  add(kFlushed, counts.flushed);
  add(kSubnormal, counts.subnormal);
  add(kSaturated, counts.saturated);
  add(kOverflowed, counts.overflowed);
  add(kExact, counts.exact);
}

WeightStatistics StatisticsOf(const Tally& tally) {
  WeightStatistics statistics;
  for (std::int32_t row = 0; row < kTableRows; ++row) {
    WeightCounts counts;
    for (std::int32_t events = 0; events < kEventSets; ++events) {
      const std::uint32_t number = tally.table[row * kEventSets + events];
      if (number > 0) Add(counts, events, number);
    }
    if (!tally.rows.empty()) {
      counts.signal = tally.rows[row].signal;
      counts.noise = tally.rows[row].noise;
      counts.error = tally.rows[row].error;
    }
    if (counts.elements == 0) continue;
    statistics.total += counts;
    if (row == kZeroRow) {
      statistics.zero_weights = counts;
    } else if (row < kBinades) {
      statistics.below_max.resize(static_cast<std::size_t>(row) + 1);
      statistics.below_max.back() = counts;
    }
  }
  statistics.total.signal = tally.total.signal;
  statistics.total.noise = tally.total.noise;
  statistics.total.error = tally.total.error;
  return statistics;
}

}  // namespace

WeightCounts& WeightCounts::operator+=(const WeightCounts& other) {
  elements += other.elements;
  non_finite += other.non_finite;
  noisy += other.noisy;
  absorbed += other.absorbed;
  swamped += other.swamped;
  flushed += other.flushed;
  subnormal += other.subnormal;
  saturated += other.saturated;
  overflowed += other.overflowed;
  exact += other.exact;
  signal += other.signal;
  noise += other.noise;
  error += other.error;
  return *this;
}

WeightStatistics& WeightStatistics::operator+=(const WeightStatistics& other) {
  total += other.total;
  zero_weights += other.zero_weights;
  if (below_max.size() < other.below_max.size()) below_max.resize(other.below_max.size());
  for (std::size_t k = 0; k < other.below_max.size(); ++k) below_max[k] += other.below_max[k];
  return *this;
}

std::string WhyMeasureUnsupported(const formats::Operation& op) {
  if (std::string reason = WhySampleUnsupported(op); !reason.empty()) return reason;
  if (!op.to.is_signed || !op.to.has_zero()) return "the output format has no sign or no zero";
  if (!formats::IsExactInFloat32(op.to)) return "the output format is not exact in float32";
  if (op.to.storage_bytes() > 2 && !IsCutFloat32(op.to)) {
    return "the output format has more than 16 bits and is not a shortened float32";
  }
  return WhyNotPlanned(BeyondFormat(op.to));
}

WeightStatistics MeasureWeights(Target target, const formats::Operation& op,
                                const formats::ConstBuffer& w, const formats::ConstBuffer& bits,
                                const MeasureOptions& options) {
  const std::string reason = WhyMeasureUnsupported(op);
  ULPROOF_CHECK(reason.empty(), reason);
  const formats::BlockGrid grid = op.grid();
  std::vector<float> maxima(grid.count());
  RunBlockMax(target, op, w,
              {formats::ElementType::CodeOf(formats::kFloat32), maxima.data(), maxima.size()});
  const bool is_cut = IsCutFloat32(op.to);
  const std::vector<float> values = is_cut ? std::vector<float>() : ValueTable(op.to);
  const CastPlan plan = MakeCastPlan(op.to, op.rounding, op.overflow);
  const CastPlan beyond = MakeCastPlan(BeyondFormat(op.to), op.rounding, Overflow::kToInfinity);
  const MeasureJob job = {
      .op = op,
      .w = static_cast<const std::byte*>(w.data),
      .maxima = maxima.data(),
      .block_bits = op.bits_per_block ? bits.As<float>() : nullptr,
      .tensor_factor = op.bits_per_block ? 0 : BitsFactor(*bits.As<float>()),
      .options = options,
      .widen_row = WidenRowKernel(target, op.from),
      .plan = plan,
      .cast_row = CastRowKernel(target, plan),
      .beyond_plan = beyond,
      .beyond_row = CastRowKernel(target, beyond),
      .decoding = is_cut ? Decoding::kShift : Decoding::kTable,
      .shift = 32 - op.to.storage_bits(),
      .values = values.data(),
      .max_finite = ValueOf(op.to, op.to.max_finite_code()),
      .min_normal = std::ldexp(1.0f, op.to.min_exponent()),
  };
  const auto measure_part = ULPROOF_FOR_TARGET(MeasurePartOf, target);
  const std::uint64_t parts_per_row = (op.shape.cols + kMeasureCols - 1) / kMeasureCols;
  const std::uint64_t parts = grid.rows() * parts_per_row;
  const std::uint64_t rows = std::min<std::uint64_t>(op.block.rows, op.shape.rows);
  const std::uint64_t cols = std::min<std::uint64_t>(kMeasureCols, op.shape.cols);
  const std::uint64_t grain = std::max<std::uint64_t>(kParallelElements / (rows * cols), 1);
  std::vector<WeightStatistics> results((parts + grain - 1) / grain);
  base::ParallelFor(parts, grain, [&](std::uint64_t begin, std::uint64_t end) {
    Tally tally;
    if (options.sums_by_binade) tally.rows.resize(kTableRows);
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::uint64_t block_row = i / parts_per_row;
      const std::uint64_t col = i % parts_per_row * kMeasureCols;
      measure_part(job,
                   {.row_begin = block_row * op.block.rows,
                    .row_end = std::min((block_row + 1) * op.block.rows, op.shape.rows),
                    .col_begin = col,
                    .col_end = std::min<std::uint64_t>(col + kMeasureCols, op.shape.cols),
                    .first_block = block_row * grid.cols()},
                   tally);
    }
    results[begin / grain] = StatisticsOf(tally);
  });
  // In order, so that the sums do not depend on who was first.
  WeightStatistics statistics;
  for (const WeightStatistics& result : results) statistics += result;
  return statistics;
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
