// SPDX-License-Identifier: Apache-2.0
#include "cpu/real_noise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/block_scale.h"
#include "cpu/calm_rounding.h"
#include "cpu/cast_kernels.h"
#include "cpu/sample_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/real_noise.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/calm_rounding-inl.h"
#include "cpu/fused_multiply_add-inl.h"

#ifndef ULPROOF_CPU_REAL_NOISE_ROW
#define ULPROOF_CPU_REAL_NOISE_ROW
namespace ulproof::cpu {

inline constexpr std::size_t kRealNoiseCols = 512;
inline constexpr std::size_t kRealNoiseRoom = kRealNoiseCols + 64;

// A row of elements; what follows the last one is 0. The Rs for which something holds are those
// from `begin` on that lie below `end`.
struct RealNoiseRow {
  struct Interval {
    alignas(64) float begin[kRealNoiseRoom];
    alignas(64) float end[kRealNoiseRoom];
  };
  alignas(64) float w[kRealNoiseRoom] = {};
  alignas(64) float scale[kRealNoiseRoom] = {};
  Interval same;      // sampled = cast(w)
  Interval zero;      // sampled = 0
  Interval zero_sum;  // t = 0
};

}  // namespace ulproof::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace real_noise {

using calm::DF;
using calm::DI;
using calm::VF;
using calm::VI;

// All R of a law in order, numbered.
struct UniformNoises {
  static constexpr std::int32_t kFirst = 0;
  static constexpr std::int32_t kEnd = 1 << 24;
  static HWY_INLINE VF At(VI k) {
    const DF df;
    const VF scaled = hn::Mul(hn::ConvertTo(df, k), hn::Set(df, 0x1p-24f));
    return hn::Sub(scaled, hn::Set(df, 0.5f));
  }
};
// Every binary32 number of magnitude below 4: |R| of normal2 stays below 3.4, as -2 ln u < 46.
struct NormalNoises {
  static constexpr std::int32_t kEnd = 0x40800000;
  static constexpr std::int32_t kFirst = -kEnd + 1;
  static HWY_INLINE VF At(VI k) {
    const DI di;
    const VI sign = hn::And(k, hn::Set(di, INT32_MIN));
    return hn::BitCast(DF(), hn::Or(hn::Abs(k), sign));
  }
};

// RN32(r s + w).
HWY_INLINE VF Sum(VF r, VF s, VF w) {
#if HWY_NATIVE_FMA
  return FusedMultiplyAdd(r, s, w);
#else
  const DF df;
  alignas(64) float a[hn::MaxLanes(df)], b[hn::MaxLanes(df)], c[hn::MaxLanes(df)];
  hn::Store(r, df, a);
  hn::Store(s, df, b);
  hn::Store(w, df, c);
  for (std::size_t i = 0; i < hn::Lanes(df); ++i) a[i] = std::fma(a[i], b[i], c[i]);
  return hn::Load(df, a);
#endif
}

// The first R at which reached(t) holds, which then holds for all above; the end if for none.
template <class Noises, class Reached>
HWY_INLINE VF FirstNoise(VF w, VF s, const Reached& reached) {
  const DI di;
  const hn::RebindToUnsigned<DI> du;
  VI low = hn::Set(di, Noises::kFirst);
  VI high = hn::Set(di, Noises::kEnd);
  while (!hn::AllTrue(di, hn::Eq(low, high))) {
    // The distance may take 32 bits.
    const auto distance = hn::BitCast(du, hn::Sub(high, low));
    const VI middle = hn::Add(low, hn::BitCast(di, hn::ShiftRight<1>(distance)));
    const auto below = hn::RebindMask(di, reached(Sum(Noises::At(middle), s, w)));
    const auto open = hn::Ne(low, high);
    low = hn::IfThenElse(hn::AndNot(below, open), hn::Add(middle, hn::Set(di, 1)), low);
    high = hn::IfThenElse(hn::And(below, open), middle, high);
  }
  return Noises::At(low);
}

template <class Noises>
void FindIntervals(const CalmRounding& rounding, std::size_t count, RealNoiseRow& row) {
  const DF df;
  const calm::Rounding rounded(rounding);
  const VF zero = hn::Zero(df);
  for (std::size_t i = 0; i < count; i += hn::Lanes(df)) {
    const VF w = hn::Load(df, row.w + i);
    const VF s = hn::Load(df, row.scale + i);
    const VF cast_w = rounded(w);
    const auto store = [&](const auto& reached, float* ends)
                           HWY_ATTR { hn::Store(FirstNoise<Noises>(w, s, reached), df, ends + i); };
    store([&](VF t) HWY_ATTR { return hn::Ge(rounded(t), cast_w); }, row.same.begin);
    store([&](VF t) HWY_ATTR { return hn::Gt(rounded(t), cast_w); }, row.same.end);
    store([&](VF t) HWY_ATTR { return hn::Ge(rounded(t), zero); }, row.zero.begin);
    store([&](VF t) HWY_ATTR { return hn::Gt(rounded(t), zero); }, row.zero.end);
    store([&](VF t) HWY_ATTR { return hn::Ge(t, zero); }, row.zero_sum.begin);
    store([&](VF t) HWY_ATTR { return hn::Gt(t, zero); }, row.zero_sum.end);
  }
}

}  // namespace real_noise

