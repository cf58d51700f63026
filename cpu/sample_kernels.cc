// SPDX-License-Identifier: Apache-2.0
// A matrix is sampled in strips: one row of blocks high, and as many blocks wide as fit in one row
// of noise. A strip's maxima are found first, which brings it into the cache nearest by; then its
// rows are sampled one after the other, so that noise and output run along memory.
#include "cpu/sample_kernels.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/block_scale.h"
#include "cpu/cast_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/sample_kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/block_max-inl.h"
#include "cpu/fused_multiply_add-inl.h"
#include "cpu/noise-inl.h"
#include "cpu/rounding_random-inl.h"
#include "cpu/sample_bfloat16-inl.h"

#ifndef ULPROOF_CPU_SAMPLE_JOB
#define ULPROOF_CPU_SAMPLE_JOB
namespace ulproof::cpu {

// Columns that are worked on together.
inline constexpr std::size_t kStripCols = 512;

// Whole blocks side by side: as many as fit in kStripCols columns, or one that is wider.
struct Strip {
  std::uint64_t row_begin, row_end, col_begin, col_end;
  std::uint64_t first_block;  // Number in the grid of the first block.
  std::size_t blocks;         // At most kStripCols.
};

// How a matrix is cut into strips.
class StripGrid {
 public:
  explicit StripGrid(const formats::BlockGrid& grid)
      : grid_(grid),
        blocks_per_strip_(std::max<std::uint64_t>(kStripCols / grid.block.cols, 1)),
        strips_per_row_((grid.cols() + blocks_per_strip_ - 1) / blocks_per_strip_) {}

  std::uint64_t count() const { return grid_.rows() * strips_per_row_; }
  std::uint64_t elements_per_strip() const {
    return std::uint64_t{grid_.block.rows} * grid_.block.cols * blocks_per_strip_;
  }
  Strip operator[](std::uint64_t index) const {
    const std::uint64_t row_first = index / strips_per_row_ * grid_.cols();
    const std::uint64_t first = row_first + index % strips_per_row_ * blocks_per_strip_;
    const std::uint64_t end = std::min(first + blocks_per_strip_, row_first + grid_.cols());
    const formats::BlockGrid::Extent begin = grid_.ExtentOf(first);
    return {begin.row_begin, begin.row_end, begin.col_begin, grid_.ExtentOf(end - 1).col_end,
            first,           end - first};
  }

