// SPDX-License-Identifier: Apache-2.0
// What stands behind the fake CUDA driver: the library fake_cuda_driver.cc exports the driver's
// functions and forwards each of them here. The test hands its own FakeDevice to the library after
// it has been loaded, so that nothing of the simulator has to live in the library.
#ifndef ULPROOF_TESTS_GPU_RUNTIME_FAKE_CUDA_DRIVER_H_
#define ULPROOF_TESTS_GPU_RUNTIME_FAKE_CUDA_DRIVER_H_

#include <cstddef>
#include <cstdint>

namespace ulproof::gpu {

class FakeDevice {
 public:
  virtual ~FakeDevice() = default;

  virtual int Init() = 0;
  virtual int DeviceCount(int* count) = 0;
  virtual int ModuleLoad(void** module, const char* image, char* log, std::size_t log_bytes) = 0;
  virtual int ModuleUnload(void* module) = 0;
  virtual int ModuleFunction(void** function, void* module, const char* name) = 0;
  virtual int ParameterInfo(void* function, std::size_t index, std::size_t* offset,
                            std::size_t* bytes) = 0;
  virtual int Allocate(std::uint64_t* address, std::size_t bytes) = 0;
  virtual int Free(std::uint64_t address) = 0;
  virtual int CopyToDevice(std::uint64_t to, const void* from, std::size_t bytes) = 0;
  virtual int CopyToHost(void* to, std::uint64_t from, std::size_t bytes) = 0;
  virtual int CopyOnDevice(std::uint64_t to, std::uint64_t from, std::size_t bytes) = 0;
  virtual int Fill(std::uint64_t to, std::uint8_t value, std::size_t bytes) = 0;
  virtual int Launch(void* function, const unsigned (&grid)[3], const unsigned (&block)[3],
                     unsigned dynamic_shared_bytes, void** parameters) = 0;
  virtual int Synchronize() = 0;
  // What an event takes down: the device's own clock, in milliseconds.
  virtual double Now() = 0;
};

// The library's own entry point: the device that all calls go to from now on.
using UseFakeDevice = void (*)(FakeDevice* device);
inline constexpr char kUseFakeDevice[] = "UlproofUseFakeDevice";

}  // namespace ulproof::gpu

#endif  // ULPROOF_TESTS_GPU_RUNTIME_FAKE_CUDA_DRIVER_H_
