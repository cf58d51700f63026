// SPDX-License-Identifier: Apache-2.0
// Where compiled kernels run: the simulator on any machine, a real device where there is one. What
// is to be launched is plain data, so that our own kernels, a user's manifest, the simulator and
// the driver meet here and nowhere else.
#ifndef ULPROOF_GPU_MACHINE_H_
#define ULPROOF_GPU_MACHINE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ulproof::gpu {

// One kernel parameter: the low `bytes` bytes of `bits`, plus the address of a buffer if it is one.
struct LaunchArgument {
  int buffer = -1;  // Index of the buffer; negative: a scalar.
  std::uint64_t bits = 0;
  int bytes = 8;

  static LaunchArgument Address(int buffer) { return {.buffer = buffer}; }
  static LaunchArgument Scalar(std::uint64_t bits, int bytes) {
    return {.bits = bits, .bytes = bytes};
  }
};

// One launch with nothing left open.
struct KernelLaunch {
  std::string entry;
  std::array<std::uint32_t, 3> grid = {1, 1, 1};
  std::array<std::uint32_t, 3> block = {1, 1, 1};
  std::uint32_t dynamic_shared_bytes = 0;
  std::vector<LaunchArgument> arguments;
  // Thread blocks before the one and from the other on do not run. Only a simulator can do that
  // (tensor_part.h).
  std::uint64_t first_block = 0, end_block = UINT64_MAX;
};

// Memory that the launches see. Exactly one of `input`, `output` and `scratch_bytes` is used:
// an input is copied in and only read, an output is copied out and must be written whole, scratch
// memory is zero before the first launch.
struct KernelBuffer {
  std::string name;  // In messages about faults.
  std::span<const std::uint8_t> input = {};
  std::span<std::uint8_t> output = {};
  std::uint64_t scratch_bytes = 0;
  // Its address modulo 256, as of a view into a larger tensor. Less than 256.
  std::uint64_t misalignment = 0;
};

// Code that a machine has taken in.
class LoadedModule {
 public:
  virtual ~LoadedModule() = default;

  // Runs the launches in order on fresh copies of the buffers, then copies the outputs out.
  // Thread-safe. Errors: no such entry; arguments that do not fit its parameters; a fault, with
  // the place (out of bounds, misaligned, a store to an input, an output element that nothing
  // wrote, a hang).
  virtual base::Status Run(std::span<const KernelLaunch> launches,
                           std::span<const KernelBuffer> buffers) = 0;
};

class Machine {
 public:
  virtual ~Machine() = default;

  // "simulator", "device".
  virtual std::string_view name() const = 0;
  // Empty when it runs here, else the reason why not.
  virtual std::string why_unavailable() const { return {}; }

  // Takes in the PTX text `code`; `file` names it in messages. The module keeps what it needs of
  // the text. Errors: what the parser or the driver says, with the place.
  // Precondition: available.
  virtual base::Result<std::unique_ptr<LoadedModule>> Load(std::string_view code,
                                                           std::string_view file) = 0;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MACHINE_H_
