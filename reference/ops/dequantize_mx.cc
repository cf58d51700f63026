// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/dequantize_mx.h"

#include "reference/ops/round_to_format.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::kFloat8E8m0fnu;
using formats::ValueClass;

// A two's complement byte with 6 fraction bits.
Decoded DecodeInt8(Code byte) {
  const bool negative = byte >= 0x80;
  const std::uint64_t magnitude = negative ? 0x100 - byte : byte;
  return {magnitude == 0 ? ValueClass::kZero : ValueClass::kNormal, negative, magnitude, -6};
}

}  // namespace

Code DequantizeMxElement(const formats::Operation& op, Code element, Code scale) {
  const formats::BlockFormat& format = op.block_format;
  Decoded value = format.is_int8 ? DecodeInt8(element) : Decode(format.element, element);
  const Decoded x = Decode(kFloat8E8m0fnu, scale);
  if (x.value_class == ValueClass::kNan) {
    value = x;
  } else {
    value.exponent += x.exponent;
  }
  return RoundToFormat(op.to, value, op.rounding, op.overflow);
}

}  // namespace ulproof::reference
