// SPDX-License-Identifier: Apache-2.0
#include "cpu/quantizer_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/exp2.h"
#include "cpu/quantizer_plan.h"
#include "formats/codec.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/quantizer_kernels.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/canonical_sum-inl.h"
#include "cpu/fused_multiply_add-inl.h"
#include "cpu/noise-inl.h"
#include "cpu/quantizer_level-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ulproof::cpu {
namespace HWY_NAMESPACE {

BlockMoments Moments(const QuantizerPlan& plan, const void* data,
                     const formats::BlockGrid::Extent& block) {
  const QF d;
  const float count =
      static_cast<float>((block.row_end - block.row_begin) * (block.col_end - block.col_begin));
  Piece x, squares;
  BlockSum sum, sum_of_squares;
  ForPieces(
      block,
      [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
        LoadPiece(plan, data, row, col, n, x);
        sum.Add(x.v, n);
      },
      [&]() HWY_ATTR { sum.EndRow(); });
  const float mean = sum.Total() / count;
  const auto center = hn::Set(d, mean);
  ForPieces(
      block,
      [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
        LoadPiece(plan, data, row, col, n, x);
        Map(d, n, x, squares, [&](auto v) HWY_ATTR {
          const auto deviation = hn::Sub(v, center);
          return hn::Mul(deviation, deviation);
        });
        sum_of_squares.Add(squares.v, n);
      },
      [&]() HWY_ATTR { sum_of_squares.EndRow(); });
  return {mean, sum_of_squares.Total() / count};
}

BlockEnds Ends(const QuantizerPlan& plan, const void* data,
               const formats::BlockGrid::Extent& block) {
  const QF d;
  const hn::RebindToSigned<QF> di;
  auto min = hn::Set(d, std::numeric_limits<float>::infinity());
  auto max = hn::Neg(min);
  auto largest = hn::Zero(di);  // As codes: NaN above infinity above the rest.
  Piece x;
  ForPieces(
      block,
      [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
        LoadPiece(plan, data, row, col, n, x);
        std::fill(x.v + n, x.v + n + 64, x.v[0]);
        for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
          const auto v = hn::Load(d, x.v + i);
          min = hn::Min(min, v);
          max = hn::Max(max, v);
          largest = hn::Max(largest, hn::BitCast(di, hn::Abs(v)));
        }
      },
      [] {});
  const auto code = static_cast<std::uint32_t>(hn::GetLane(hn::MaxOfLanes(di, largest)));
  const float magnitude = std::bit_cast<float>(code);
  if (std::isnan(magnitude)) return {magnitude, magnitude, magnitude};
  return {hn::GetLane(hn::MinOfLanes(d, min)) + 0.0f, hn::GetLane(hn::MaxOfLanes(d, max)) + 0.0f,
          magnitude};
}

FittedPair Refit(const QuantizerPlan& plan, const void* data,
                 const formats::BlockGrid::Extent& block, const FittedPair& start) {
  const QF d;
  Piece x, terms;
  Leveled leveled;
  BlockSum products, squares;
  ForPieces(
      block,
      [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
        LoadPiece(plan, data, row, col, n, x);
        LevelPiece(plan, x, n, start.scale, start.zero, leveled);
        Map(d, n, leveled.d, leveled.q, terms,
            [](auto a, auto b) HWY_ATTR { return hn::Mul(a, b); });
        products.Add(terms.v, n);
        Map(d, n, leveled.q, terms, [](auto q) HWY_ATTR { return hn::Mul(q, q); });
        squares.Add(terms.v, n);
      },
      [&]() HWY_ATTR {
        products.EndRow();
        squares.EndRow();
      });
  const float denominator = squares.Total();
  FittedPair next = start;
  if (denominator != 0) next.scale = products.Total() / denominator;
  if (!plan.op.mean_zero) return next;
  const FmaTag df;
  const auto minus_scale = hn::Set(df, -next.scale);
  BlockSum rest;
  ForPieces(
      block,
      [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
        LoadPiece(plan, data, row, col, n, x);
        LevelPiece(plan, x, n, start.scale, start.zero, leveled);
        Map(df, n, leveled.q, x, terms,
            [&](auto q, auto v) HWY_ATTR { return FusedMultiplyAdd(minus_scale, q, v); });
        rest.Add(terms.v, n);
      },
      [&]() HWY_ATTR { rest.EndRow(); });
  next.zero = rest.Total() / static_cast<float>((block.row_end - block.row_begin) *
                                                (block.col_end - block.col_begin));
  return next;
}

