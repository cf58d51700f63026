// SPDX-License-Identifier: Apache-2.0
// Scale and zero point of a block under a variant (contract section 14). The rules of fit that have
// no knobs are the reference's own.
#include "reference/compare/deviation_steps.h"
#include "reference/ops/arith.h"
#include "reference/ops/elements.h"
#include "reference/ops/scale.h"
#include "reference/quantizers/block_sum.h"
#include "reference/quantizers/fit.h"
#include "reference/quantizers/levels.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::ConstBuffer;
using formats::FitRule;
using formats::kFloat32;
using Extent = formats::BlockGrid::Extent;

constexpr Code kSign32 = kFloat32.sign_mask();

Code ElementOf(const Variant& v, const ConstBuffer& x, std::uint64_t row, std::uint64_t col) {
  return ToFloat32(v.op.from, x.Get(MemoryIndex(v.op.shape, row, col)));
}

struct Ends {
  Code min, max;
};
Ends EndsOf(const Variant& v, const ConstBuffer& x, const Extent& extent) {
  Ends ends = {kInfinity32, kInfinity32 | kSign32};
  bool has_negative_zero = false;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const Code value = ElementOf(v, x, row, col);
      if (kFloat32.IsNan(value)) return {kNan32, kNan32};
      has_negative_zero |= value == kSign32;
      if (IsLess32(value, ends.min)) ends.min = value;
      if (IsLess32(ends.max, value)) ends.max = value;
    }
  }
  const bool keeps_sign = v.fit.zero_sign_kept && has_negative_zero;
  if (kFloat32.IsZero(ends.min)) ends.min = keeps_sign ? kSign32 : 0;
  if (kFloat32.IsZero(ends.max)) ends.max = 0;
  return ends;
}

FittedScale FitDeviation(const Variant& v, const ConstBuffer& x, Code clip, const Extent& extent) {
  const bool is_sigma = v.op.fit == FitRule::kSigma;
  const Code count = BlockCount(extent);
  const auto value = [&](std::uint64_t row, std::uint64_t col) {
    return ElementOf(v, x, row, col);
  };
  const Code mean = Div32(VariantSum(v, extent, value), count);
  const Code sum = VariantSum(v, extent, [&](std::uint64_t row, std::uint64_t col) {
    const Code d = v.fit.about_zero ? value(row, col) : Sub32(value(row, col), mean);
    return is_sigma ? Mul32(d, d) : d & ~kSign32;
  });
  const Code divisor = v.fit.of_a_sample ? Sub32(count, kOne32) : count;
  const Code deviation = is_sigma ? Sqrt32(Div32(sum, divisor)) : Div32(sum, divisor);
  return {Div32(Mul32(clip, deviation), HalfWidthCode(v.op.levels)), v.op.mean_zero ? mean : 0};
}

FittedScale Fitted(const Variant& v, const formats::Case& c, std::uint64_t block) {
  const formats::Operation& op = v.op;
  const ConstBuffer x = c.inputs[0].view();
  const Extent extent = op.grid().ExtentOf(block);
  const auto extra = [&] { return c.inputs[1].Get(c.inputs[1].count() == 1 ? 0 : block); };
  switch (op.fit) {
    case FitRule::kMinmax: {
      const Code max = VariantMax(v.max, x, {op.shape, extent, op.block});
      return {Div32(max, v.fit.onto_highest ? HighestCode(op.levels) : HalfWidthCode(op.levels)),
              0};
    }
    case FitRule::kRange: {
      const Ends ends = EndsOf(v, x, extent);
      const Code scale = Div32(Sub32(ends.max, ends.min), WidthCode(op.levels));
      return {scale, Fma32(LowestCode(op.levels) ^ kSign32, scale, ends.min)};
    }
    case FitRule::kBits: {
      const Ends ends = EndsOf(v, x, extent);
      const Code levels = Exp2(extra());
      const Code steps = v.fit.levels_for_steps ? levels : Sub32(levels, kOne32);
      return {Div32(Sub32(ends.max, ends.min), steps), ends.min};
    }
    case FitRule::kSigma:
    case FitRule::kLaplace:
      return FitDeviation(v, x, extra(), extent);
    case FitRule::kLsq:
    case FitRule::kSawb:
    case FitRule::kOctav:
      break;
  }
  return FitBlock(op, x, 0, block);
}

FittedScale Refitted(const Variant& v, const formats::Case& c, std::uint64_t block) {
  const Extent extent = v.op.grid().ExtentOf(block);
  const ConstBuffer x = c.inputs[0].view();
  const FittedScale start = {c.inputs[1].Get(block), c.inputs[2].Get(block)};
  std::vector<LeveledElement> elements;  // Row-major.
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col)
      elements.push_back(VariantLevel(v, ElementOf(v, x, row, col), start.scale, start.zero));
  }
  const auto leveled = [&](std::uint64_t row, std::uint64_t col) -> const LeveledElement& {
    return elements[(row - extent.row_begin) * (extent.col_end - extent.col_begin) +
                    (col - extent.col_begin)];
  };
  const Code products = VariantSum(v, extent, [&](std::uint64_t row, std::uint64_t col) {
    const LeveledElement& element = leveled(row, col);
    return Mul32(element.distance, element.level);
  });
  const Code squares = VariantSum(v, extent, [&](std::uint64_t row, std::uint64_t col) {
    const Code level = leveled(row, col).level;
    return Mul32(level, level);
  });
  FittedScale next = start;
  if (!kFloat32.IsZero(squares) || v.fit.no_guard) next.scale = Div32(products, squares);
  if (v.op.mean_zero) {
    const Code scale = v.fit.old_scale ? start.scale : next.scale;
    const Code rest = VariantSum(v, extent, [&](std::uint64_t row, std::uint64_t col) {
      return Fma32(scale ^ kSign32, leveled(row, col).level, ElementOf(v, x, row, col));
    });
    next.zero = Div32(rest, BlockCount(extent));
  }
  return next;
}

}  // namespace

FittedScale VariantFit(const Variant& v, const formats::Case& c, std::uint64_t block) {
  const bool is_refit = v.op.kind == formats::OpKind::kRefit;
  const FittedScale fitted = is_refit ? Refitted(v, c, block) : Fitted(v, c, block);
  if (v.fit.infinity_kept && !kFloat32.IsNan(fitted.scale)) return fitted;
  return kFloat32.IsFinite(fitted.scale) ? fitted : FittedScale{kNan32, kNan32};
}

}  // namespace ulproof::reference