void FindNoiseIntervals(formats::NoiseLaw law, const CalmRounding& rounding, std::size_t count,
                        RealNoiseRow& row) {
  if (law == formats::NoiseLaw::kUniform) {
    real_noise::FindIntervals<real_noise::UniformNoises>(rounding, count, row);
  } else {
    real_noise::FindIntervals<real_noise::NormalNoises>(rounding, count, row);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(FindNoiseIntervals);

namespace {

constexpr float kLargestNoise = 4;

void AddAt(std::vector<double>& sums, std::size_t k, double x) {
  if (sums.size() <= k) sums.resize(k + 1);
  sums[k] += x;
}

// Adds a row whose intervals are known. `max_exponents` is floor(log2 M) of every element.
void AddRow(const RealNoiseRow& row, std::size_t count, const int* max_exponents,
            const NoiseProbability& probability, double zero, RealNoiseExpectation& sums) {
  const auto chance = [&](const RealNoiseRow::Interval& interval, std::size_t i) {
    const float begin = interval.begin[i];
    const float end = interval.end[i];
    return begin < end ? probability(begin, end) : 0;
  };
  for (std::size_t i = 0; i < count; ++i) {
    const bool holds_zero = row.same.begin[i] <= 0 && row.same.end[i] > 0;
    const double absorbed = chance(row.same, i) - (holds_zero ? zero : 0);
    sums.absorbed += absorbed;
    sums.flushed += chance(row.zero, i) - chance(row.zero_sum, i);
    if (row.w[i] == 0) continue;
    const auto binade = static_cast<std::size_t>(max_exponents[i] - std::ilogb(row.w[i]));
    AddAt(sums.elements_below_max, binade, 1);
    AddAt(sums.absorbed_below_max, binade, absorbed);
  }
}

}  // namespace

std::string WhyRealNoiseUnsupported(const formats::Operation& op) {
  if (std::string reason = WhySampleUnsupported(op); !reason.empty()) return reason;
  if (!CalmRoundingOf(op).usable) return "rounding is not to nearest even, or of another kind";
  return {};
}

RealNoiseExpectation ExpectRealNoise(Target target, const formats::Operation& op,
                                     const formats::ConstBuffer& w,
                                     const formats::ConstBuffer& bits,
                                     const NoiseProbability& probability, double zero) {
  ULPROOF_CHECK(WhyRealNoiseUnsupported(op).empty() && !formats::HasIntegerNoise(op.law));
  const CalmRounding rounding = CalmRoundingOf(op);
  const formats::BlockGrid grid = op.grid();
  std::vector<float> maxima(grid.count());
  RunBlockMax(target, op, w,
              {formats::ElementType::CodeOf(formats::kFloat32), maxima.data(), maxima.size()});
  std::vector<float> scales(grid.count());
  for (std::uint64_t block = 0; block < grid.count(); ++block) {
    const float b = bits.As<float>()[op.bits_per_block ? block : 0];
    scales[block] = BlockScale(maxima[block], BitsFactor(b), op.pow2);
    const double largest = double{maxima[block]} + kLargestNoise * double{scales[block]};
    if (!(largest <= double{rounding.limit})) return {.refused = true};  // Also for NaN.
  }
  const auto find = ULPROOF_FOR_TARGET(FindNoiseIntervals, target);
  const WidenRowFunction widen_row = WidenRowKernel(target, op.from);
  std::vector<RealNoiseExpectation> results(grid.rows());
  base::ParallelFor(grid.rows(), 1, [&](std::uint64_t block_row, std::uint64_t) {
    RealNoiseExpectation& sums = results[block_row];
    RealNoiseRow row;
    std::vector<int> max_exponents(kRealNoiseCols);
    for (std::uint64_t col = 0; col < op.shape.cols; col += kRealNoiseCols) {
      const std::size_t count = std::min<std::uint64_t>(kRealNoiseCols, op.shape.cols - col);
      std::fill_n(row.w, kRealNoiseRoom, 0.0f);
      std::fill_n(row.scale, kRealNoiseRoom, 0.0f);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t block = block_row * grid.cols() + (col + i) / op.block.cols;
        row.scale[i] = scales[block];
        max_exponents[i] = maxima[block] > 0 ? std::ilogb(maxima[block]) : 0;
      }
      const std::uint64_t end = std::min((block_row + 1) * op.block.rows, op.shape.rows);
      for (std::uint64_t r = block_row * op.block.rows; r < end; ++r) {
        const std::uint64_t place = (r * op.shape.cols + col) * op.from.storage_bytes();
        widen_row(static_cast<const std::byte*>(w.data) + place, row.w, count);
        find(op.law, rounding, count, row);
        AddRow(row, count, max_exponents.data(), probability, zero, sums);
      }
    }
  });
  // In order, so that the sums do not depend on who was first.
  RealNoiseExpectation total = {.elements = static_cast<double>(op.shape.count())};
  for (const RealNoiseExpectation& sums : results) {
    total.absorbed += sums.absorbed;
    total.flushed += sums.flushed;
    for (std::size_t k = 0; k < sums.elements_below_max.size(); ++k) {
      AddAt(total.elements_below_max, k, sums.elements_below_max[k]);
      AddAt(total.absorbed_below_max, k, sums.absorbed_below_max[k]);
    }
  }
  return total;
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
