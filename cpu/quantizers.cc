// SPDX-License-Identifier: Apache-2.0
#include "cpu/quantizers.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/exp2.h"
#include "cpu/quantizer_kernels.h"
#include "formats/codec.h"

namespace ulproof::cpu {
namespace {

using formats::Buffer;
using formats::ConstBuffer;
using formats::FitRule;
using formats::Operation;
using formats::OpKind;
using Extent = formats::BlockGrid::Extent;

InputKind InputKindOf(const formats::FormatSpec& from) {
  if (from == formats::kFloat32) return InputKind::kFloat32;
  return from == formats::kBfloat16 ? InputKind::kBfloat16 : InputKind::kFloat16;
}

// Whether adding and subtracting a power of two rounds to the format: its bits behind the first
// tell an even code, and that power is finite for everything up to twice the largest value.
bool RoundsByAddition(const formats::FormatSpec& format) {
  constexpr int kMaxExponent = 127;
  return format.trailing_bits >= 1 &&
         format.max_exponent() + 1 + 23 - format.trailing_bits <= kMaxExponent;
}

QuantizerPlan MakePlan(Target target, const Operation& op) {
  using Kind = formats::Levels::Kind;
  QuantizerPlan plan = {.op = op,
                        .input = InputKindOf(op.from),
                        .kind = LevelKind::kIntegers,
                        .low = formats::LowestLevel(op.levels),
                        .high = formats::HighestLevel(op.levels),
                        .half_width = formats::LevelsWidth(op.levels) / 2};
  if (op.levels.kind == Kind::kAllIntegers) plan.kind = LevelKind::kAllIntegers;
  if (op.levels.kind != Kind::kFormat) return plan;
  const formats::FormatSpec& format = op.levels.format;
  if (RoundsByAddition(format)) {
    plan.kind = LevelKind::kFormat;
    const int smallest = format.quantum_exponent() + format.trailing_bits;
    plan.smallest_normal = static_cast<std::uint32_t>(smallest + 127) << 23;
    plan.to_last_place = static_cast<std::uint32_t>(23 - format.trailing_bits) << 23;
    return plan;
  }
  plan.kind = LevelKind::kAnyFormat;
  plan.cast =
      MakeCastPlan(format, {formats::RoundingMode::kNearestEven}, formats::Overflow::kSaturate);
  plan.cast_row = CastRowKernel(target, plan.cast);
  for (formats::Code code = 0; code <= format.code_mask(); ++code) {
    // + 0 turns -0 into +0. A NaN of the format stands for a NaN u, which is put back afterwards.
    const formats::Decoded value = Decode(format, code);
    const float magnitude = std::ldexp(static_cast<float>(value.significand), value.exponent);
    plan.level_of_code[code] = (value.negative ? -magnitude : magnitude) + 0.0f;
  }
  return plan;
}

// Scales and zero points of blocks of x.
class Fitter {
 public:
  Fitter(const QuantizerKernels& kernels, const QuantizerPlan& plan, const void* x)
      : kernels_(kernels), plan_(plan), x_(x) {}

  // `extra` is the clip or b of the block.
  FittedPair operator()(const Extent& block, float extra) const {
    const float half_width = plan_.half_width;
    switch (plan_.op.fit) {
      case FitRule::kMinmax:
        return {Largest(block) / half_width, 0.0f};
      case FitRule::kRange: {
        const BlockEnds ends = Ends(block);
        const float scale = (ends.max - ends.min) / (2 * half_width);
        return {scale, std::fma(-plan_.low, scale, ends.min)};
      }
      case FitRule::kBits: {
        const BlockEnds ends = Ends(block);
        return {(ends.max - ends.min) / (Exp2(extra) - 1.0f), ends.min};
      }
      case FitRule::kSigma:
      case FitRule::kLaplace: {
        const BlockMoments moments = kernels_.moments(plan_, x_, block);
        const float deviation = plan_.op.fit == FitRule::kSigma ? std::sqrt(moments.mean_deviation)
                                                                : moments.mean_deviation;
        return {extra * deviation / half_width, plan_.op.mean_zero ? moments.mean : 0.0f};
      }
      case FitRule::kLsq: {
        const float mean = kernels_.magnitudes(plan_, x_, block).mean;
        return {(mean + mean) / std::sqrt(plan_.high), 0.0f};
      }
      case FitRule::kSawb:
        return {SawbClip(kernels_.magnitudes(plan_, x_, block)) / half_width, 0.0f};
      case FitRule::kOctav:
        return {OctavClip(block) / half_width, 0.0f};
    }
    ULPROOF_CHECK(false, "no such rule");
  }