// One row of the matrix: columns [begin, end), which lie in one block.
void FakeQuantizeRow(const QuantizerPlan& plan, const void* data, std::uint64_t row,
                     std::uint64_t begin, std::uint64_t end, float scale, float zero, float* y) {
  const FmaTag df;
  const auto s = hn::Set(df, scale);
  const auto z = hn::Set(df, zero);
  Piece x, result;
  Leveled leveled;
  for (std::uint64_t col = begin; col < end; col += kPiece) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end - col));
    LoadPiece(plan, data, row, col, n, x);
    LevelPiece(plan, x, n, scale, zero, leveled);
    Map(df, n, leveled.q, result, [&](auto q) HWY_ATTR { return FusedMultiplyAdd(q, s, z); });
    std::memcpy(y + row * plan.op.shape.cols + col, result.v, n * sizeof(float));
  }
}

void PerturbRow(const QuantizerPlan& plan, const void* data, std::uint64_t row, std::uint64_t begin,
                std::uint64_t end, float scale, float limit, float* y) {
  const FmaTag df;
  const auto s = hn::Set(df, scale);
  const auto above = hn::Set(df, limit);
  const auto below = hn::Set(df, -limit);
  NoiseSource source(plan.op.law, plan.op.key);
  Piece x, noise, result;
  for (std::uint64_t col = begin; col < end; col += kPiece) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, end - col));
    LoadPiece(plan, data, row, col, n, x);
    const std::uint64_t logical = plan.op.key.offset + row * plan.op.shape.stride() + col;
    std::memcpy(noise.v, source.Reals(logical, n), n * sizeof(float));
    Map(df, n, noise, x, result, [&](auto r, auto v) HWY_ATTR {
      const auto t = FusedMultiplyAdd(r, s, v);
      return hn::IfThenElse(hn::Lt(above, t), above, hn::IfThenElse(hn::Lt(t, below), below, t));
    });
    std::memcpy(y + row * plan.op.shape.cols + col, result.v, n * sizeof(float));
  }
}

