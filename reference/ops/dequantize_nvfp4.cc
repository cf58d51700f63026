// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/dequantize_nvfp4.h"

#include "base/check.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::reference {

using formats::Code;
using formats::Decoded;
using formats::ValueClass;

Code DequantizeNvfp4Element(const formats::Operation& op, Code element, Code scale,
                            Code tensor_scale) {
  ULPROOF_CHECK(!op.rounding.is_stochastic());
  const Decoded e = Decode(op.block_format.element, element);
  const Decoded d = Decode(op.block_format.scale, scale);
  const Decoded g = Decode(formats::kFloat32, tensor_scale);
  const bool negative = e.negative != (d.negative != g.negative);
  const bool zero_product =
      e.value_class == ValueClass::kZero || d.value_class == ValueClass::kZero;
  const bool zero_divisor = g.value_class == ValueClass::kZero;
  // Elements are always finite, and the scale's format has no infinity.
  if (d.value_class == ValueClass::kNan || g.value_class == ValueClass::kNan ||
      (zero_product && zero_divisor)) {
    return RoundSpecial(op.to, ValueClass::kNan, false, op.overflow);
  }
  if (zero_divisor) return RoundSpecial(op.to, ValueClass::kInfinity, negative, op.overflow);
  if (zero_product || g.value_class == ValueClass::kInfinity) {
    return RoundSpecial(op.to, ValueClass::kZero, negative, op.overflow);
  }
  const Dyadic product = Dyadic::FromDecoded(e) * Dyadic::FromDecoded(d);
  // Two bits more than any format has: see QuotientToOdd.
  const int bits = op.to.trailing_bits + 1 + 2;
  return RoundToFormat(op.to, QuotientToOdd(product, Dyadic::FromDecoded(g), bits), op.rounding,
                       op.overflow);
}

}  // namespace ulproof::reference
