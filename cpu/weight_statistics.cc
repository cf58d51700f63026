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

// An entry for whatever may stand in a code's bytes.
std::vector<float> ValueTable(const FormatSpec& spec) {
  std::vector<float> values(std::size_t{1} << 8 * spec.storage_bytes());
  for (formats::Code code = 0; code <= spec.code_mask(); ++code)
    values[code] = Float32ValueOf(spec, code);
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

// Adds a row of a table, whose counts are `row_counts`.
void AddRow(std::int32_t row, const WeightCounts& row_counts, WeightStatistics& statistics) {
  if (row_counts.elements == 0) return;
  statistics.total += row_counts;
  if (row == kZeroRow) {
    statistics.zero_weights += row_counts;
  } else if (row < kBinades) {
    const auto binade = static_cast<std::size_t>(row);
    if (statistics.below_max.size() <= binade) statistics.below_max.resize(binade + 1);
    statistics.below_max[binade] += row_counts;
  }
}

void AddTable(const Tally& tally, WeightStatistics& statistics) {
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
    AddRow(row, counts, statistics);
  }
}

// The events of contract section 10 from the facts; nothing overflows.
std::int32_t EventsOf(std::int32_t facts, bool is_zero) {
  const auto has = [&](CalmFact fact) { return (facts & fact) != 0; };
  const auto event = [](bool condition, Event bit) { return condition ? bit : 0; };
  const bool noisy = has(kHasNoise);
  const bool rounded = has(kRounded);
  const bool is_flushed = rounded && has(kSampledZero);
  return event(noisy, kNoisy) | event(noisy && has(kSameAsW), kAbsorbed) |
         event(noisy && !is_zero && has(kSameAsNoise), kSwamped) | event(is_flushed, kFlushed) |
         event(rounded && has(kBelowNormal) && !is_flushed, kSubnormal) |
         event(!rounded && has(kSumRepresented), kExact);
}

std::int32_t TableRowOf(std::int32_t calm_row) {
  return calm_row == kCalmZeroRow ? kZeroRow : calm_row;
}

void AddCalmTable(const Tally& tally, WeightStatistics& statistics) {
  for (std::int32_t row = 0; row < kCalmRows; ++row) {
    WeightCounts counts;
    for (std::int32_t facts = 0; facts < kCalmFactSets; ++facts) {
      std::uint64_t number = 0;
      for (std::size_t copy = 0; copy < kCalmCopies; ++copy) {
        number += tally.calm[copy * kCalmCells + row * kCalmFactSets + facts];
      }
      if (number > 0) Add(counts, EventsOf(facts, row == kCalmZeroRow), number);
    }
    AddRow(TableRowOf(row), counts, statistics);
  }
}

void AddFixed(const Tally& tally, WeightStatistics& statistics) {
  const bool is_noisy = tally.fixed.noisy > 0;
  WeightStatistics rows;
  for (std::int32_t row = 0; row < kCalmRows; ++row) {
    WeightCounts counts;
    counts.elements = tally.fixed_elements[row];
    counts.noisy = is_noisy ? counts.elements : 0;
    counts.absorbed = tally.fixed_absorbed[row];
    AddRow(TableRowOf(row), counts, rows);
  }
  rows.total = tally.fixed;
  statistics += rows;
}

