// SPDX-License-Identifier: Apache-2.0
#include "cpu/block_quantize_kernels.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/best_scale_kernels.h"
#include "cpu/cast_kernels.h"
#include "cpu/quantize_scales.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/block_quantize_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// maxima[g] = max(maxima[g], codes of |w| in group g), as integers: that orders NaN above infinity
// above the rest. Precondition: `group` is a multiple of 16.
void GroupMaxRow(const float* HWY_RESTRICT row, std::size_t groups, std::size_t group,
                 std::uint32_t* HWY_RESTRICT maxima) {
  const hn::ScalableTag<std::int32_t> d;
  const hn::RebindToFloat<decltype(d)> df;
  for (std::size_t g = 0; g < groups; ++g) {
    auto max = hn::Zero(d);
    for (std::size_t i = 0; i < group; i += hn::Lanes(d)) {
      const auto w = hn::BitCast(d, hn::LoadU(df, row + g * group + i));
      max = hn::Max(max, hn::And(w, hn::Set(d, 0x7FFFFFFF)));
    }
    const auto group_max = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(d, max)));
    maxima[g] = HWY_MAX(maxima[g], group_max);
  }
}

// row[i] *= multipliers[i / group]. Precondition: `group` is a multiple of 16.
void ScaleGroupsRow(float* HWY_RESTRICT row, std::size_t groups, std::size_t group,
                    const float* HWY_RESTRICT multipliers) {
  const hn::ScalableTag<float> d;
  for (std::size_t g = 0; g < groups; ++g) {
    const auto multiplier = hn::Set(d, multipliers[g]);
    for (std::size_t i = g * group; i < (g + 1) * group; i += hn::Lanes(d)) {
      hn::StoreU(hn::Mul(hn::LoadU(d, row + i), multiplier), d, row + i);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(GroupMaxRow);
HWY_EXPORT(ScaleGroupsRow);

namespace {

using formats::Buffer;
using formats::ConstBuffer;
using formats::Operation;

constexpr formats::Rounding kNearestEven = {formats::RoundingMode::kNearestEven};
constexpr std::size_t kMaxGroup = 32;
// Elements that are held in binary32 at a time, and the most groups among them.
constexpr std::size_t kTileElements = 4096;
constexpr std::size_t kTileGroups = kTileElements / 16;

// A tile in binary32: `groups` groups side by side, each of `rows` rows, filled up with zeros.
struct TileView {
  const float* elements;
  std::size_t rows, stride, groups, group;

  GroupView First() const { return {elements, rows, group, stride}; }
};

// Scale codes and multipliers 1 / X of MX groups.
class MxScaler {
 public:
  explicit MxScaler(const Operation& op) : rule_(MxScaleRule::Of(op.block_format, op.rule)) {}

  void operator()(const std::uint32_t* maxima, const TileView& tile, std::uint8_t* scales,
                  float* multipliers) const {
    const std::size_t groups = tile.groups;
    for (std::size_t g = 0; g < groups; ++g) {
      scales[g] = MxScaleCode(rule_, maxima[g]);
      multipliers[g] = MxMultiplier(scales[g]);
    }
  }

 private:
  MxScaleRule rule_;
};

// The values of float8_e4m3fn by code.
constexpr std::array<float, 256> kE4m3Values = [] {
  constexpr formats::FormatSpec kFormat = formats::kFloat8E4m3fn;
  std::array<float, 256> values = {};
  for (formats::Code code = 0; code < values.size(); ++code) {
    values[code] = kFormat.IsNan(code) ? std::numeric_limits<float>::quiet_NaN()
                                       : Float32OfCode(kFormat, code);
  }
  return values;
}();

// D and E of NVFP4 groups.
class Nvfp4Scaler {
 public:
  // D = cast(RN32(M * RN32(G * fraction))).
  Nvfp4Scaler(Target target, float tensor_scale, float fraction = kSixth)
      : tensor_scale_(tensor_scale),
        fraction_(fraction),
        plan_(MakeCastPlan(kScale, kNearestEven, formats::Overflow::kSaturate)),
        cast_row_(CastRowKernel(target, plan_)) {}

  void operator()(const std::uint32_t* maxima, const TileView& tile, std::uint8_t* scales,
                  float* multipliers) const {
    const std::size_t groups = tile.groups;
    for (std::size_t g = 0; g < groups; ++g) {
      multipliers[g] = Nvfp4GroupScale(tensor_scale_, std::bit_cast<float>(maxima[g]), fraction_);
    }
    cast_row_(plan_, multipliers, scales, groups, nullptr);
    for (std::size_t g = 0; g < groups; ++g) {
      multipliers[g] = Nvfp4Multiplier(tensor_scale_, kE4m3Values[scales[g]]);
    }
  }

 private:
  static constexpr formats::FormatSpec kScale = formats::kFloat8E4m3fn;

  float tensor_scale_, fraction_;
  CastPlan plan_;
  CastRowFunction cast_row_;
};

// 2^exponent, of a normal binary32.
float PowerOfTwo(int exponent) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(exponent + 127) << 23);
}

// The best of X by `floor`, 2X and X/2 (section 14).
class BestMxScaler {
 public:
  BestMxScaler(Target target, const Operation& op)
      : rule_(MxScaleRule::Of(op.block_format, formats::ScaleRule::kFloor)),
        best_of_three_(BestOfThreeKernel(target)) {}

  void operator()(const std::uint32_t* maxima, const TileView& tile, std::uint8_t* scales,
                  float* multipliers) const {
    std::array<GroupCandidates, kTileGroups> candidates;
    std::array<std::uint8_t, kTileGroups> best;
    for (std::size_t g = 0; g < tile.groups; ++g) {
      // In units of the smallest of the three. Without numbers in the group, the first is taken.
      const int floor = MxScaleCode(rule_, maxima[g]);
      const int codes[] = {floor, floor + 1 > 254 ? 254 : floor + 1, floor == 0 ? 0 : floor - 1};
      scales[g] = static_cast<std::uint8_t>(floor);
      if (floor == 0xFF) continue;
      candidates[g].unit = PowerOfTwo(127 - codes[2]);
      for (std::size_t k = 0; k < 3; ++k) {
        candidates[g].candidates[k] = {MxMultiplier(static_cast<std::uint8_t>(codes[k])),
                                       PowerOfTwo(codes[k] - codes[2])};
      }
    }
    best_of_three_(tile.First(), tile.groups, maxima, candidates.data(), best.data());
    for (std::size_t g = 0; g < tile.groups; ++g) {
      const int floor = scales[g];
      const int codes[] = {floor, floor + 1 > 254 ? 254 : floor + 1, floor == 0 ? 0 : floor - 1};
      if (floor != 0xFF) scales[g] = static_cast<std::uint8_t>(codes[best[g]]);
      multipliers[g] = MxMultiplier(scales[g]);
    }
  }

 private:
  MxScaleRule rule_;
  BestCandidateFunction best_of_three_;
};

// Four over six: the better of the two D that send M to 6 or to 4 (section 14).
class BestNvfp4Scaler {
 public:
  BestNvfp4Scaler(Target target, float tensor_scale)
      : tensor_scale_(tensor_scale),
        six_(target, tensor_scale),
        four_(target, tensor_scale, 0.25f),
        best_of_two_(BestOfTwoKernel(target)) {}

  void operator()(const std::uint32_t* maxima, const TileView& tile, std::uint8_t* scales,
                  float* multipliers) const {
    std::array<std::uint8_t, kTileGroups> other_scales;
    std::array<float, kTileGroups> other_multipliers;
    six_(maxima, tile, scales, multipliers);
    if (std::isnan(tensor_scale_)) return;
    four_(maxima, tile, other_scales.data(), other_multipliers.data());
    std::array<GroupCandidates, kTileGroups> candidates;
    std::array<std::uint8_t, kTileGroups> best;
    for (std::size_t g = 0; g < tile.groups; ++g) {
      candidates[g].unit = tensor_scale_;
      candidates[g].candidates[0] = {multipliers[g], kE4m3Values[scales[g]]};
      candidates[g].candidates[1] = {other_multipliers[g], kE4m3Values[other_scales[g]]};
    }
    best_of_two_(tile.First(), tile.groups, maxima, candidates.data(), best.data());
    for (std::size_t g = 0; g < tile.groups; ++g) {
      scales[g] = best[g] == 0 ? scales[g] : other_scales[g];
      multipliers[g] = candidates[g].candidates[best[g]].multiplier;
    }
  }

 private:
  float tensor_scale_;
  Nvfp4Scaler six_, four_;
  BestCandidateFunction best_of_two_;
};

// Sign and magnitude to two's complement; -0 becomes 0.
void ToTwosComplement(std::uint8_t* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t negative = static_cast<std::uint8_t>(-(bytes[i] >> 7));
    bytes[i] = static_cast<std::uint8_t>(((bytes[i] & 0x7F) ^ negative) - negative);
  }
}

// Quantises tile after tile: `tile_cols` columns of one strip of scale groups (1 or `group` rows).
template <class Scaler>
void QuantizeTiles(Target target, const Operation& op, const Scaler& scaler, const ConstBuffer& w,
                   const Buffer& elements, const Buffer& scales) {
  const formats::BlockGrid grid = op.scale_grid();
  const std::uint64_t group = grid.block.cols;
  const std::uint64_t tile_cols = kTileElements / grid.block.rows;
  const std::uint64_t col_tiles = (op.shape.cols + tile_cols - 1) / tile_cols;
  const WidenRowFunction widen_row = WidenRowKernel(target, op.from);
  const auto max_row = ULPROOF_FOR_TARGET(GroupMaxRow, target);
  const auto scale_row = ULPROOF_FOR_TARGET(ScaleGroupsRow, target);
  const CastPlan plan =
      MakeCastPlan(ElementFormat(op.block_format), kNearestEven, formats::Overflow::kSaturate);
  const CastRowFunction cast_row = CastRowKernel(target, plan);
  const auto* const in = static_cast<const std::byte*>(w.data);
  auto* const out = static_cast<std::uint8_t*>(elements.data);
  auto* const scale_codes = static_cast<std::uint8_t*>(scales.data);

  const auto quantize_tile = [&](std::uint64_t tile_index) {
    alignas(64) std::array<float, kTileElements> tile;
    std::array<std::uint32_t, kTileGroups> maxima{};
    std::array<float, kTileGroups> multipliers;
    const std::uint64_t strip = tile_index / col_tiles;
    const std::uint64_t first_col = tile_index % col_tiles * tile_cols;
    const std::uint64_t cols = std::min(tile_cols, op.shape.cols - first_col);
    const std::uint64_t groups = (cols + group - 1) / group;
    const std::uint64_t first_row = strip * grid.block.rows;
    const std::uint64_t rows = std::min<std::uint64_t>(grid.block.rows, op.shape.rows - first_row);
    // A last group that is not full is filled up with zeros, which change no maximum.
    const auto row_begin = [&](std::uint64_t r) {
      return (first_row + r) * op.shape.cols + first_col;
    };
    for (std::uint64_t r = 0; r < rows; ++r) {
      float* const row = tile.data() + r * tile_cols;
      widen_row(in + row_begin(r) * op.from.storage_bytes(), row, cols);
      std::fill(row + cols, row + groups * group, 0.0f);
      max_row(row, groups, group, maxima.data());
    }
    scaler(maxima.data(), {tile.data(), rows, tile_cols, groups, group},
           scale_codes + strip * grid.cols() + first_col / group, multipliers.data());
    for (std::uint64_t r = 0; r < rows; ++r) {
      float* const row = tile.data() + r * tile_cols;
      std::uint8_t* const codes = out + row_begin(r);
      scale_row(row, groups, group, multipliers.data());
      cast_row(plan, row, codes, cols, nullptr);
      if (op.block_format.is_int8) ToTwosComplement(codes, cols);
    }
  };
  constexpr std::uint64_t kGrain = 16;
  base::ParallelFor(grid.rows() * col_tiles, kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t tile = begin; tile < end; ++tile) quantize_tile(tile);
  });
}

