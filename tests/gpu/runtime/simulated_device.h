// SPDX-License-Identifier: Apache-2.0
// The device behind the fake CUDA driver: the simulator, with a clock that goes on by a millisecond
// a copy and by two a launch, so that what is timed is known.
#ifndef ULPROOF_TESTS_GPU_RUNTIME_SIMULATED_DEVICE_H_
#define ULPROOF_TESTS_GPU_RUNTIME_SIMULATED_DEVICE_H_

#include <gtest/gtest.h>

#include <cstring>
#include <list>
#include <utility>
#include <vector>

#include "gpu/ptx/launch.h"
#include "gpu/ptx/parser.h"
#include "tests/gpu/runtime/fake_cuda_driver.h"

namespace ulproof::gpu {

// A device of the simulator. Memory is plain, as a GPU's is: every byte holds something, and only
// what lies outside all allocations faults.
class SimulatedDevice : public FakeDevice {
 public:
  static constexpr int kInvalidValue = 1;
  static constexpr int kOutOfMemory = 2;
  static constexpr int kInvalidPtx = 218;
  static constexpr int kNotFound = 500;
  static constexpr int kIllegalAddress = 700;

  int devices = 1;
  int init_result = 0;
  std::size_t memory_bytes = 1 << 26;
  int live_allocations = 0;
  int live_modules = 0;
  int launches = 0;
  double clock_ms = 0;

  int Init() override { return init_result; }
  int DeviceCount(int* count) override {
    *count = devices;
    return 0;
  }
  int ModuleLoad(void** module, const char* image, char* log, std::size_t log_bytes) override {
    base::Result<ptx::Module> parsed = ptx::ParseModule(image, "image");
    if (!parsed.ok()) {
      if (log != nullptr) std::strncpy(log, parsed.error().ToString().c_str(), log_bytes);
      return kInvalidPtx;
    }
    ++live_modules;
    *module = &modules_.emplace_back(std::move(*parsed));
    return 0;
  }
  int ModuleUnload(void*) override {
    --live_modules;
    return 0;
  }
  int ModuleFunction(void** function, void* module, const char* name) override {
    base::Result<ptx::Kernel> kernel =
        ptx::Kernel::Prepare(*static_cast<const ptx::Module*>(module), name);
    if (!kernel.ok()) return kNotFound;
    *function = &kernels_.emplace_back(std::move(*kernel));
    return 0;
  }
  int ParameterInfo(void* function, std::size_t index, std::size_t* offset,
                    std::size_t* bytes) override {
    const auto& parameters = static_cast<const ptx::Kernel*>(function)->program().parameters;
    if (index >= parameters.size()) return kInvalidValue;
    *offset = parameters[index].offset;
    *bytes = parameters[index].size;
    return 0;
  }
  int Allocate(std::uint64_t* address, std::size_t bytes) override {
    if (bytes > memory_bytes) return kOutOfMemory;
    ++live_allocations;
    *address = memory_.Upload("device memory", std::vector<std::uint8_t>(bytes));
    return 0;
  }
  int Free(std::uint64_t) override {
    --live_allocations;
    return 0;
  }
  int CopyToDevice(std::uint64_t to, const void* from, std::size_t bytes) override {
    std::memcpy(At(to, bytes), from, bytes);
    return 0;
  }
  int CopyToHost(void* to, std::uint64_t from, std::size_t bytes) override {
    std::memcpy(to, At(from, bytes), bytes);
    return 0;
  }
  int CopyOnDevice(std::uint64_t to, std::uint64_t from, std::size_t bytes) override {
    std::memmove(At(to, bytes), At(from, bytes), bytes);
    clock_ms += 1;
    return 0;
  }
  int Fill(std::uint64_t to, std::uint8_t value, std::size_t bytes) override {
    std::memset(At(to, bytes), value, bytes);
    return 0;
  }
  int Launch(void* function, const unsigned (&grid)[3], const unsigned (&block)[3],
             unsigned dynamic_shared_bytes, void** parameters) override {
    ++launches;
    clock_ms += launches % 8 == 0 ? 50 : 2;  // Now and then something disturbs.
    const auto& kernel = *static_cast<const ptx::Kernel*>(function);
    ptx::Arguments arguments;
    for (std::size_t i = 0; i < kernel.program().parameters.size(); ++i) {
      const auto* const bytes = static_cast<const std::uint8_t*>(parameters[i]);
      arguments.AddBytes({bytes, bytes + kernel.program().parameters[i].size});
    }
    const auto report = kernel.Launch({.grid = {grid[0], grid[1], grid[2]},
                                       .block = {block[0], block[1], block[2]},
                                       .dynamic_shared_bytes = dynamic_shared_bytes},
                                      arguments, memory_);
    if (!report.ok()) fault_ = kIllegalAddress;
    return 0;
  }
  int Synchronize() override { return fault_; }
  double Now() override { return clock_ms; }

 private:
  std::uint8_t* At(std::uint64_t address, std::size_t bytes) {
    ptx::Buffer* const buffer = memory_.Find(address);
    const std::uint64_t offset = address - ptx::Memory::BaseOf(address);
    EXPECT_NE(buffer, nullptr);
    EXPECT_LE(offset + bytes, buffer->bytes.size());
    return buffer->bytes.data() + offset;
  }

  ptx::Memory memory_;
  std::list<ptx::Module> modules_;
  std::list<ptx::Kernel> kernels_;
  int fault_ = 0;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_TESTS_GPU_RUNTIME_SIMULATED_DEVICE_H_
