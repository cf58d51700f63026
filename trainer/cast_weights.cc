// SPDX-License-Identifier: Apache-2.0
#include "trainer/cast_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "formats/codec.h"
#include "trainer/gemm.h"
#include "trainer/run_operation.h"

namespace ulproof::trainer {
namespace {

using formats::Operation;
using formats::OpKind;

float LargestFinite(const formats::FormatSpec& format) {
  const formats::Decoded largest = Decode(format, format.max_finite_code());
  return std::ldexp(static_cast<float>(largest.significand), largest.exponent);
}

base::Status CastToFormat(formats::Backend& backend, const formats::FormatSpec& format,
                          std::span<const float> weights, std::span<std::uint16_t> codes) {
  float largest = 0;
  for (const float w : weights) largest = std::max(largest, std::abs(w));
  int power = 0;
  if (largest > 0 && std::isfinite(largest)) {
    const float limit = LargestFinite(format);
    power = std::ilogb(limit) - std::ilogb(largest);
    if (std::ldexp(largest, power) > limit) --power;
  }
  std::vector<float> scaled(weights.size());
  for (std::size_t i = 0; i < scaled.size(); ++i) scaled[i] = std::ldexp(weights[i], power);
  formats::Tensor narrow(formats::ElementType::CodeOf(format), weights.size());
  const formats::Shape shape = {.rows = 1, .cols = weights.size()};
  Operation to = {.kind = OpKind::kCast, .to = format, .shape = shape};
  to.overflow = formats::Overflow::kSaturate;
  if (auto ran = RunOperation(backend, to, {scaled.data()}, {narrow.view().data}); !ran.ok())
    return ran;
  // Back by the exact meaning of each code: no rounding, so no backend's business.
  std::vector<float> values(format.code_mask() + 1);
  for (formats::Code code = 0; code < values.size(); ++code) {
    const formats::Decoded d = Decode(format, code);
    const float magnitude = std::ldexp(static_cast<float>(d.significand), d.exponent - power);
    values[code] = d.value_class >= formats::ValueClass::kInfinity ? NAN
                   : d.negative                                    ? -magnitude
                                                                   : magnitude;
  }
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = ToBfloat16(values[narrow.Get(i)]);
  return base::Done{};
}

base::Status CastToBlocks(formats::Backend& backend, const formats::BlockFormat& format,
                          const formats::Shape& shape, std::span<const float> weights,
                          std::span<std::uint16_t> codes) {
  const Operation quantize = {.kind = OpKind::kQuantize, .block_format = format, .shape = shape};
  Operation dequantize = quantize;
  dequantize.kind = OpKind::kDequantize;
  const formats::Signature signature = SignatureOf(quantize);
  formats::Tensor elements(signature.outputs[0].type, signature.outputs[0].count);
  formats::Tensor scales(signature.outputs[1].type, signature.outputs[1].count);
  float tensor_scale = 0;
  void *e = elements.view().data, *s = scales.view().data;
  if (format.has_tensor_scale) {
    auto ran = RunOperation(backend, quantize, {weights.data()}, {e, s, &tensor_scale});
    if (!ran.ok()) return ran;
    return RunOperation(backend, dequantize, {e, s, &tensor_scale}, {codes.data()});
  }
  if (auto ran = RunOperation(backend, quantize, {weights.data()}, {e, s}); !ran.ok()) return ran;
  return RunOperation(backend, dequantize, {e, s}, {codes.data()});
}

}  // namespace

std::string CastTarget::name() const {
  return format ? formats::FormatName(*format) : std::string(block_format->name);
}

base::Result<CastTarget> ParseCastTarget(std::string_view name) {
  CastTarget target;
  if (const auto block = formats::ParseBlockFormat(name); block.ok()) {
    target.block_format = *block;
    return target;
  }
  const auto format = formats::ParseFormat(name);
  if (!format.ok()) return format.error();
  if (!format->is_signed || format->trailing_bits > formats::kBfloat16.trailing_bits ||
      format->exponent_bits > formats::kBfloat16.exponent_bits) {
    return base::UsageError(fmt::format(
        "weights cannot be cast to {}: bfloat16 must hold its values, with a sign", name));
  }
  target.format = *format;
  return target;
}

base::Status CastWeights(formats::Backend& backend, const CastTarget& target, std::size_t rows,
                         std::size_t cols, std::span<const float> weights,
                         std::span<std::uint16_t> codes) {
  if (target.format) return CastToFormat(backend, *target.format, weights, codes);
  return CastToBlocks(backend, *target.block_format, {.rows = rows, .cols = cols}, weights, codes);
}

base::Status RoundToSteps(formats::Backend& backend, const formats::BlockShape& block,
                          std::span<const float> bits, std::size_t rows, std::size_t cols,
                          std::span<const float> weights, std::span<std::uint16_t> codes) {
  const Operation max_op = {
      .kind = OpKind::kBlockMax, .block = block, .shape = {.rows = rows, .cols = cols}};
  const formats::BlockGrid grid = max_op.grid();
  std::vector<float> maxima(grid.count()), scales(grid.count()), whole(bits.begin(), bits.end());
  for (float& b : whole) b = std::ceil(b);
  if (auto ran = RunOperation(backend, max_op, {weights.data()}, {maxima.data()}); !ran.ok())
    return ran;
  const Operation scale_op = {
      .kind = OpKind::kScale, .bits_per_block = true, .shape = {.rows = 1, .cols = grid.count()}};
  if (auto ran = RunOperation(backend, scale_op, {maxima.data(), whole.data()}, {scales.data()});
      !ran.ok()) {
    return ran;
  }
  for (std::uint64_t index = 0; index < grid.count(); ++index) {
    const auto extent = grid.ExtentOf(index);
    const float s = scales[index];
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const float w = weights[row * cols + col];
        codes[row * cols + col] = ToBfloat16(s > 0 ? s * std::rint(w / s) : w);
      }
    }
  }
  return base::Done{};
}

}  // namespace ulproof::trainer