 private:
  formats::BlockGrid grid_;
  std::uint64_t blocks_per_strip_;
  std::uint64_t strips_per_row_;
};

// What every strip of one sample needs.
struct SampleJob {
  const formats::Operation& op;
  const std::byte* w;
  std::byte* sampled;
  const float* block_bits;  // Null when one bitwidth serves the tensor;
  float tensor_factor;      // this is its factor 2^(1 - b).
  WidenRowFunction widen_row;
  CastPlan plan;
  CastRowFunction cast_row;
  bool is_bfloat16;  // cpu/sample_bfloat16-inl.h does this operation,
  bool streams;      // and writes its results past the caches.
};

}  // namespace ulproof::cpu
#endif  // ULPROOF_CPU_SAMPLE_JOB

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {

static_assert(kStripCols == kNoiseRowElements);
static_assert(kStripCols == kRoundingRowElements);

// The largest magnitude codes of the strip's blocks.
template <class T>
HWY_INLINE void BlockMagnitudes(const T* w, const Strip& strip, std::uint64_t stride,
                                std::size_t block_cols, T* HWY_RESTRICT magnitudes) {
  std::fill_n(magnitudes, strip.blocks, T{0});
  w += strip.row_begin * stride;
  for (std::uint64_t col = strip.col_begin; col < strip.col_end; col += kStripCols) {
    const std::size_t count = std::min<std::uint64_t>(kStripCols, strip.col_end - col);
    T columns[kStripCols];
    ColumnMagnitudes(w + col, stride, strip.row_end - strip.row_begin, count, columns);
    T* block = magnitudes;  // With more columns than these there is but one block.
    for (std::size_t i = 0; i < count; i += block_cols, ++block) {
      const std::size_t end = std::min(i + block_cols, count);
      T largest = *block;
      for (std::size_t c = i; c < end; ++c) largest = std::max(largest, columns[c]);
      *block = largest;
    }
  }
}

// The maxima M of the strip's blocks.
void BlockMaxima(const formats::Operation& op, WidenRowFunction widen_row, const void* w,
                 const Strip& strip, float* HWY_RESTRICT maxima) {
  if (op.from.storage_bytes() == 4) {
    std::int32_t codes[kStripCols];
    BlockMagnitudes(static_cast<const std::int32_t*>(w), strip, op.shape.cols, op.block.cols,
                    codes);
    widen_row(codes, maxima, strip.blocks);
  } else {
    std::int16_t codes[kStripCols];
    BlockMagnitudes(static_cast<const std::int16_t*>(w), strip, op.shape.cols, op.block.cols,
                    codes);
    widen_row(codes, maxima, strip.blocks);
  }
}

// t = RN32(R s + w), `count` elements.
HWY_INLINE void AddNoise(const float* HWY_RESTRICT noise, float scale, const float* HWY_RESTRICT w,
                         std::size_t count, float* HWY_RESTRICT t) {
  const FmaTag d;
  const std::size_t lanes = hn::Lanes(d);
  const auto s = hn::Set(d, scale);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(FusedMultiplyAdd(hn::LoadU(d, noise + i), s, hn::LoadU(d, w + i)), d, t + i);
  }
  for (; i < count; ++i) {
    t[i] = hn::GetLane(FusedMultiplyAdd(hn::Set(d, noise[i]), s, hn::Set(d, w[i])));
  }
}

// Columns [begin, end), at most kStripCols, of rows [row_begin, row_end). `scales` starts
// with that of the first block; either `begin` is where it begins, or all columns are in it.
void SampleRows(const SampleJob& job, std::uint64_t row_begin, std::uint64_t row_end,
                std::uint64_t begin, std::uint64_t end, const float* HWY_RESTRICT scales) {
  const formats::Operation& op = job.op;
  const std::size_t count = end - begin;
  NoiseSource source(op.law, op.key);
  alignas(64) float t[kStripCols];
  alignas(64) float widened[kStripCols];
  alignas(64) std::uint32_t random[kStripCols];
  for (std::uint64_t row = row_begin; row < row_end; ++row) {
    const std::uint64_t place = row * op.shape.cols + begin;
    const std::uint64_t logical = op.key.offset + row * op.shape.stride() + begin;
    job.widen_row(job.w + place * op.from.storage_bytes(), widened, count);
    const float* noise = source.Reals(logical, count);
    const float* scale = scales;
    for (std::size_t i = 0; i < count; i += op.block.cols) {
      const std::size_t width = std::min<std::size_t>(op.block.cols, count - i);
      AddNoise(noise + i, *scale++, widened + i, width, t + i);
    }
    if (op.rounding.is_stochastic()) {
      RoundingNumbers(op.rounding.random_bits, op.key, logical, count, random);
    }
    job.cast_row(job.plan, t, job.sampled + place * op.to.storage_bytes(), count, random);
  }
}

