// SPDX-License-Identifier: Apache-2.0
// Casts of any codes between any two formats, in any mode and policy. Oracle: the reference and its
// second definition of rounding (a search among the codes) give the same, and every CPU target and
// the simulator give the reference's bits.
#include "fuzz/backends.h"
#include "gpu/kernels/registry.h"
#include "reference/ops/cast.h"
#include "reference/ops/round_by_search.h"

namespace ulproof::fuzz {
namespace {

using formats::Operation;
using formats::OpKind;

constexpr std::uint64_t kMaxElements = 300;

Operation ReadCast(ByteReader& reader) {
  Operation op = {.kind = OpKind::kCast};
  op.from = ReadFormat(reader);
  op.to = ReadFormat(reader);
  op.rounding = ReadRounding(reader, true);
  op.overflow = reader.Pick(formats::kOverflows);
  if (op.rounding.is_stochastic() && reader.OneIn(2)) {
    op.random = static_cast<std::uint32_t>(reader.Number(4) >> (32 - op.rounding.random_bits));
  }
  return op;
}

// The formats and modes of one of our kernels, so that the simulator is asked too.
Operation ReadKernelCast(ByteReader& reader) {
  const std::uint64_t wanted = reader.Below(256);
  std::vector<const gpu::Kernel*> casts;
  for (const gpu::Kernel& kernel : gpu::Kernels()) {
    if (kernel.prototype.kind == OpKind::kCast && !kernel.plain) casts.push_back(&kernel);
  }
  return casts[wanted % casts.size()]->prototype;
}

}  // namespace

ULPROOF_FUZZ_TARGET(cast) {
  ByteReader reader(data);
  Operation op = reader.OneIn(4) ? ReadKernelCast(reader) : ReadCast(reader);
  op.shape = ReadShape(reader, 3, kMaxElements / 3);
  const bool draws = op.rounding.is_stochastic() && !op.random;
  if (draws) {
    op.key = ReadKey(reader);
  } else {
    op.shape.index_stride = 0;  // Of no meaning without a key.
  }
  if (!formats::ValidateOperation(op).ok()) return;
  const formats::Case c = ReadCase(op, reader, kMaxElements);
  ExpectReferenceBits(c);
  if (draws) return;  // The random words are the business of the target `noise`.
  const std::uint32_t random = op.random.value_or(0);
  for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
    const formats::Code code = c.inputs[0].Get(i);
    const formats::Code rounded =
        reference::Cast(op.from, code, op.to, op.rounding, op.overflow, random);
    const formats::Code searched = reference::RoundBySearch(op.to, formats::Decode(op.from, code),
                                                            op.rounding, op.overflow, random)
                                       .code;
    ULPROOF_CHECK(rounded == searched, "the two roundings differ: " + formats::CaseLine(c));
  }
}

}  // namespace ulproof::fuzz
