// SPDX-License-Identifier: Apache-2.0
// The block-scaled formats, MX and NVFP4, both ways. Oracle: every CPU target and the simulator
// give the reference's bits in quantize and in dequantize, whose elements and scales may be any
// codes; and what MX once quantized and gave back, it gives back the second time unchanged.
#include "fuzz/backends.h"
#include "gpu/kernels/registry.h"

namespace ulproof::fuzz {
namespace {

using formats::BlockFormat;
using formats::Case;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

std::vector<Tensor> RunOnReference(const Case& c) {
  auto outputs = formats::RunCase(Reference(), c);
  ULPROOF_CHECK(outputs.ok(), outputs.error().ToString());
  return std::move(outputs).value();
}

Operation DequantizeOf(const Operation& quantize, const formats::FormatSpec& to) {
  Operation op = {.kind = OpKind::kDequantize, .to = to};
  op.block_format = quantize.block_format;
  op.square = quantize.square;
  op.shape = quantize.shape;
  return op;
}

bool AllFinite(const Tensor& tensor) {
  for (std::uint64_t i = 0; i < tensor.count(); ++i) {
    if (!tensor.type().format.IsFinite(tensor.Get(i))) return false;
  }
  return true;
}

// The rule chooses a scale by the group's maximum. What comes back has a maximum for which the rule
// chooses that scale again, or (at a power of two) one that holds the same values, so nothing
// moves. Not so beyond binary32, where rounding up overflows, and not for NVFP4, whose scales are
// rounded themselves.
void ExpectSecondTimeUnchanged(const Case& quantize, const std::vector<Tensor>& quantized) {
  if (quantize.op.block_format.has_tensor_scale) return;
  const Operation back = DequantizeOf(quantize.op, formats::kFloat32);
  const Tensor once = RunOnReference({back, quantized}).front();
  if (!AllFinite(once)) return;
  Operation again = quantize.op;
  again.from = formats::kFloat32;
  const Tensor twice = RunOnReference({back, RunOnReference({again, {once}})}).front();
  ULPROOF_CHECK(once == twice, "quantized twice: " + formats::CaseLine(quantize));
}

}  // namespace

ULPROOF_FUZZ_TARGET(block_quantize) {
  ByteReader reader(data);
  Operation op = {.kind = OpKind::kQuantize};
  op.block_format = reader.Pick(formats::kBlockFormats);
  const std::uint8_t flags = reader.Byte();
  op.square = (flags & 1) != 0;
  if (!op.block_format.has_tensor_scale) op.rule = formats::kScaleRules[flags >> 1 & 3];
  static constexpr auto kSources =
      std::to_array({formats::kFloat32, formats::kBfloat16, formats::kFloat16});
  op.from = kSources[(flags >> 3) % kSources.size()];
  op.shape = ReadShape(reader, op.square ? 36 : 6, 100);
  op.shape.index_stride = 0;
  const bool starts_from_codes = reader.OneIn(3);
  if (starts_from_codes) {
    Operation back = DequantizeOf(op, ReadFormat(reader));
    back.rounding = ReadRounding(reader, false);
    back.overflow = reader.Pick(formats::kOverflows);
    if (!formats::ValidateOperation(back).ok()) return;
    ExpectReferenceBits(ReadCase(back, reader, 64));
    return;
  }
  if (!formats::ValidateOperation(op).ok()) return;
  const Case quantize = ReadCase(op, reader, 64);
  ExpectReferenceBits(quantize);
  const std::vector<Tensor> quantized = RunOnReference(quantize);
  ExpectReferenceBits({DequantizeOf(op, formats::kBfloat16), quantized});
  ExpectSecondTimeUnchanged(quantize, quantized);
}

}  // namespace ulproof::fuzz
