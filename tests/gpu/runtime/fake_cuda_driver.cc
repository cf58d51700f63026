// SPDX-License-Identifier: Apache-2.0
// The fake CUDA driver as a shared library, under the real one's symbols. Forwards only.
#include "tests/gpu/runtime/fake_cuda_driver.h"

#include <cstring>

namespace {
ulproof::gpu::FakeDevice* device = nullptr;
int context_tag = 0;
}  // namespace

extern "C" {

void UlproofUseFakeDevice(ulproof::gpu::FakeDevice* new_device) { device = new_device; }

int cuInit(unsigned) { return device == nullptr ? 100 : device->Init(); }
int cuDriverGetVersion(int* version) {
  *version = 13000;
  return 0;
}
int cuGetErrorName(int result, const char** name) {
  *name = result == 1     ? "CUDA_ERROR_INVALID_VALUE"
          : result == 2   ? "CUDA_ERROR_OUT_OF_MEMORY"
          : result == 218 ? "CUDA_ERROR_INVALID_PTX"
          : result == 500 ? "CUDA_ERROR_NOT_FOUND"
          : result == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS"
                          : nullptr;
  return *name != nullptr ? 0 : 1;
}
int cuGetErrorString(int result, const char** text) {
  *text = result == 2     ? "out of memory"
          : result == 700 ? "an illegal memory access was encountered"
                          : nullptr;
  return *text != nullptr ? 0 : 1;
}
int cuDeviceGetCount(int* count) { return device->DeviceCount(count); }
int cuDeviceGet(int* id, int ordinal) {
  *id = ordinal;
  return 0;
}
int cuDeviceGetName(char* name, int bytes, int) {
  std::strncpy(name, "Simulated GPU", static_cast<std::size_t>(bytes));
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 8 : 0;
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int) {
  *context = &context_tag;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int) { return 0; }
int cuCtxSetCurrent(void*) { return 0; }
int cuCtxSynchronize() { return device->Synchronize(); }
int cuModuleLoadDataEx(void** module, const void* image, unsigned count, int* options,
                       void** values) {
  char* log = nullptr;
  std::size_t log_bytes = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == 5) log = static_cast<char*>(values[i]);
    if (options[i] == 6) log_bytes = reinterpret_cast<std::size_t>(values[i]);
  }
  return device->ModuleLoad(module, static_cast<const char*>(image), log, log_bytes);
}
int cuModuleUnload(void* module) { return device->ModuleUnload(module); }
int cuModuleGetFunction(void** function, void* module, const char* name) {
  return device->ModuleFunction(function, module, name);
}
int cuFuncSetAttribute(void*, int, int) { return 0; }
int cuFuncGetParamInfo(void* function, std::size_t index, std::size_t* offset, std::size_t* bytes) {
  return device->ParameterInfo(function, index, offset, bytes);
}
int cuMemAlloc_v2(std::uint64_t* address, std::size_t bytes) {
  return device->Allocate(address, bytes);
}
int cuMemFree_v2(std::uint64_t address) { return device->Free(address); }
int cuMemcpyHtoD_v2(std::uint64_t to, const void* from, std::size_t bytes) {
  return device->CopyToDevice(to, from, bytes);
}
int cuMemcpyDtoH_v2(void* to, std::uint64_t from, std::size_t bytes) {
  return device->CopyToHost(to, from, bytes);
}
int cuMemcpyDtoD_v2(std::uint64_t to, std::uint64_t from, std::size_t bytes) {
  return device->CopyOnDevice(to, from, bytes);
}
int cuMemsetD8_v2(std::uint64_t to, unsigned char value, std::size_t bytes) {
  return device->Fill(to, value, bytes);
}
int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                   unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared, void*,
                   void** parameters, void**) {
  return device->Launch(function, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared,
                        parameters);
}
// An event is the time at which it was recorded.
int cuEventCreate(double** event, unsigned) {
  *event = new double(0);
  return 0;
}
int cuEventDestroy_v2(double* event) {
  delete event;
  return 0;
}
int cuEventRecord(double* event, void*) {
  *event = device->Now();
  return 0;
}
int cuEventSynchronize(double*) { return device->Synchronize(); }
int cuEventElapsedTime(float* milliseconds, const double* begin, const double* end) {
  *milliseconds = static_cast<float>(*end - *begin);
  return 0;
}

}  // extern "C"
