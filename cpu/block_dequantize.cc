// SPDX-License-Identifier: Apache-2.0
// Dequantisation by table: an output depends only on the element's code, the scale's code and, for
// NVFP4, the one tensor scale. So each pair that can occur is rounded once, exactly and for any
// target format, and the rest is looking up. The same for every instruction set.
#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/block_quantize_kernels.h"
#include "cpu/round_scalar.h"

namespace ulproof::cpu {
namespace {

using formats::BlockFormat;
using formats::Buffer;
using formats::Code;
using formats::ConstBuffer;
using formats::Decoded;
using formats::Operation;
using formats::ValueClass;

constexpr std::size_t kScaleCodes = 256;
constexpr std::uint64_t kParallelGrain = std::uint64_t{1} << 16;

// A two's complement byte counts 2^-6.
Decoded DecodeInt8(Code byte) {
  const bool negative = byte >= 0x80;
  const std::uint64_t magnitude = negative ? 0x100 - byte : byte;
  return {magnitude == 0 ? ValueClass::kZero : ValueClass::kNormal, negative, magnitude, -6};
}

Decoded DecodeElement(const BlockFormat& format, Code code) {
  return format.is_int8 ? DecodeInt8(code) : Decode(format.element, code);
}

bool IsNan(const Decoded& x) { return x.value_class == ValueClass::kNan; }
bool IsFiniteNumber(const Decoded& x) {
  return x.value_class == ValueClass::kSubnormal || x.value_class == ValueClass::kNormal;
}

// Exact. `scale` is finite or NaN; zero times finite keeps the sign of the product.
Decoded Product(const Decoded& element, const Decoded& scale) {
  const bool negative = element.negative != scale.negative;
  if (IsNan(element) || IsNan(scale)) return {ValueClass::kNan, false, 0, 0};
  if (element.value_class == ValueClass::kInfinity) {
    return {ValueClass::kInfinity, negative, 0, 0};
  }
  if (!IsFiniteNumber(element) || !IsFiniteNumber(scale)) {
    return {ValueClass::kZero, negative, 0, 0};
  }
  return {ValueClass::kNormal, negative, element.significand * scale.significand,
          element.exponent + scale.exponent};
}

// x / divisor, finite quotients to at least 56 bits with the last one set where inexact: rounding
// that once more to at most 53 bits gives the one rounding of the quotient, in every mode.
// Preconditions: x has at most 8 significant bits and the divisor 24.
Decoded Quotient(const Decoded& x, const Decoded& divisor) {
  const bool negative = x.negative != divisor.negative;
  if (IsNan(x) || IsNan(divisor)) return {ValueClass::kNan, false, 0, 0};
  if (divisor.value_class == ValueClass::kZero) {
    const bool undefined = x.value_class == ValueClass::kZero;
    return {undefined ? ValueClass::kNan : ValueClass::kInfinity, !undefined && negative, 0, 0};
  }
  if (x.value_class == ValueClass::kZero || divisor.value_class == ValueClass::kInfinity) {
    return {ValueClass::kZero, negative, 0, 0};
  }
  // Both scaled to fixed widths, then two steps of long division by 32 bits.
  const int x_up = 8 - static_cast<int>(std::bit_width(x.significand));
  const int divisor_up = 24 - static_cast<int>(std::bit_width(divisor.significand));
  const std::uint64_t numerator = x.significand << x_up << 40;
  const std::uint64_t denominator = divisor.significand << divisor_up;
  const std::uint64_t high = numerator / denominator;
  const std::uint64_t rest = (numerator % denominator) << 32;
  const std::uint64_t low = rest / denominator;
  const bool inexact = rest % denominator != 0;
  return {ValueClass::kNormal, negative, high << 32 | low | (inexact ? 1 : 0),
          x.exponent - x_up - 72 - divisor.exponent + divisor_up};
}

// The output codes of all elements, one row a scale code that occurs.
class Table {
 public:
  Table(const Operation& op, const ConstBuffer& scales, const Decoded& tensor_scale)
      : element_codes_(std::size_t{1} << op.block_format.element_bits) {
    const auto* const codes = scales.As<std::uint8_t>();
    for (std::uint64_t i = 0; i < scales.count; ++i) {
      std::unique_ptr<Code[]>& row = rows_[codes[i]];
      if (row == nullptr) row = MakeRow(op, codes[i], tensor_scale);
    }
  }

