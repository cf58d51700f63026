// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/fit.h"

#include "base/check.h"
#include "reference/exact/dyadic.h"
#include "reference/exact/real.h"
#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/round_real.h"
#include "reference/ops/scale.h"
#include "reference/quantizers/block_sum.h"
#include "reference/quantizers/levels.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::ConstBuffer;
using formats::FitRule;
using formats::kFloat32;
using formats::Operation;
using Extent = formats::BlockGrid::Extent;

constexpr Code kSign32 = kFloat32.sign_mask();

// SAWB's c1 and c2: RN32 of 3.212 and 2.178 for 2 bits, of 12.68 and 12.80 for 4.
struct SawbConstants {
  Code of_root_mean_square, of_mean_magnitude;
};
constexpr SawbConstants kSawb2 = {0x404D'9168, 0x400B'645A};
constexpr SawbConstants kSawb4 = {0x414A'E148, 0x414C'CCCD};

constexpr Code kThird = 0x3EAA'AAAB;  // RN32(1/3)
constexpr int kOctavSteps = 32;

FittedScale Finite(const FittedScale& fitted) {
  return kFloat32.IsFinite(fitted.scale) ? fitted : FittedScale{kNan32, kNan32};
}

// A block's elements as binary32.
class Elements {
 public:
  Elements(const Operation& op, const ConstBuffer& x) : op_(op), x_(x) {}
  Code operator()(std::uint64_t row, std::uint64_t col) const {
    return ToFloat32(op_.from, x_.Get(MemoryIndex(op_.shape, row, col)));
  }

 private:
  const Operation& op_;
  const ConstBuffer& x_;
};

struct Ends {
  Code min, max;
};
Ends EndsOf(const Elements& x, const Extent& extent) {
  Ends ends = {kInfinity32, kInfinity32 | kSign32};
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const Code value = x(row, col);
      if (kFloat32.IsNan(value)) return {kNan32, kNan32};
      if (IsLess32(value, ends.min)) ends.min = value;
      if (IsLess32(ends.max, value)) ends.max = value;
    }
  }
  if (kFloat32.IsZero(ends.min)) ends.min = 0;
  if (kFloat32.IsZero(ends.max)) ends.max = 0;
  return ends;
}

Code Magnitude(Code x) { return x & ~kSign32; }

Code MeanMagnitude(const Elements& x, const Extent& extent) {
  return Div32(BlockSum(extent, [&](std::uint64_t row,
                                    std::uint64_t col) { return Magnitude(x(row, col)); }),
               BlockCount(extent));
}

// A clip of so many deviations: standard ones (sigma) or mean absolute ones (laplace).
FittedScale FitDeviation(const Operation& op, const Elements& x, const Extent& extent, Code clip) {
  const Code count = BlockCount(extent);
  const Code mean = Div32(BlockSum(extent, x), count);
  const bool is_sigma = op.fit == FitRule::kSigma;
  const Code sum = BlockSum(extent, [&](std::uint64_t row, std::uint64_t col) {
    const Code deviation = Sub32(x(row, col), mean);
    return is_sigma ? Mul32(deviation, deviation) : Magnitude(deviation);
  });
  const Code mean_deviation = Div32(sum, count);
  const Code deviation = is_sigma ? Sqrt32(mean_deviation) : mean_deviation;
  return {Div32(Mul32(clip, deviation), HalfWidthCode(op.levels)), op.mean_zero ? mean : 0};
}

Code LsqScale(const Operation& op, const Elements& x, const Extent& extent) {
  const Code mean = MeanMagnitude(x, extent);
  return Div32(Add32(mean, mean), Sqrt32(HighestCode(op.levels)));
}

Code SawbClip(const Operation& op, const Elements& x, const Extent& extent) {
  const SawbConstants& constants = LevelsBits(op.levels) == 2 ? kSawb2 : kSawb4;
  const Code squares = BlockSum(extent, [&](std::uint64_t row, std::uint64_t col) {
    const Code value = x(row, col);
    return Mul32(value, value);
  });
  const Code root_mean_square = Sqrt32(Div32(squares, BlockCount(extent)));
  const Code clip = Sub32(Mul32(constants.of_root_mean_square, root_mean_square),
                          Mul32(constants.of_mean_magnitude, MeanMagnitude(x, extent)));
  return IsLess32(clip, 0) ? 0 : clip;
}

Code CountCode(std::uint64_t count) {
  return RoundToFormat(kFloat32, Dyadic(Dyadic::Integer(count)), formats::Rounding{},
                       formats::Overflow::kIeee);
}

// One step of OCTAV: the sum of what lies beyond `clip`, over how much lies there and the rounding
// noise of the rest.
Code NextOctavClip(const Operation& op, const Elements& x, const Extent& extent, Code clip) {
  const Code noise = kThird - (static_cast<Code>(2 * LevelsBits(op.levels)) << 23);  // 4^-b / 3
  std::uint64_t inside = 0, beyond = 0;
  const Code sum = BlockSum(extent, [&](std::uint64_t row, std::uint64_t col) -> Code {
    const Code magnitude = Magnitude(x(row, col));
    const bool is_inside = IsLess32(magnitude, clip) || magnitude == clip;
    ++(is_inside ? inside : beyond);
    return is_inside ? 0 : magnitude;
  });
  return Div32(sum, Add32(Mul32(noise, CountCode(inside)), CountCode(beyond)));
}