// Writes grad_x and returns grad_s of one block.
float FakeBackward(const QuantizerPlan& plan, const void* grad_data, const void* x_data,
                   const formats::BlockGrid::Extent& block, float scale, float zero,
                   float* grad_x) {
  using formats::Estimator;
  const QF d;
  const FmaTag df;
  const auto none = hn::Zero(d);
  const auto low = hn::Set(d, plan.low);
  const auto high = hn::Set(d, plan.high);
  const bool is_aewgs = plan.op.estimator == Estimator::kAewgs;
  Piece grad, x, rounding, terms;
  Leveled leveled;
  const auto load = [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
    LoadPiece(plan, grad_data, row, col, n, grad);
    LoadPiece(plan, x_data, row, col, n, x);
    LevelPiece(plan, x, n, scale, zero, leveled);
    Map(d, n, leveled.q, leveled.u, rounding,
        [](auto q, auto u) HWY_ATTR { return hn::Sub(q, u); });
  };
  // The rounding noise as seen against the gradient: its sign turned where g < 0, +0 where g = 0.
  const auto against = [&](auto g, auto n) HWY_ATTR {
    const auto turned = hn::IfThenElse(hn::Lt(g, none), hn::Neg(n), n);
    return hn::IfThenElse(hn::Eq(g, none), none, turned);
  };
  float delta = 0;
  if (is_aewgs) {
    const float count =
        static_cast<float>((block.row_end - block.row_begin) * (block.col_end - block.col_begin));
    BlockSum noises, turned, squares;
    ForPieces(
        block,
        [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
          load(row, col, n);
          noises.Add(rounding.v, n);
          Map(d, n, grad, rounding, terms, against);
          turned.Add(terms.v, n);
        },
        [&]() HWY_ATTR {
          noises.EndRow();
          turned.EndRow();
        });
    const auto mean = hn::Set(d, noises.Total() / count);
    ForPieces(
        block,
        [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
          load(row, col, n);
          Map(d, n, rounding, terms, [&](auto v) HWY_ATTR {
            const auto deviation = hn::Sub(v, mean);
            return hn::Mul(deviation, deviation);
          });
          squares.Add(terms.v, n);
        },
        [&]() HWY_ATTR { squares.EndRow(); });
    const float variance = squares.Total() / count;
    constexpr float kLeast = std::bit_cast<float>(0x3A83126Fu);  // 0.001
    delta = turned.Total() / count / (variance < kLeast ? kLeast : variance);
  }
  const auto delta_vector = hn::Set(d, delta);
  const auto one = hn::Set(d, 1.0f);
  const auto largest = hn::Set(d, std::bit_cast<float>(0x3F7D70A4u));  // 0.99
  const float xi = std::bit_cast<float>(0x3E93CD3Au);                  // 1 / (2 sqrt 3)
  NoiseSource source(formats::NoiseLaw::kUniform, plan.op.key);
  Piece sign, slope;
  BlockSum by_scale;
  ForPieces(
      block,
      [&](std::uint64_t row, std::uint64_t col, std::size_t n) HWY_ATTR {
        load(row, col, n);
        const Piece* inner = &rounding;
        if (plan.op.estimator != Estimator::kLsq) {
          const std::uint64_t logical = plan.op.key.offset + row * plan.op.shape.stride() + col;
          std::memcpy(sign.v, source.Reals(logical, n), n * sizeof(float));
          const auto plus = hn::Set(df, xi);
          const auto s = hn::Set(df, scale);
          Map(df, n, sign, rounding, slope, [&](auto uniform, auto noise) HWY_ATTR {
            const auto signed_xi =
                hn::IfThenElse(hn::Lt(uniform, hn::Zero(df)), hn::Neg(plus), plus);
            return FusedMultiplyAdd(s, signed_xi, noise);
          });
          inner = &slope;
        }
        float* const out = grad_x + row * plan.op.shape.cols + col;
        for (std::size_t i = 0; i < n; i += hn::Lanes(d)) {
          const auto g = hn::Load(d, grad.v + i);
          const auto u = hn::Load(d, leveled.u.v + i);
          const auto inside = hn::And(hn::Lt(low, u), hn::Lt(u, high));
          const auto p =
              hn::IfThenElse(inside, hn::Load(d, inner->v + i), hn::Load(d, leveled.q.v + i));
          hn::Store(hn::Mul(g, p), d, terms.v + i);
          auto through = g;
          if (is_aewgs) {
            const auto step = hn::Mul(delta_vector, against(g, hn::Load(d, rounding.v + i)));
            const auto limited = hn::IfThenElse(hn::Lt(largest, step), largest, step);
            through = hn::Mul(g, hn::Sub(one, limited));
          }
          hn::Store(hn::IfThenElse(inside, through, none), d, x.v + i);
        }
        std::memcpy(out, x.v, n * sizeof(float));
        by_scale.Add(terms.v, n);
      },
      [&]() HWY_ATTR { by_scale.EndRow(); });
  return by_scale.Total();
}

}  // namespace HWY_NAMESPACE
}  // namespace ulproof::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ulproof::cpu {

HWY_EXPORT(Moments);
HWY_EXPORT(Ends);
HWY_EXPORT(Refit);
HWY_EXPORT(FakeQuantizeRow);
HWY_EXPORT(PerturbRow);
HWY_EXPORT(FakeBackward);

