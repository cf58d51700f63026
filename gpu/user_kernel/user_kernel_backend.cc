// SPDX-License-Identifier: Apache-2.0
#include "gpu/user_kernel/user_kernel_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "formats/case.h"

namespace ulproof::gpu {
namespace {

using base::Result;
using base::Status;
using formats::Buffer;
using formats::Case;
using formats::ConstBuffer;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;
using Bytes = std::vector<std::uint8_t>;

std::uint64_t ByteCount(const ConstBuffer& buffer) {
  return buffer.count * static_cast<std::uint64_t>(buffer.type.bytes());
}

int NibbleShift(std::uint64_t element, Layout layout) {
  return (element % 2 == 0) == (layout == Layout::kPackedLowFirst) ? 0 : 4;
}

Bytes Pack(const ConstBuffer& codes, Layout layout) {
  Bytes packed((codes.count + 1) / 2);
  for (std::uint64_t i = 0; i < codes.count; ++i) {
    packed[i / 2] |= static_cast<std::uint8_t>(codes.Get(i) << NibbleShift(i, layout));
  }
  return packed;
}

void Unpack(const Bytes& packed, Layout layout, const Buffer& codes) {
  for (std::uint64_t i = 0; i < codes.count; ++i) {
    codes.Set(i, packed[i / 2] >> NibbleShift(i, layout) & 15u);
  }
}

void CanonicaliseNans(const Buffer& codes) {
  const formats::FormatSpec& format = codes.type.format;
  if (codes.type.kind != formats::ElementKind::kCode) return;
  for (std::uint64_t i = 0; i < codes.count; ++i) {
    if (format.IsNan(codes.Get(i))) codes.Set(i, format.canonical_nan_code());
  }
}

Tensor Copy(const ConstBuffer& buffer) {
  Tensor tensor(buffer.type, buffer.count);
  for (std::uint64_t i = 0; i < buffer.count; ++i) tensor.Set(i, buffer.Get(i));
  return tensor;
}

class UserKernelBackend : public formats::Backend {
 public:
  explicit UserKernelBackend(UserKernelBackendOptions options) : options_(std::move(options)) {
    ULPROOF_CHECK(options_.kernel != nullptr);
    ULPROOF_CHECK(!options_.modules.empty() || !options_.why_unavailable.empty());
  }

  std::string_view name() const override { return options_.name; }
  std::string why_unavailable() const override { return options_.why_unavailable; }
  std::string why_unsupported(const Operation& op) const override {
    return options_.kernel->why_unsupported(op);
  }

  Status Run(const Operation& op, std::span<const ConstBuffer> inputs,
             std::span<const Buffer> outputs) override {
    const auto launches = options_.kernel->Launches(op, inputs);
    if (!launches.ok()) return launches.error();
    auto derived = DerivedInputs(op, inputs);
    if (!derived.ok()) return derived.error();
    const UserKernelModule& first = options_.modules.front();
    Status status = RunOn(*first.module, op, *launches, inputs, *derived, outputs);
    if (!status.ok()) return status;
    for (std::size_t m = 1; m < options_.modules.size(); ++m) {
      const UserKernelModule& other = options_.modules[m];
      if (op.shape.count() > other.max_elements) continue;
      status = RunAgain(other, op, *launches, inputs, *derived, outputs);
      if (!status.ok()) return status;
    }
    return base::Done{};
  }

 private:
  using DerivedTensors = std::array<std::optional<Tensor>, kDerivedNames.size()>;

  Status RunOn(LoadedModule& module, const Operation& op, std::span<const KernelLaunch> launches,
               std::span<const ConstBuffer> inputs, const DerivedTensors& derived,
               std::span<const Buffer> outputs) const {
    const Manifest& manifest = options_.kernel->manifest();
    const formats::Signature signature = formats::SignatureOf(op);
    std::vector<KernelBuffer> buffers;
    std::vector<Bytes> packed_inputs(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      KernelBuffer& buffer = buffers.emplace_back();
      buffer.name = signature.inputs[i].name;
      buffer.input = {static_cast<const std::uint8_t*>(inputs[i].data), ByteCount(inputs[i])};
      if (manifest.input_layouts[i] == Layout::kOneAByte) continue;
      packed_inputs[i] = Pack(inputs[i], manifest.input_layouts[i]);
      buffer.input = packed_inputs[i];
    }
    std::vector<Bytes> packed_outputs(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      KernelBuffer& buffer = buffers.emplace_back();
      buffer.name = signature.outputs[i].name;
      buffer.output = {static_cast<std::uint8_t*>(outputs[i].data), ByteCount(outputs[i])};
      if (manifest.output_layouts[i] == Layout::kOneAByte) continue;
      packed_outputs[i].resize((outputs[i].count + 1) / 2);
      buffer.output = packed_outputs[i];
    }
    for (std::size_t i = 0; i < derived.size(); ++i) {
      KernelBuffer& buffer = buffers.emplace_back();
      buffer.name = kDerivedNames[i];
      if (!derived[i]) continue;
      const ConstBuffer view = derived[i]->view();
      buffer.input = {static_cast<const std::uint8_t*>(view.data), ByteCount(view)};
    }
    for (std::size_t i = 0; i < manifest.scratch.size(); ++i) {
      const auto bytes = options_.kernel->ScratchBytes(op, i);
      if (!bytes.ok()) return bytes.error();
      buffers.push_back({.name = manifest.scratch[i].name, .scratch_bytes = *bytes});
    }
    if (Status status = module.Run(launches, buffers); !status.ok()) return status;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!packed_outputs[i].empty()) {
        Unpack(packed_outputs[i], manifest.output_layouts[i], outputs[i]);
      }
      if (manifest.any_nan && signature.outputs[i].canonical_nan) CanonicaliseNans(outputs[i]);
    }
    return base::Done{};
  }