// The code of the largest |w|; the order of the elements does not matter.
std::uint32_t TensorMax(Target target, const Operation& op, const ConstBuffer& w) {
  const WidenRowFunction widen_row = WidenRowKernel(target, op.from);
  const auto max_row = ULPROOF_FOR_TARGET(GroupMaxRow, target);
  const auto* const in = static_cast<const std::byte*>(w.data);
  std::atomic<std::uint32_t> tensor_max = 0;
  constexpr std::uint64_t kGrain = 16 * kTileElements;
  base::ParallelFor(w.count, kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    alignas(64) std::array<float, kTileElements> tile;
    std::uint32_t max = 0;
    for (std::uint64_t i = begin; i < end; i += kTileElements) {
      const std::uint64_t count = std::min<std::uint64_t>(kTileElements, end - i);
      const std::uint64_t padded = (count + kMaxGroup - 1) / kMaxGroup * kMaxGroup;
      widen_row(in + i * op.from.storage_bytes(), tile.data(), count);
      std::fill(tile.begin() + count, tile.begin() + padded, 0.0f);
      max_row(tile.data(), 1, padded, &max);
    }
    std::uint32_t seen = tensor_max.load();
    while (seen < max && !tensor_max.compare_exchange_weak(seen, max)) {
    }
  });
  return tensor_max.load();
}

}  // namespace

