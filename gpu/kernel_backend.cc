// SPDX-License-Identifier: Apache-2.0
#include "gpu/kernel_backend.h"

#include <limits>
#include <map>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "gpu/golden/golden.h"

namespace ulproof::gpu {
namespace {

using formats::Buffer;
using formats::ConstBuffer;
using formats::Operation;

constexpr std::uint64_t kMaxGrid = std::numeric_limits<std::int32_t>::max();

class KernelBackend : public formats::Backend {
 public:
  explicit KernelBackend(KernelBackendOptions options) : options_(std::move(options)) {
    ULPROOF_CHECK(options_.machine != nullptr);
  }

  std::string_view name() const override { return options_.name; }
  std::string why_unavailable() const override { return options_.machine->why_unavailable(); }

  std::string why_unsupported(const Operation& op) const override {
    const Kernel* const kernel = FindKernel(op, options_.plain);
    if (kernel == nullptr) return "no CUDA kernel";
    for (const Launch& launch : kernel->launches) {
      if (GridSize(launch, op) > kMaxGrid) return "more thread blocks than a grid has";
    }
    return {};
  }

  base::Status Run(const Operation& op, std::span<const ConstBuffer> inputs,
                   std::span<const Buffer> outputs) override {
    const Kernel* const kernel = FindKernel(op, options_.plain);
    ULPROOF_CHECK(kernel != nullptr, "unsupported: " + OperationName(op));
    const base::Result<LoadedModule*> module = Module(kernel->module);
    if (!module.ok()) return module.error();
    return (*module)->Run(ResolveLaunches(*kernel, op), KernelBuffers(op, inputs, outputs));
  }

 private:
  base::Result<LoadedModule*> Module(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto known = modules_.find(name);
    if (known != modules_.end()) return known->second.get();
    const std::string_view text =
        options_.module_text ? options_.module_text(name) : GoldenPtx(options_.arch, name);
    if (text.empty()) {
      return base::EnvironmentError("no PTX of module " + name + " for " + options_.arch);
    }
    base::Result<std::unique_ptr<LoadedModule>> module =
        options_.machine->Load(text, options_.arch + "/" + name + ".ptx");
    if (!module.ok()) return module.error();
    return modules_.emplace(name, std::move(*module)).first->second.get();
  }

  const KernelBackendOptions options_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<LoadedModule>> modules_;
};

}  // namespace

std::unique_ptr<formats::Backend> MakeKernelBackend(KernelBackendOptions options) {
  return std::make_unique<KernelBackend>(std::move(options));
}

std::vector<KernelLaunch> ResolveLaunches(const Kernel& kernel, const Operation& op) {
  const formats::Signature signature = formats::SignatureOf(op);
  const int inputs = static_cast<int>(signature.inputs.size());
  const int outputs = static_cast<int>(signature.outputs.size());
  std::vector<KernelLaunch> resolved;
  for (const Launch& launch : kernel.launches) {
    KernelLaunch& one = resolved.emplace_back();
    one.entry = launch.entry;
    one.grid[0] = static_cast<std::uint32_t>(GridSize(launch, op));
    one.block[0] = launch.threads_a_block;
    for (const Argument& argument : launch.arguments) {
      switch (argument.role) {
        case ArgumentRole::kInput:
          one.arguments.push_back(LaunchArgument::Address(argument.index));
          break;
        case ArgumentRole::kOutput:
          one.arguments.push_back(LaunchArgument::Address(inputs + argument.index));
          break;
        case ArgumentRole::kScratch:
          one.arguments.push_back(LaunchArgument::Address(inputs + outputs + argument.index));
          break;
        default:
          one.arguments.push_back(LaunchArgument::Scalar(ScalarArgument(argument.role, op),
                                                         ArgumentBytes(argument.role)));
      }
    }
  }
  return resolved;
}

std::vector<KernelBuffer> KernelBuffers(const Operation& op, std::span<const ConstBuffer> inputs,
                                        std::span<const Buffer> outputs) {
  const formats::Signature signature = formats::SignatureOf(op);
  const auto bytes = [](const ConstBuffer& buffer) {
    return buffer.count * static_cast<std::uint64_t>(buffer.type.bytes());
  };
  std::vector<KernelBuffer> buffers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    buffers.push_back(
        {.name = std::string(signature.inputs[i].name),
         .input = {static_cast<const std::uint8_t*>(inputs[i].data), bytes(inputs[i])}});
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    buffers.push_back({.name = std::string(signature.outputs[i].name),
                       .output = {static_cast<std::uint8_t*>(outputs[i].data), bytes(outputs[i])}});
  }
  buffers.push_back({.name = "scratch", .scratch_bytes = sizeof(std::uint32_t)});
  return buffers;
}

}  // namespace ulproof::gpu