#if HWY_TARGET != HWY_SCALAR
// The same for rows [row_begin, row_end) by cpu/sample_bfloat16-inl.h, under its preconditions. A
// few rows of words are made before they are used, so that neither loop waits for the other.
template <bool kStream>
void SampleRowsBfloat16(const SampleJob& job, std::uint64_t row_begin, std::uint64_t row_end,
                        std::uint64_t begin, std::uint64_t end, const float* HWY_RESTRICT scales) {
  constexpr std::size_t kRows = SampleBfloat16Rows::kMaxRows;
  constexpr std::size_t kGroupElements = formats::GroupingOf(formats::NoiseLaw::kRg16).elements;
  constexpr std::size_t kMaxGroups = kStripCols / kGroupElements + 1;
  alignas(64) std::uint32_t words[kRows][4 * PhiloxPaddedGroups(kMaxGroups)];
  const formats::Operation& op = job.op;
  const std::size_t count = end - begin;
  const PhiloxStream stream(op.key.seed, op.key.stream);
  for (std::uint64_t first = row_begin; first < row_end; first += kRows) {
    const std::uint64_t place = first * op.shape.cols + begin;
    SampleBfloat16Rows rows = {
        .count = std::min<std::uint64_t>(kRows, row_end - first),
        .u = {},
        .w = reinterpret_cast<const std::int16_t*>(job.w) + place,
        .out = reinterpret_cast<std::int16_t*>(job.sampled) + place,
        .stride = op.shape.cols,
    };
    for (std::size_t r = 0; r < rows.count; ++r) {
      const std::uint64_t logical = op.key.offset + (first + r) * op.shape.stride() + begin;
      const std::size_t phase = logical % kGroupElements;
      const std::size_t groups = (phase + count + kGroupElements - 1) / kGroupElements;
      stream.Words(logical / kGroupElements, groups, words[r]);
      // The next strip's maxima would wait for memory: its rows are fetched meanwhile.
      if constexpr (kStream) {
        for (std::size_t i = count; i < 2 * count; i += kSampleBfloat16Line) {
          hwy::Prefetch(rows.w + r * rows.stride + i);
        }
      }
      // Vectors may alias anything, so the words can be read as halves.
      rows.u[r] = reinterpret_cast<const std::int16_t*>(words[r]) + phase;
    }
    const float* scale = scales;
    for (std::size_t i = 0; i < count; i += op.block.cols) {
      SampleBfloat16<kStream>(rows, i, std::min<std::size_t>(i + op.block.cols, count), *scale++);
    }
  }
}
#endif

void SampleStrip(const SampleJob& job, const Strip& strip) {
  const formats::Operation& op = job.op;
  float scales[kStripCols];
  BlockMaxima(op, job.widen_row, job.w, strip, scales);
  bool is_bfloat16 = job.is_bfloat16 && HWY_TARGET != HWY_SCALAR;
  for (std::size_t b = 0; b < strip.blocks; ++b) {
    const float factor = job.block_bits != nullptr
                             ? BitsFactor(job.block_bits[strip.first_block + b])
                             : job.tensor_factor;
    scales[b] = BlockScale(scales[b], factor, op.pow2);
    is_bfloat16 = is_bfloat16 && scales[b] <= kMaxSampleBfloat16Scale;  // False for NaN.
  }
  for (std::uint64_t col = strip.col_begin; col < strip.col_end; col += kStripCols) {
    const std::uint64_t end = std::min<std::uint64_t>(col + kStripCols, strip.col_end);
#if HWY_TARGET != HWY_SCALAR
    if (is_bfloat16) {
      if (job.streams) {
        SampleRowsBfloat16<true>(job, strip.row_begin, strip.row_end, col, end, scales);
      } else {
        SampleRowsBfloat16<false>(job, strip.row_begin, strip.row_end, col, end, scales);
      }
      continue;
    }
#endif
    SampleRows(job, strip.row_begin, strip.row_end, col, end, scales);
  }
  if (job.streams) hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(BlockMaxima);
HWY_EXPORT(SampleStrip);

namespace {

// What one thread takes at a time, about.
constexpr std::uint64_t kParallelElements = 1 << 16;

// Whether whole, aligned lines are written, and so many that they would not stay in a cache: then
// writing past it saves reading them first.
bool IsStreamed(const formats::Operation& op, const formats::Buffer& sampled) {
  constexpr std::uint64_t kMinBytes = std::uint64_t{16} << 20;
  constexpr std::uint64_t kLineBytes = 64;
  const std::uint64_t element_bytes = sampled.type.bytes();
  return sampled.count * element_bytes >= kMinBytes &&
         reinterpret_cast<std::uintptr_t>(sampled.data) % kLineBytes == 0 &&
         op.shape.cols * element_bytes % kLineBytes == 0 &&
         op.block.cols * element_bytes % kLineBytes == 0;
}

// Calls body(strip) for every strip, threaded.
void ForEachStrip(const formats::Operation& op, const std::function<void(const Strip&)>& body) {
  const StripGrid strips(op.grid());
  const std::uint64_t grain = kParallelElements / strips.elements_per_strip();
  base::ParallelFor(strips.count(), grain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) body(strips[i]);
  });
}

