// SPDX-License-Identifier: Apache-2.0
// Our own kernels (gpu/kernels) as a backend, on any machine that runs PTX: "simulator" everywhere,
// "device" where there is a GPU.
#ifndef ULPROOF_GPU_KERNEL_BACKEND_H_
#define ULPROOF_GPU_KERNEL_BACKEND_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "formats/backend.h"
#include "gpu/kernels/registry.h"
#include "gpu/machine.h"

namespace ulproof::gpu {

struct KernelBackendOptions {
  std::string name;  // The backend's.
  std::shared_ptr<Machine> machine;
  std::string arch = "sm_80";  // Which golden PTX.
  bool plain = false;          // Version 1 of each kernel instead of the optimised one.
  // The PTX of a module, instead of the golden one: a mutant's, a fresh build's. The text must live
  // as long as the backend.
  std::function<std::string_view(std::string_view module)> module_text = {};
};

// Supports the operations that have a kernel. Modules are loaded on first use.
std::unique_ptr<formats::Backend> MakeKernelBackend(KernelBackendOptions options);

// The launches of `kernel` for one operation. Buffers are numbered inputs first, then outputs, then
// scratch words. Precondition: the kernel matches the operation (FindKernel).
std::vector<KernelLaunch> ResolveLaunches(const Kernel& kernel, const formats::Operation& op);

// The operation's buffers in that numbering. `inputs` and `outputs` are as for Backend::Run.
std::vector<KernelBuffer> KernelBuffers(const formats::Operation& op,
                                        std::span<const formats::ConstBuffer> inputs,
                                        std::span<const formats::Buffer> outputs);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNEL_BACKEND_H_
