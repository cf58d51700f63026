// SPDX-License-Identifier: Apache-2.0
// The machine that is always there: the PTX simulator. Inputs are read-only, buffers stand apart
// with unmapped space between them, and outputs remember which bytes were written, so a kernel that
// strays is reported instead of believed.
#ifndef ULPROOF_GPU_SIMULATOR_MACHINE_H_
#define ULPROOF_GPU_SIMULATOR_MACHINE_H_

#include <functional>
#include <memory>

#include "gpu/machine.h"
#include "gpu/ptx/launch.h"

namespace ulproof::gpu {

struct SimulatorOptions {
  ptx::LaunchOptions launch = {};
  // Compile each kernel on first use (gpu/ptx/compiled): seconds once, then several times faster.
  bool compiled = false;
  // Report races on shared memory as faults (with launch.check_races).
  bool races_are_faults = true;
  // Sees the report of every launch that ended well; may be called from several threads at once.
  std::function<void(const KernelLaunch&, const ptx::RunReport&)> observer = {};
};

std::unique_ptr<Machine> MakeSimulatorMachine(SimulatorOptions options = {});

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_SIMULATOR_MACHINE_H_