// What cpu/sample_bfloat16-inl.h computes. Its weights are finite, so that an overflow is to
// infinity under both policies.
bool IsBfloat16Sample(const formats::Operation& op) {
  return op.law == formats::NoiseLaw::kRg16 && op.from == formats::kBfloat16 &&
         op.to == formats::kBfloat16 && op.rounding.mode == formats::RoundingMode::kNearestEven &&
         (op.overflow == formats::Overflow::kIeee || op.overflow == formats::Overflow::kToInfinity);
}

}  // namespace

std::string WhyBlockMaxUnsupported(const formats::Operation& op) {
  return WhyWidenUnsupported(op.from);
}

std::string WhySampleUnsupported(const formats::Operation& op) {
  std::string reason = WhyWidenUnsupported(op.from);
  return reason.empty() ? WhyNotPlanned(op.to) : reason;
}

void RunBlockMax(Target target, const formats::Operation& op, const formats::ConstBuffer& w,
                 const formats::Buffer& max) {
  const auto block_maxima = ULPROOF_FOR_TARGET(BlockMaxima, target);
  const WidenRowFunction widen_row = WidenRowKernel(target, op.from);
  ForEachStrip(op, [&](const Strip& strip) {
    block_maxima(op, widen_row, w.data, strip, max.As<float>() + strip.first_block);
  });
}

void RunScale(const formats::Operation& op, const formats::ConstBuffer& max,
              const formats::ConstBuffer& bits, const formats::Buffer& scale) {
  const float tensor_factor = op.bits_per_block ? 0 : BitsFactor(*bits.As<float>());
  base::ParallelFor(
      op.shape.count(), kParallelElements, [&](std::uint64_t begin, std::uint64_t end) {
        for (std::uint64_t i = begin; i < end; ++i) {
          const float factor = op.bits_per_block ? BitsFactor(bits.As<float>()[i]) : tensor_factor;
          scale.As<float>()[i] = BlockScale(max.As<float>()[i], factor, op.pow2);
        }
      });
}

void RunSample(Target target, const formats::Operation& op, const formats::ConstBuffer& w,
               const formats::ConstBuffer& bits, const formats::Buffer& sampled) {
  const std::string reason = WhySampleUnsupported(op);
  ULPROOF_CHECK(reason.empty(), reason);
  const CastPlan plan = MakeCastPlan(op.to, op.rounding, op.overflow);
  const SampleJob job = {
      .op = op,
      .w = static_cast<const std::byte*>(w.data),
      .sampled = static_cast<std::byte*>(sampled.data),
      .block_bits = op.bits_per_block ? bits.As<float>() : nullptr,
      .tensor_factor = op.bits_per_block ? 0 : BitsFactor(*bits.As<float>()),
      .widen_row = WidenRowKernel(target, op.from),
      .plan = plan,
      .cast_row = CastRowKernel(target, plan),
      .is_bfloat16 = IsBfloat16Sample(op),
      .streams = IsStreamed(op, sampled),
  };
  const auto sample_strip = ULPROOF_FOR_TARGET(SampleStrip, target);
  ForEachStrip(op, [&](const Strip& strip) { sample_strip(job, strip); });
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