// From 0 upwards until a step leads no further up.
Code OctavClip(const Operation& op, const Elements& x, const Extent& extent) {
  Code clip = 0;
  for (int step = 0; step < kOctavSteps; ++step) {
    const Code next = NextOctavClip(op, x, extent, clip);
    if (kFloat32.IsNan(next)) return kNan32;
    if (!IsLess32(clip, next)) break;
    clip = next;
  }
  return clip;
}

}  // namespace

Code BlockCount(const Extent& extent) {
  return CountCode((extent.row_end - extent.row_begin) * (extent.col_end - extent.col_begin));
}

FittedScale FitBlock(const Operation& op, const ConstBuffer& buffer, Code extra,
                     std::uint64_t block) {
  const Extent extent = op.grid().ExtentOf(block);
  const Elements x(op, buffer);
  switch (op.fit) {
    case FitRule::kMinmax:
      return Finite({Div32(BlockMax(buffer, op.shape, extent), HalfWidthCode(op.levels)), 0});
    case FitRule::kRange: {
      const Ends ends = EndsOf(x, extent);
      const Code scale = Div32(Sub32(ends.max, ends.min), WidthCode(op.levels));
      return Finite({scale, Fma32(LowestCode(op.levels) ^ kSign32, scale, ends.min)});
    }
    case FitRule::kBits: {
      const Ends ends = EndsOf(x, extent);
      const Code steps = Sub32(Exp2(extra), kOne32);
      return Finite({Div32(Sub32(ends.max, ends.min), steps), ends.min});
    }
    case FitRule::kSigma:
    case FitRule::kLaplace:
      return Finite(FitDeviation(op, x, extent, extra));
    case FitRule::kLsq:
      return Finite({LsqScale(op, x, extent), 0});
    case FitRule::kSawb:
      return Finite({Div32(SawbClip(op, x, extent), HalfWidthCode(op.levels)), 0});
    case FitRule::kOctav:
      return Finite({Div32(OctavClip(op, x, extent), HalfWidthCode(op.levels)), 0});
  }
  ULPROOF_CHECK(false, "no such rule");
}

FittedScale RefitBlock(const Operation& op, const ConstBuffer& buffer, const FittedScale& start,
                       std::uint64_t block) {
  const Extent extent = op.grid().ExtentOf(block);
  const Elements x(op, buffer);
  const auto leveled = [&](std::uint64_t row, std::uint64_t col) {
    return LevelElement(op.levels, x(row, col), start.scale, start.zero);
  };
  const Code products = BlockSum(extent, [&](std::uint64_t row, std::uint64_t col) {
    const LeveledElement element = leveled(row, col);
    return Mul32(element.distance, element.level);
  });
  const Code squares = BlockSum(extent, [&](std::uint64_t row, std::uint64_t col) {
    const Code level = leveled(row, col).level;
    return Mul32(level, level);
  });
  FittedScale next = start;
  if (!kFloat32.IsZero(squares)) next.scale = Div32(products, squares);
  if (op.mean_zero) {
    const Code sum = BlockSum(extent, [&](std::uint64_t row, std::uint64_t col) {
      return Fma32(next.scale ^ kSign32, leveled(row, col).level, x(row, col));
    });
    next.zero = Div32(sum, BlockCount(extent));
  }
  return Finite(next);
}

Code CapacityBits(Code range, Code scale) {
  const bool is_range = kFloat32.IsFinite(range) && !IsLess32(range, 0);
  const bool is_scale = kFloat32.IsFinite(scale) && IsLess32(0, scale);
  if (!is_range || !is_scale) return kNan32;
  if (kFloat32.IsZero(range)) return 0;
  const Real numerator =
      ToReal(Dyadic::FromCode(kFloat32, range) + Dyadic::FromCode(kFloat32, scale));
  const Real denominator = ToReal(Dyadic::FromCode(kFloat32, scale));
  // log2 of a rational is an integer or irrational (and the quotient then not 2^k times 1), so
  // enclosures of growing precision decide, as in Exp2.
  constexpr int kMaxPrecisionBits = 1 << 14;
  for (int precision_bits = 512;; precision_bits *= 2) {
    ULPROOF_CHECK(precision_bits <= kMaxPrecisionBits, "log2 is too near a rounding boundary");
    Real below(precision_bits), above(precision_bits);
    mpfr_div(below, numerator, denominator, MPFR_RNDD);
    mpfr_div(above, numerator, denominator, MPFR_RNDU);
    mpfr_log2(below, below, MPFR_RNDD);
    mpfr_log2(above, above, MPFR_RNDU);
    const auto rounded = [](const Real& real) {
      return RoundRealDetail(kFloat32, real, formats::Rounding{}, formats::Overflow::kIeee).code;
    };
    if (rounded(below) == rounded(above)) return rounded(below);
  }
}

}  // namespace ulproof::reference
