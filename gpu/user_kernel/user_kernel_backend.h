// SPDX-License-Identifier: Apache-2.0
// A user's kernel on a machine as a backend, so that the suite, the judge, shrinking and replay
// work on it as on our own.
#ifndef ULPROOF_GPU_USER_KERNEL_USER_KERNEL_BACKEND_H_
#define ULPROOF_GPU_USER_KERNEL_USER_KERNEL_BACKEND_H_

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/backend.h"
#include "gpu/machine.h"
#include "gpu/user_kernel/user_kernel.h"

namespace ulproof::gpu {

// The code loaded on one machine, or on one machine in one order of blocks and warps.
struct UserKernelModule {
  std::string name;  // "in reverse order": completes "run ... the outputs differ".
  std::unique_ptr<LoadedModule> module;
  // Only operations of at most so many elements run on it.
  std::uint64_t max_elements = ~std::uint64_t{0};
};

struct UserKernelBackendOptions {
  std::string name;  // The backend's: "simulator", "device".
  std::shared_ptr<const UserKernel> kernel;
  // The first gives the outputs; the others must give the same bits, else the run is an error.
  std::vector<UserKernelModule> modules = {};
  // Computes what the kernel is given beside the operation's inputs (Derived). Outlives the
  // backend; not null if the kernel uses any.
  formats::Backend* truth = nullptr;
  // Not empty: the kernel cannot run here, and modules may be empty.
  std::string why_unavailable = {};
};

// Runs `launches` (UserKernel::EmptyLaunches) on buffers without elements, but for inputs of one
// value a tensor: the kernel may touch nothing else. Errors: the fault.
base::Status RunEmpty(const UserKernel& kernel, std::span<const KernelLaunch> launches,
                      LoadedModule& module);

std::unique_ptr<formats::Backend> MakeUserKernelBackend(UserKernelBackendOptions options);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_USER_KERNEL_USER_KERNEL_BACKEND_H_
