// SPDX-License-Identifier: Apache-2.0
// The counters are sums over a table of how many elements had which binade and which events.
#include "cpu/weight_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/block_scale.h"
#include "cpu/measure_job.h"
#include "formats/codec.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/weight_statistics.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/measure_row-inl.h"

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
