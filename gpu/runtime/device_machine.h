// SPDX-License-Identifier: Apache-2.0
// A real GPU as a machine, by the CUDA driver, which is looked for when the program runs. Stands on
// cuda_driver.h; timing is not its business (bench/gpu).
//
// What the simulator sees directly is found here by its traces. Every buffer lies between guard
// zones that must be as they were; inputs are compared with what was copied in; outputs are filled
// with a byte, and where an output still shows that byte, all is run again with another one: what
// then still shows is unwritten, and what else differs is a kernel whose result depends on chance.
#ifndef ULPROOF_GPU_RUNTIME_DEVICE_MACHINE_H_
#define ULPROOF_GPU_RUNTIME_DEVICE_MACHINE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "gpu/machine.h"

namespace ulproof::gpu {

struct DeviceOptions {
  std::string driver = "libcuda.so.1";  // The library that is loaded: a soname or a path.
  int device = 0;                       // Its ordinal.
  // On either side of a buffer. A multiple of 256, so that buffers are aligned as cuMemAlloc's are.
  std::uint64_t guard_bytes = 4096;
};

class DeviceMachine : public Machine {
 public:
  // "NVIDIA H200, sm_90, driver 13.0". Precondition: available.
  virtual std::string description() const = 0;
};

// The driver is loaded and the device opened when first asked for, and why_unavailable() says what
// was missing. Load takes PTX or a cubin; Run on several threads takes turns. After a fault (an
// illegal address) the driver refuses all further work of the process, and Run says so.
std::unique_ptr<DeviceMachine> MakeDeviceMachine(DeviceOptions options = {});

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_RUNTIME_DEVICE_MACHINE_H_