  const Code* Row(std::uint8_t scale) const { return rows_[scale].get(); }

 private:
  std::unique_ptr<Code[]> MakeRow(const Operation& op, Code scale_code,
                                  const Decoded& tensor_scale) const {
    const BlockFormat& format = op.block_format;
    const Decoded scale = Decode(format.scale, scale_code);
    auto row = std::make_unique<Code[]>(element_codes_);
    for (Code code = 0; code < element_codes_; ++code) {
      Decoded x = Product(DecodeElement(format, code), scale);
      if (format.has_tensor_scale) x = Quotient(x, tensor_scale);
      row[code] = RoundScalar(op.to, x, op.rounding, op.overflow);
    }
    return row;
  }

  std::size_t element_codes_;
  std::array<std::unique_ptr<Code[]>, kScaleCodes> rows_;
};

template <typename Output>
void LookUp(const Operation& op, const Table& table, const ConstBuffer& elements,
            const ConstBuffer& scales, const Buffer& y) {
  const formats::BlockGrid grid = op.scale_grid();
  const auto* const codes = static_cast<const std::uint8_t*>(elements.data);
  const auto* const scale_codes = scales.As<std::uint8_t>();
  Output* const out = y.As<Output>();
  base::ParallelFor(op.shape.count(), kParallelGrain, [&](std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
      const std::uint64_t row = begin / op.shape.cols;
      const std::uint64_t col = begin % op.shape.cols;
      const std::uint64_t group = col / grid.block.cols;
      const std::uint64_t group_end = std::min((group + 1) * grid.block.cols, op.shape.cols);
      const std::uint64_t stop = std::min(end, begin - col + group_end);
      const Code* const values =
          table.Row(scale_codes[row / grid.block.rows * grid.cols() + group]);
      for (; begin < stop; ++begin) out[begin] = static_cast<Output>(values[codes[begin]]);
    }
  });
}

}  // namespace

std::string WhyDequantizeUnsupported(const Operation& op) {
  const BlockFormat& format = op.block_format;
  if (std::find(formats::kBlockFormats.begin(), formats::kBlockFormats.end(), format) ==
      formats::kBlockFormats.end()) {
    return "the tables are made for the seven public block formats only";
  }
  return {};
}

void RunDequantize(Target /*target*/, const Operation& op, std::span<const ConstBuffer> inputs,
                   std::span<const Buffer> outputs) {
  ULPROOF_CHECK(WhyDequantizeUnsupported(op).empty(), WhyDequantizeUnsupported(op));
  const ConstBuffer& elements = inputs[0];
  const ConstBuffer& scales = inputs[1];
  const Buffer& y = outputs[0];
  const Decoded tensor_scale = op.block_format.has_tensor_scale
                                   ? Decode(formats::kFloat32, inputs[2].Get(0))
                                   : Decoded{ValueClass::kNormal, false, 1, 0};
  const Table table(op, scales, tensor_scale);
  switch (op.to.storage_bytes()) {
    case 1:
      return LookUp<std::uint8_t>(op, table, elements, scales, y);
    case 2:
      return LookUp<std::uint16_t>(op, table, elements, scales, y);
    case 4:
      return LookUp<std::uint32_t>(op, table, elements, scales, y);
    default:
      return LookUp<std::uint64_t>(op, table, elements, scales, y);
  }
}

}  // namespace ulproof::cpu