std::string WhyQuantizeUnsupported(const Operation& op) {
  const formats::BlockFormat& format = op.block_format;
  if (std::find(formats::kBlockFormats.begin(), formats::kBlockFormats.end(), format) ==
      formats::kBlockFormats.end()) {
    return "the SIMD kernels know the seven public block formats only";
  }
  return WhyWidenUnsupported(op.from);
}

void RunQuantize(Target target, const Operation& op, std::span<const ConstBuffer> inputs,
                 std::span<const Buffer> outputs) {
  ULPROOF_CHECK(WhyQuantizeUnsupported(op).empty(), WhyQuantizeUnsupported(op));
  const ConstBuffer& w = inputs[0];
  const bool is_best = op.rule == formats::ScaleRule::kBest;
  if (!op.block_format.has_tensor_scale && is_best) {
    return QuantizeTiles(target, op, BestMxScaler(target, op), w, outputs[0], outputs[1]);
  }
  if (!op.block_format.has_tensor_scale) {
    return QuantizeTiles(target, op, MxScaler(op), w, outputs[0], outputs[1]);
  }
  const float tensor_scale = Nvfp4TensorScale(TensorMax(target, op, w));
  if (is_best) {
    QuantizeTiles(target, op, BestNvfp4Scaler(target, tensor_scale), w, outputs[0], outputs[1]);
  } else {
    QuantizeTiles(target, op, Nvfp4Scaler(target, tensor_scale), w, outputs[0], outputs[1]);
  }
  outputs[2].Set(0, std::isnan(tensor_scale) ? formats::kFloat32.canonical_nan_code()
                                             : std::bit_cast<std::uint32_t>(tensor_scale));
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