namespace {

using formats::Buffer;
using formats::ConstBuffer;
using formats::FitRule;
using formats::Operation;
using formats::OpKind;

QuantizerPlan MakePlan(Target target, const Operation& op) {
  QuantizerPlan plan = {.op = op,
                        .widen_row = WidenRowKernel(target, op.from),
                        .low = formats::LowestLevel(op.levels),
                        .high = formats::HighestLevel(op.levels)};
  if (op.levels.kind != formats::Levels::Kind::kFormat) return plan;
  const formats::FormatSpec& format = op.levels.format;
  plan.is_format = true;
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

FittedPair Finite(const FittedPair& fitted) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  return std::isfinite(fitted.scale) ? fitted : FittedPair{kNan, kNan};
}

FittedPair FitBlock(Target target, const QuantizerPlan& plan, const ConstBuffer& x, float extra,
                    const formats::BlockGrid::Extent& extent) {
  const float width = formats::LevelsWidth(plan.op.levels);
  if (plan.op.fit == FitRule::kSigma) {
    const BlockMoments moments = ULPROOF_FOR_TARGET(Moments, target)(plan, x.data, extent);
    return {extra * std::sqrt(moments.variance) / (width / 2),
            plan.op.mean_zero ? moments.mean : 0.0f};
  }
  const BlockEnds ends = ULPROOF_FOR_TARGET(Ends, target)(plan, x.data, extent);
  if (plan.op.fit == FitRule::kMinmax) return {ends.largest / (width / 2), 0.0f};
  if (plan.op.fit == FitRule::kBits) {
    return {(ends.max - ends.min) / (Exp2(extra) - 1.0f), ends.min};
  }
  const float scale = (ends.max - ends.min) / width;
  return {scale, std::fma(-plan.low, scale, ends.min)};
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
  const formats::BlockGrid grid = op.grid();
  const auto value = [&](std::size_t port, std::uint64_t i) { return inputs[port].As<float>()[i]; };

  if (op.kind == OpKind::kFakeQuantize || op.kind == OpKind::kPerturb) {
    const auto row_function = op.kind == OpKind::kPerturb
                                  ? ULPROOF_FOR_TARGET(PerturbRow, target)
                                  : ULPROOF_FOR_TARGET(FakeQuantizeRow, target);
    constexpr std::uint64_t kGrainElements = 16384;
    const std::uint64_t grain = std::max<std::uint64_t>(1, kGrainElements / op.shape.cols);
    base::ParallelFor(op.shape.rows, grain, [&](std::uint64_t begin, std::uint64_t end) {
      for (std::uint64_t row = begin; row < end; ++row) {
        for (std::uint64_t k = 0; k < grid.cols(); ++k) {
          const std::uint64_t block = row / grid.block.rows * grid.cols() + k;
          const std::uint64_t first = k * grid.block.cols;
          row_function(plan, inputs[0].data, row, first,
                       std::min<std::uint64_t>(first + grid.block.cols, op.shape.cols),
                       value(1, block), value(2, block), outputs[0].As<float>());
        }
      }
    });
    return;
  }
  const auto fit_block = [&](std::uint64_t block) {
    const auto extent = grid.ExtentOf(block);
    FittedPair fitted;
    if (op.kind == OpKind::kRefit) {
      fitted = ULPROOF_FOR_TARGET(Refit, target)(plan, inputs[0].data, extent,
                                                 {value(1, block), value(2, block)});
    } else {
      const float extra = inputs.size() == 1 ? 0.0f : value(1, inputs[1].count == 1 ? 0 : block);
      fitted = FitBlock(target, plan, inputs[0], extra, extent);
    }
    fitted = Finite(fitted);
    outputs[0].As<float>()[block] = fitted.scale;
    outputs[1].As<float>()[block] = fitted.zero;
  };
  constexpr std::uint64_t kGrain = 16;
  base::ParallelFor(grid.count(), kGrain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t block = begin; block < end; ++block) {
      if (op.kind == OpKind::kFakeBackward) {
        outputs[1].As<float>()[block] = ULPROOF_FOR_TARGET(FakeBackward, target)(
            plan, inputs[0].data, inputs[1].data, grid.ExtentOf(block), value(2, block),
            value(3, block), outputs[0].As<float>());
      } else {
        fit_block(block);
      }
    }
  });
}

}  // namespace ulproof::cpu
#endif  // HWY_ONCE
