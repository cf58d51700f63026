// SPDX-License-Identifier: Apache-2.0
// The whole sample, with any shape, block, bitwidth, law and output format. Oracle: every CPU
// target and the simulator give the reference's bits. Blocks' maxima, scales and gradients of the
// same shape are asked on the way.
#include "fuzz/backends.h"
#include "gpu/kernels/registry.h"

namespace ulproof::fuzz {
namespace {

using formats::Operation;
using formats::OpKind;

constexpr std::uint64_t kMaxPattern = 48;

// One of the operations that work on blocks, with formats of our kernels or with any.
Operation ReadBlockOperation(ByteReader& reader) {
  static constexpr auto kKinds = std::to_array<OpKind>(
      {OpKind::kSample, OpKind::kSample, OpKind::kSample, OpKind::kSample, OpKind::kSample,
       OpKind::kBlockMax, OpKind::kScale, OpKind::kBackward});
  Operation op = {.kind = reader.Pick(kKinds)};
  if (reader.OneIn(4)) {
    const std::uint64_t wanted = reader.Below(256);
    std::vector<const gpu::Kernel*> kernels;
    for (const gpu::Kernel& kernel : gpu::Kernels()) {
      if (kernel.prototype.kind == op.kind && !kernel.plain) kernels.push_back(&kernel);
    }
    if (!kernels.empty()) return kernels[wanted % kernels.size()]->prototype;
  }
  static constexpr auto kSources =
      std::to_array({formats::kFloat32, formats::kBfloat16, formats::kFloat16});
  if (op.kind != OpKind::kScale) op.from = reader.Pick(kSources);
  if (op.kind == OpKind::kSample) {
    op.to = ReadFormat(reader);
    op.rounding = ReadRounding(reader, true);
    op.overflow = reader.Pick(formats::kOverflows);
  }
  if (op.kind == OpKind::kSample || op.kind == OpKind::kBackward) {
    op.law = reader.Pick(formats::kNoiseLaws);
  }
  if (op.kind != OpKind::kScale) {
    op.block = {.rows = static_cast<std::uint32_t>(1 + reader.Below(40)),
                .cols = static_cast<std::uint32_t>(1 + reader.Below(70))};
  }
  return op;
}

}  // namespace

ULPROOF_FUZZ_TARGET(sample) {
  ByteReader reader(data);
  Operation op = ReadBlockOperation(reader);
  op.shape = ReadShape(reader, 36, 70);
  if (op.kind == OpKind::kSample || op.kind == OpKind::kBackward) {
    op.key = ReadKey(reader);
  } else {
    op.shape.index_stride = 0;
  }
  if (op.kind == OpKind::kSample || op.kind == OpKind::kScale) {
    const std::uint8_t flags = reader.Byte();
    op.pow2 = (flags & 1) != 0;
    op.bits_per_block = (flags & 2) != 0;
  }
  if (!formats::ValidateOperation(op).ok()) return;
  ExpectReferenceBits(ReadCase(op, reader, kMaxPattern));
}

}  // namespace ulproof::fuzz