  // Once more on another module; the outputs must not differ.
  Status RunAgain(const UserKernelModule& other, const Operation& op,
                  std::span<const KernelLaunch> launches, std::span<const ConstBuffer> inputs,
                  const DerivedTensors& derived, std::span<const Buffer> expected) const {
    std::vector<Tensor> tensors;
    for (const Buffer& output : expected) tensors.emplace_back(output.type, output.count);
    std::vector<Buffer> outputs;
    for (Tensor& tensor : tensors) outputs.push_back(tensor.view());
    Status status = RunOn(*other.module, op, launches, inputs, derived, outputs);
    if (!status.ok()) {
      base::Error error = status.error();
      error.message += fmt::format(" ({})", other.name);
      return error;
    }
    const formats::Signature signature = formats::SignatureOf(op);
    for (std::size_t p = 0; p < expected.size(); ++p) {
      for (std::uint64_t i = 0; i < expected[p].count; ++i) {
        if (expected[p].Get(i) == tensors[p].Get(i)) continue;
        return base::UsageError(fmt::format(
            "{}[{}] is {:x}, and {:x} {}: the result depends on the order of execution",
            signature.outputs[p].name, i, expected[p].Get(i), tensors[p].Get(i), other.name));
      }
    }
    return base::Done{};
  }

  // What the reference computes for the kernel to start from.
  Result<DerivedTensors> DerivedInputs(const Operation& op,
                                       std::span<const ConstBuffer> inputs) const {
    DerivedTensors tensors;
    const auto uses = [&](Derived derived) { return options_.kernel->UsesDerived(derived); };
    const auto run = [&](Derived derived, const Operation& what,
                         std::vector<Tensor> from) -> Status {
      auto result = formats::RunCase(*options_.truth, Case{what, std::move(from)});
      if (!result.ok()) return result.error();
      tensors[static_cast<std::size_t>(derived)] = std::move(result->front());
      return base::Done{};
    };
    Status status = base::Done{};
    if (uses(Derived::kNoise)) {
      Operation noise = {.kind = OpKind::kNoise, .law = op.law, .shape = op.shape, .key = op.key};
      status = run(Derived::kNoise, noise, {});
    }
    if (status.ok() && (uses(Derived::kMax) || uses(Derived::kScale))) {
      Operation max = {
          .kind = OpKind::kBlockMax, .from = op.from, .block = op.block, .shape = op.shape};
      status = run(Derived::kMax, max, {Copy(inputs[0])});
    }
    if (status.ok() && uses(Derived::kScale)) {
      Operation scale = {
          .kind = OpKind::kScale, .pow2 = op.pow2, .bits_per_block = op.bits_per_block};
      scale.shape = {.rows = 1, .cols = op.grid().count()};
      status = run(Derived::kScale, scale, {*tensors[1], Copy(inputs[1])});
    }
    if (!status.ok()) return status.error();
    return tensors;
  }

  const UserKernelBackendOptions options_;
};

}  // namespace

Status RunEmpty(const UserKernel& kernel, std::span<const KernelLaunch> launches,
                LoadedModule& module) {
  const formats::Signature signature = formats::SignatureOf(kernel.prototype());
  const std::array<std::uint8_t, 8> zeros = {};
  std::vector<KernelBuffer> buffers;
  for (const formats::Port& port : signature.inputs) {
    KernelBuffer& buffer = buffers.emplace_back();
    buffer.name = port.name;
    const bool is_single =
        port.name == "bits" || port.name == "clip" || port.name == "tensor_scale";
    if (is_single) buffer.input = std::span(zeros).first(sizeof(float));
  }
  for (const formats::Port& port : signature.outputs) {
    buffers.push_back({.name = std::string(port.name)});
  }
  for (const std::string_view name : kDerivedNames) buffers.push_back({.name = std::string(name)});
  for (const ManifestScratch& scratch : kernel.manifest().scratch) {
    buffers.push_back({.name = scratch.name, .scratch_bytes = sizeof(float)});
  }
  return module.Run(launches, buffers);
}

std::unique_ptr<formats::Backend> MakeUserKernelBackend(UserKernelBackendOptions options) {
  return std::make_unique<UserKernelBackend>(std::move(options));
}

}  // namespace ulproof::gpu