WeightStatistics StatisticsOf(const Tally& tally) {
  WeightStatistics statistics;
  if (!tally.table.empty()) AddTable(tally, statistics);
  if (!tally.calm.empty()) AddCalmTable(tally, statistics);
  if (!tally.fixed_elements.empty()) AddFixed(tally, statistics);
  statistics.total.signal = tally.total.signal;
  statistics.total.noise = tally.total.noise;
  if (!tally.rows.empty()) statistics.total.error = tally.total.error;
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

std::vector<WeightStatistics> MeasureWeights(Target target, const formats::Operation& op,
                                             const formats::ConstBuffer& w,
                                             const formats::ConstBuffer& bits,
                                             std::span<const Noise> noises,
                                             const MeasureOptions& options) {
  const std::string reason = WhyMeasureUnsupported(op);
  ULPROOF_CHECK(reason.empty(), reason);
  const formats::BlockGrid grid = op.grid();
  // A part is whole blocks, or part of a wide one whose maximum is found before.
  const bool is_wide = op.block.cols > kMeasureCols;
  std::vector<float> maxima(is_wide ? grid.count() : 0);
  if (is_wide) {
    RunBlockMax(target, op, w,
                {formats::ElementType::CodeOf(formats::kFloat32), maxima.data(), maxima.size()});
  }
  const std::uint64_t part_cols =
      is_wide ? kMeasureCols : kMeasureCols / op.block.cols * op.block.cols;
  const bool is_cut = IsCutFloat32(op.to);
  const std::vector<float> values = is_cut ? std::vector<float>() : ValueTable(op.to);
  const CastPlan plan = MakeCastPlan(op.to, op.rounding, op.overflow);
  const CastPlan beyond = MakeCastPlan(BeyondFormat(op.to), op.rounding, Overflow::kToInfinity);
  const MeasureJob job = {
      .op = op,
      .w = static_cast<const std::byte*>(w.data),
      .maxima = is_wide ? maxima.data() : nullptr,
      .block_bits = op.bits_per_block ? bits.As<float>() : nullptr,
      .tensor_factor = op.bits_per_block ? 0 : BitsFactor(*bits.As<float>()),
      .noises = noises,
      .options = options,
      .widen_row = WidenRowKernel(target, op.from),
      .plan = plan,
      .cast_row = CastRowKernel(target, plan),
      .beyond_plan = beyond,
      .beyond_row = CastRowKernel(target, beyond),
      .decoding = is_cut ? Decoding::kShift : Decoding::kTable,
      .shift = 32 - op.to.storage_bits(),
      .values = values.data(),
      .max_finite = Float32ValueOf(op.to, op.to.max_finite_code()),
      .min_normal = std::ldexp(1.0f, op.to.min_exponent()),
      .calm = formats::HasIntegerNoise(op.law) && !options.sums_by_binade ? CalmRoundingOf(op)
                                                                          : CalmRounding{},
      .draws_calm_noise =
          op.law == formats::NoiseLaw::kRg16 || op.law == formats::NoiseLaw::kRgbits,
  };
  const auto measure_part = ULPROOF_FOR_TARGET(MeasurePartOf, target);
  const std::uint64_t parts_per_row = (op.shape.cols + part_cols - 1) / part_cols;
  const std::uint64_t parts = grid.rows() * parts_per_row;
  const std::uint64_t rows = std::min<std::uint64_t>(op.block.rows, op.shape.rows);
  const std::uint64_t cols = std::min<std::uint64_t>(part_cols, op.shape.cols);
  const std::uint64_t grain = std::max<std::uint64_t>(kParallelElements / (rows * cols), 1);
  std::vector<std::vector<WeightStatistics>> results((parts + grain - 1) / grain);
  base::ParallelFor(parts, grain, [&](std::uint64_t begin, std::uint64_t end) {
    std::vector<Tally> tallies(noises.size());
    for (Tally& tally : tallies) {
      if (options.sums_by_binade) tally.rows.resize(kTableRows);
    }
    for (std::uint64_t i = begin; i < end; ++i) {
      const std::uint64_t block_row = i / parts_per_row;
      const std::uint64_t col = i % parts_per_row * part_cols;
      measure_part(job,
                   {.row_begin = block_row * op.block.rows,
                    .row_end = std::min((block_row + 1) * op.block.rows, op.shape.rows),
                    .col_begin = col,
                    .col_end = std::min<std::uint64_t>(col + part_cols, op.shape.cols),
                    .first_block = block_row * grid.cols()},
                   tallies.data());
    }
    for (const Tally& tally : tallies) {
      results[begin / grain].push_back(StatisticsOf(tally));
    }
  });
  // In order, so that the sums do not depend on who was first.
  std::vector<WeightStatistics> statistics(noises.size());
  for (const std::vector<WeightStatistics>& result : results) {
    for (std::size_t i = 0; i < noises.size(); ++i) statistics[i] += result[i];
  }
  return statistics;
}

WeightStatistics MeasureWeights(Target target, const formats::Operation& op,
                                const formats::ConstBuffer& w, const formats::ConstBuffer& bits,
                                const MeasureOptions& options) {
  const Noise drawn;
  return std::move(MeasureWeights(target, op, w, bits, {&drawn, 1}, options)[0]);
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
