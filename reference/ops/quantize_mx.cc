// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/quantize_mx.h"

#include <algorithm>

#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/elements.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::reference {
namespace {

using formats::BlockFormat;
using formats::Code;
using formats::Decoded;
using formats::FormatSpec;
using formats::kFloat32;
using formats::kFloat8E8m0fnu;
using formats::Overflow;
using formats::Rounding;
using formats::ScaleRule;
using formats::ValueClass;

// The k of X = 2^k before clamping. Precondition: M is finite and not zero.
std::int64_t ScaleExponent(const FormatSpec& element, ScaleRule rule, Code max) {
  const Dyadic m = Dyadic::FromCode(kFloat32, max);
  const int emax = element.max_exponent();  // Of the largest element value.
  switch (rule) {
    case ScaleRule::kFloor:
    case ScaleRule::kBest:  // Its first candidate.
      return m.FloorLog2() - emax;
    case ScaleRule::kCeil:
      return m.CeilLog2() - emax;
    case ScaleRule::kEven: {
      // M rounded to the element's 1 + m significant bits. All of binary32 is normal in a format
      // of 11 exponent bits, so neither subnormals nor overflow interfere.
      const FormatSpec wide = {
          .exponent_bits = 11, .trailing_bits = element.trailing_bits, .bias = 1023};
      const Code rounded = RoundToFormat(wide, m, Rounding{}, Overflow::kIeee);
      return Dyadic::FromCode(wide, rounded).FloorLog2() - emax;
    }
    case ScaleRule::kRceil:
      break;
  }
  // RN32(M / max) rounded up to a power of two; a quotient that underflows to 0 is clamped.
  const Decoded largest = Decode(element, element.max_finite_code());
  const Code quotient = Div32(max, RoundToFormat(kFloat32, largest, Rounding{}, Overflow::kIeee));
  if (kFloat32.IsZero(quotient)) return kFloat8E8m0fnu.min_exponent();
  return Dyadic::FromCode(kFloat32, quotient).CeilLog2();
}

}  // namespace

FormatSpec ElementSpec(const BlockFormat& block_format) {
  return block_format.is_int8 ? kFixedPoint8 : block_format.element;
}

Code MxScale(const BlockFormat& block_format, ScaleRule rule, Code max) {
  if (!kFloat32.IsFinite(max)) return kFloat8E8m0fnu.canonical_nan_code();
  if (kFloat32.IsZero(max)) return 0;  // 2^-127
  const std::int64_t exponent =
      std::clamp<std::int64_t>(ScaleExponent(ElementSpec(block_format), rule, max),
                               kFloat8E8m0fnu.min_exponent(), kFloat8E8m0fnu.max_exponent());
  return static_cast<Code>(exponent + kFloat8E8m0fnu.bias);
}

Code MxElement(const BlockFormat& block_format, Code scale, Code w) {
  const FormatSpec element = ElementSpec(block_format);
  const bool poisoned = kFloat8E8m0fnu.IsNan(scale);
  Decoded quotient = Decode(kFloat32, w);
  if (poisoned) {
    quotient = {ValueClass::kNan, false, 0, 0};
  } else {
    quotient.exponent -= Decode(kFloat8E8m0fnu, scale).exponent;  // w / X, exactly.
  }
  const Code code = RoundToFormat(element, quotient, Rounding{}, Overflow::kSaturate);
  if (!block_format.is_int8) return code;
  const Code magnitude = code & element.magnitude_mask();
  return element.IsNegative(code) ? -magnitude & 0xFF : magnitude;
}

void QuantizeMxGroup(const formats::Operation& op, const formats::ConstBuffer& w,
                     const formats::Buffer& elements, const formats::Buffer& scales,
                     std::uint64_t group) {
  const formats::BlockGrid::Extent extent = op.scale_grid().ExtentOf(group);
  const Code scale = MxScale(op.block_format, op.rule, BlockMax(w, op.shape, extent));
  scales.Set(group, scale);
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const std::uint64_t index = MemoryIndex(op.shape, row, col);
      elements.Set(index, MxElement(op.block_format, scale, ToFloat32(op.from, w.Get(index))));
    }
  }
}

}  // namespace ulproof::reference
