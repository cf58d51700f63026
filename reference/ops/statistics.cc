// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/statistics.h"

#include <algorithm>
#include <array>
#include <mutex>

#include "base/check.h"
#include "base/parallel.h"
#include "reference/exact/real.h"
#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/cast.h"
#include "reference/ops/elements.h"
#include "reference/ops/sample.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::ConstBuffer;
using formats::FormatSpec;
using formats::kFloat32;
using formats::Operation;

// Equal as numbers: zeros of either sign, and NaNs.
bool SameNumber(const FormatSpec& spec, Code a, Code b) {
  return a == b || (spec.IsZero(a) && spec.IsZero(b)) || (spec.IsNan(a) && spec.IsNan(b));
}

SampleCounts CountElement(const Operation& op, Code w, Code scale, std::uint64_t element) {
  SampleCounts counts;
  counts.elements = 1;
  if (!kFloat32.IsFinite(w) || !kFloat32.IsFinite(scale)) {
    counts.non_finite = 1;
    return counts;
  }
  const FormatSpec& to = op.to;
  const SampledElement e = SampleElement(op, w, scale, element);
  const auto cast = [&](Code float32) {
    return Cast(kFloat32, float32, to, op.rounding, op.overflow, e.random);
  };
  const bool noisy = !kFloat32.IsZero(e.noise);
  const RoundDetail rounded =
      RoundToFormatDetail(to, Decode(kFloat32, e.sum), op.rounding, op.overflow, e.random);
  counts.noisy = noisy;
  counts.absorbed = noisy && SameNumber(to, e.sampled, cast(w));
  counts.swamped =
      noisy && !kFloat32.IsZero(w) && SameNumber(to, e.sampled, cast(Mul32(e.noise, scale)));
  counts.flushed = !kFloat32.IsZero(e.sum) && to.IsZero(e.sampled);
  counts.subnormal = to.IsSubnormal(e.sampled) && rounded.inexact;
  counts.saturated = rounded.overflow && to.IsFinite(e.sampled);
  counts.overflowed = rounded.overflow && !to.IsFinite(e.sampled);
  if (!to.IsFinite(e.sampled)) return counts;
  const Dyadic weight = Dyadic::FromCode(kFloat32, w);
  const Dyadic sampled = Dyadic::FromCode(to, e.sampled);
  const Dyadic noise = Dyadic::FromCode(kFloat32, e.noise) * Dyadic::FromCode(kFloat32, scale);
  const Dyadic error = sampled - weight;
  counts.exact = error == noise;
  counts.signal = weight * weight;
  counts.noise = error * error;
  return counts;
}

SampleCounts& BinadeOf(SampleStatistics& statistics, std::uint64_t binade) {
  if (statistics.below_max.size() <= binade) statistics.below_max.resize(binade + 1);
  return statistics.below_max[binade];
}

SampleStatistics MeasureBlock(const Operation& op, const ConstBuffer& w, const ConstBuffer& bits,
                              std::uint64_t block) {
  SampleStatistics statistics;
  const formats::BlockGrid::Extent extent = op.grid().ExtentOf(block);
  const Code max = BlockMax(w, op.shape, extent);
  const Code scale = SampleScale(op, w, bits, block);
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const Code weight = ToFloat32(op.from, w.Get(MemoryIndex(op.shape, row, col)));
      const SampleCounts counts = CountElement(op, weight, scale, LogicalIndex(op, row, col));
      statistics.total += counts;
      if (kFloat32.IsZero(weight)) {
        statistics.zero_weights += counts;
      } else if (kFloat32.IsFinite(max)) {
        const std::int64_t binade = Dyadic::FromCode(kFloat32, max).FloorLog2() -
                                    Dyadic::FromCode(kFloat32, weight).FloorLog2();
        BinadeOf(statistics, static_cast<std::uint64_t>(binade)) += counts;
      }
    }
  }
  return statistics;
}

}  // namespace

SampleCounts& SampleCounts::operator+=(const SampleCounts& other) {
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
  return *this;
}

SampleStatistics MeasureSample(const Operation& op, const ConstBuffer& w, const ConstBuffer& bits) {
  SampleStatistics statistics;
  std::mutex mutex;
  base::ParallelFor(op.grid().count(), 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t block = begin; block < end; ++block) {
      const SampleStatistics part = MeasureBlock(op, w, bits, block);
      const std::lock_guard lock(mutex);  // Exact sums: any order gives the same result.
      statistics.total += part.total;
      statistics.zero_weights += part.zero_weights;
      for (std::size_t k = 0; k < part.below_max.size(); ++k) {
        BinadeOf(statistics, k) += part.below_max[k];
      }
    }
  });
  return statistics;
}

std::string SnrDecibels(const SampleCounts& counts, int decimals) {
  if (counts.signal.is_zero()) return counts.noise.is_zero() ? "nan" : "-inf";
  if (counts.noise.is_zero()) return "inf";
  constexpr int kPrecisionBits = 256;
  Real decibels(kPrecisionBits);
  const Real signal = ToReal(counts.signal);
  const Real noise = ToReal(counts.noise);
  mpfr_div(decibels, signal, noise, MPFR_RNDN);
  mpfr_log10(decibels, decibels, MPFR_RNDN);
  mpfr_mul_ui(decibels, decibels, 10, MPFR_RNDN);
  std::array<char, 128> text;
  const int length = mpfr_snprintf(text.data(), text.size(), "%.*RNf", decimals,
                                   static_cast<mpfr_srcptr>(decibels));
  ULPROOF_CHECK(length > 0 && length < static_cast<int>(text.size()));
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace ulproof::reference
