// SPDX-License-Identifier: Apache-2.0
#include "fuzz/backends.h"

#include "cpu/backend_cpu.h"
#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "reference/backend_reference.h"
#include "reference/compare/judge.h"

namespace ulproof::fuzz {

using formats::Backend;
using formats::Case;
using formats::FormatSpec;
using formats::Operation;

Backend& Reference() {
  static const std::unique_ptr<Backend> backend = reference::MakeReferenceBackend();
  return *backend;
}

std::span<const std::unique_ptr<Backend>> CpuBackends() {
  static const std::vector<std::unique_ptr<Backend>> backends = cpu::MakeCpuBackends();
  return backends;
}

Backend& Simulator() {
  static const std::unique_ptr<Backend> backend = gpu::MakeKernelBackend(
      {.name = "simulator",
       .machine = gpu::MakeSimulatorMachine({.launch = {.single_threaded = true}})});
  return *backend;
}

FormatSpec ReadFormat(ByteReader& reader) {
  const std::uint64_t choice = reader.Below(256);
  if (choice < 240) return formats::kCatalogue[choice % formats::kCatalogue.size()].spec;
  FormatSpec spec;
  spec.exponent_bits = 1 + static_cast<int>(reader.Below(11));
  spec.trailing_bits = static_cast<int>(reader.Below(53));
  spec.bias = static_cast<int>(reader.Below(2048)) % (1 << spec.exponent_bits);
  spec.specials = static_cast<formats::Specials>(reader.Below(4));
  // Only what the contract allows: the parser of names knows.
  const auto parsed = formats::ParseFormat(formats::FormatName(spec));
  return parsed.ok() ? *parsed : formats::kFloat8E4m3fn;
}

formats::Rounding ReadRounding(ByteReader& reader, bool may_be_stochastic) {
  const std::uint64_t choice = reader.Below(may_be_stochastic ? 9 : 6);
  if (choice < 6) return formats::kDeterministicRoundings[choice];
  return {static_cast<formats::RoundingMode>(choice), 1 + static_cast<int>(reader.Below(32))};
}

formats::RandomKey ReadKey(ByteReader& reader) {
  return {.seed = reader.Word(), .stream = reader.Word(), .offset = reader.Word()};
}

formats::Shape ReadShape(ByteReader& reader, std::uint64_t max_rows, std::uint64_t max_cols) {
  formats::Shape shape = {.rows = 1 + reader.Below(max_rows), .cols = 1 + reader.Below(max_cols)};
  if (shape.rows > 1 && reader.OneIn(4)) shape.index_stride = shape.cols + reader.Byte();
  return shape;
}

Case ReadCase(const Operation& op, ByteReader& reader, std::uint64_t max_pattern) {
  Case c = formats::EmptyCase(op);
  for (formats::Tensor& tensor : c.inputs) {
    const formats::ElementType type = tensor.type();
    const formats::Code mask =
        type.kind == formats::ElementKind::kCode ? type.format.code_mask() : 0xFF;
    const std::uint64_t pattern = std::min(tensor.count(), 1 + reader.Below(max_pattern));
    for (std::uint64_t i = 0; i < tensor.count(); ++i) {
      tensor.Set(i, i < pattern ? reader.Number(type.bytes()) & mask : tensor.Get(i % pattern));
    }
  }
  return c;
}

void ExpectReferenceBits(const Case& c, Backend& subject) {
  if (!subject.why_unsupported(c.op).empty()) return;
  const auto compared = reference::Judge(Reference(), subject, c);
  const auto where = [&](const std::string& what) {
    return std::string(subject.name()) + ": " + what + "\n  ulproof replay '" +
           formats::CaseLine(c) + "'";
  };
  ULPROOF_CHECK(compared.ok(), where(compared.error().ToString()));
  ULPROOF_CHECK(compared->ok(), where(reference::MismatchText(*compared->first)));
}

void ExpectReferenceBits(const Case& c) {
  for (const auto& backend : CpuBackends()) ExpectReferenceBits(c, *backend);
  ExpectReferenceBits(c, Simulator());
}

}  // namespace ulproof::fuzz