 private:
  float Largest(const Extent& block) const {
    return std::bit_cast<float>(kernels_.largest_code(plan_, x_, block));
  }
  BlockEnds Ends(const Extent& block) const {
    const float largest = Largest(block);
    return std::isnan(largest) ? BlockEnds{largest, largest} : kernels_.ends(plan_, x_, block);
  }
  float SawbClip(const BlockMagnitudes& block) const {
    // RN32 of 3.212 and 2.178 for 2 bits, of 12.68 and 12.80 for 4.
    const bool is_two = formats::LevelsBits(plan_.op.levels) == 2;
    const float c1 = std::bit_cast<float>(is_two ? 0x404D9168u : 0x414AE148u);
    const float c2 = std::bit_cast<float>(is_two ? 0x400B645Au : 0x414CCCCDu);
    const float clip = c1 * std::sqrt(block.mean_square) - c2 * block.mean;
    return clip < 0 ? 0 : clip;
  }
  // From 0 upwards until a step leads no further up.
  float OctavClip(const Extent& block) const {
    constexpr int kSteps = 32;
    const float third = std::bit_cast<float>(0x3EAAAAABu);
    const float noise = std::ldexp(third, -2 * formats::LevelsBits(plan_.op.levels));
    float clip = 0;
    for (int step = 0; step < kSteps; ++step) {
      const float next = kernels_.next_octav_clip(plan_, x_, block, noise, clip);
      if (std::isnan(next)) return next;
      if (next <= clip) break;
      clip = next;
    }
    return clip;
  }

  const QuantizerKernels& kernels_;
  const QuantizerPlan& plan_;
  const void* x_;
};

FittedPair Finite(const FittedPair& fitted) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  return std::isfinite(fitted.scale) ? fitted : FittedPair{kNan, kNan};
}

// body(block, its extent), over the blocks on all threads.
template <typename Body>
void ForBlocks(const formats::BlockGrid& grid, const Body& body) {
  constexpr std::uint64_t kGrain = 16;
  const std::uint64_t cols = grid.cols();
  base::ParallelFor(grid.count(), kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    // Divisions cost as much as a short block: the next block is mostly the next in its row.
    Extent extent = grid.ExtentOf(begin);
    std::uint64_t col = begin % cols;
    for (std::uint64_t block = begin; block < end; ++block) {
      body(block, extent);
      if (++col == cols) {
        col = 0;
        if (block + 1 < end) extent = grid.ExtentOf(block + 1);
        continue;
      }
      extent.col_begin = extent.col_end;
      extent.col_end = std::min(extent.col_begin + grid.block.cols, grid.shape.cols);
    }
  });
}

// body(row, block, its first column, its end), over the rows of the blocks on all threads.
template <typename Body>
void ForRows(const formats::BlockGrid& grid, const Body& body) {
  constexpr std::uint64_t kGrainElements = 16384;
  const formats::Shape& shape = grid.shape;
  const std::uint64_t grain = std::max<std::uint64_t>(1, kGrainElements / shape.cols);
  base::ParallelFor(shape.rows, grain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t row = begin; row < end; ++row) {
      std::uint64_t block = row / grid.block.rows * grid.cols();
      for (std::uint64_t col = 0; col < shape.cols; col += grid.block.cols)
        body(row, block++, col, std::min<std::uint64_t>(col + grid.block.cols, shape.cols));
    }
  });
}

}  // namespace

std::string WhyQuantizerUnsupported(const Operation& op) {
  if (op.kind == OpKind::kPerturb &&
      (op.law == formats::NoiseLaw::kBoxMuller || op.law == formats::NoiseLaw::kNormal2)) {
    return "the SIMD perturb has the exact laws only";
  }
  return WhyWidenUnsupported(op.from);
}

void RunQuantizer(Target target, const Operation& op, std::span<const ConstBuffer> inputs,
                  std::span<const Buffer> outputs) {
  const std::string reason = WhyQuantizerUnsupported(op);
  ULPROOF_CHECK(reason.empty(), reason);
  const QuantizerPlan plan = MakePlan(target, op);
  const QuantizerKernels kernels = QuantizerKernelsOf(target);
  const formats::BlockGrid grid = op.grid();
  const auto value = [&](std::size_t port, std::uint64_t i) { return inputs[port].As<float>()[i]; };
  const auto store = [&](std::uint64_t block, const FittedPair& fitted) {
    const FittedPair finite = Finite(fitted);
    outputs[0].As<float>()[block] = finite.scale;
    outputs[1].As<float>()[block] = finite.zero;
  };

  switch (op.kind) {
    case OpKind::kFit: {
      const Fitter fit(kernels, plan, inputs[0].data);
      const bool has_extra = inputs.size() > 1;
      const bool has_one = has_extra && inputs[1].count == 1;
      return ForBlocks(grid, [&](std::uint64_t block, const Extent& extent) {
        store(block, fit(extent, has_extra ? value(1, has_one ? 0 : block) : 0.0f));
      });
    }
    case OpKind::kRefit:
      return ForBlocks(grid, [&](std::uint64_t block, const Extent& extent) {
        const FittedPair start = {value(1, block), value(2, block)};
        store(block, kernels.refit(plan, inputs[0].data, extent, start));
      });
    case OpKind::kFakeBackward:
      return ForBlocks(grid, [&](std::uint64_t block, const Extent& extent) {
        outputs[1].As<float>()[block] =
            kernels.fake_backward(plan, inputs[0].data, inputs[1].data, extent, value(2, block),
                                  value(3, block), outputs[0].As<float>());
      });
    default:
      break;
  }
  const auto row_function =
      op.kind == OpKind::kPerturb ? kernels.perturb_row : kernels.fake_quantize_row;
  ForRows(grid,
          [&](std::uint64_t row, std::uint64_t block, std::uint64_t begin, std::uint64_t end) {
            row_function(plan, inputs[0].data, row, begin, end, value(1, block), value(2, block),
                         outputs[0].As<float>());
          });
}

}  // namespace ulproof::cpu
