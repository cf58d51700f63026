// SPDX-License-Identifier: Apache-2.0
#include "gpu/runtime/cuda_driver.h"

#include <array>

#include "gpu/runtime/dynamic_library.h"

namespace ulproof::gpu {

base::Result<CudaDriver> CudaDriver::Load(const std::string& library_name) {
  const base::Result<DynamicLibrary> library =
      DynamicLibrary::Open(std::array<std::string, 1>{library_name});
  if (!library) return base::EnvironmentError("no CUDA driver here: " + library.error().message);
  CudaDriver driver{};
  std::string missing;
  const auto find = [&](const char* symbol, auto*& function) {
    library->Find(symbol, function);
    if (function == nullptr && missing.empty()) missing = symbol;
  };
  find("cuInit", driver.init);
  find("cuDriverGetVersion", driver.driver_version);
  find("cuGetErrorName", driver.error_name);
  find("cuGetErrorString", driver.error_string);
  find("cuDeviceGetCount", driver.device_count);
  find("cuDeviceGet", driver.device_get);
  find("cuDeviceGetName", driver.device_name);
  find("cuDeviceGetAttribute", driver.device_attribute);
  find("cuDevicePrimaryCtxRetain", driver.context_retain);
  find("cuDevicePrimaryCtxRelease_v2", driver.context_release);
  find("cuCtxSetCurrent", driver.context_set);
  find("cuCtxSynchronize", driver.context_synchronize);
  find("cuModuleLoadDataEx", driver.module_load);
  find("cuModuleUnload", driver.module_unload);
  find("cuModuleGetFunction", driver.module_function);
  find("cuFuncSetAttribute", driver.function_set);
  find("cuMemAlloc_v2", driver.memory_allocate);
  find("cuMemFree_v2", driver.memory_free);
  find("cuMemcpyHtoD_v2", driver.copy_to_device);
  find("cuMemcpyDtoH_v2", driver.copy_to_host);
  find("cuMemcpyDtoD_v2", driver.copy_on_device);
  find("cuMemsetD8_v2", driver.fill);
  find("cuLaunchKernel", driver.launch);
  find("cuEventCreate", driver.event_create);
  find("cuEventDestroy_v2", driver.event_destroy);
  find("cuEventRecord", driver.event_record);
  find("cuEventSynchronize", driver.event_synchronize);
  find("cuEventElapsedTime", driver.event_elapsed);
  library->Find("cuFuncGetParamInfo", driver.parameter_info);
  if (!missing.empty()) return base::EnvironmentError(library->name() + " lacks " + missing);
  return driver;
}

std::string CudaDriver::Describe(const std::string& what, CuResult result) const {
  const char* name = nullptr;
  const char* text = nullptr;
  if (error_name(result, &name) != kCuSuccess) name = nullptr;
  if (error_string(result, &text) != kCuSuccess) text = nullptr;
  return what + ": " + (name != nullptr ? name : "error " + std::to_string(result)) +
         (text != nullptr ? " (" + std::string(text) + ")" : "");
}

base::Status CudaDriver::Check(const std::string& what, CuResult result) const {
  if (result == kCuSuccess) return base::Done{};
  return base::EnvironmentError(Describe(what, result));
}

base::Result<CudaDevice> CudaDevice::Open(const std::string& library, int ordinal) {
  base::Result<CudaDriver> driver = CudaDriver::Load(library);
  if (!driver) return driver.error();
  const CuResult initialised = driver->init(0);
  if (initialised == kCuNoDevice) return base::EnvironmentError("no CUDA device here");
  base::Status ok = driver->Check("cuInit", initialised);
  if (!ok.ok()) return ok.error();
  int count = 0;
  ok = driver->Check("cuDeviceGetCount", driver->device_count(&count));
  if (!ok.ok()) return ok.error();
  if (count == 0) return base::EnvironmentError("no CUDA device here");
  if (ordinal < 0 || ordinal >= count) {
    return base::EnvironmentError("no CUDA device " + std::to_string(ordinal) + "; of " +
                                  std::to_string(count));
  }
  CudaDevice device{.driver = *driver, .id = 0, .context = nullptr};
  ok = driver->Check("cuDeviceGet", driver->device_get(&device.id, ordinal));
  if (!ok.ok()) return ok.error();
  ok =
      driver->Check("cuDevicePrimaryCtxRetain", driver->context_retain(&device.context, device.id));
  if (!ok.ok()) return ok.error();
  return device;
}

int CudaDevice::Attribute(int attribute) const {
  int value = 0;
  return driver.device_attribute(&value, attribute, id) == kCuSuccess ? value : 0;
}

std::string CudaDevice::Description() const {
  std::array<char, 256> name{};
  int version = 0;
  driver.device_name(name.data(), static_cast<int>(name.size()) - 1, id);
  driver.driver_version(&version);
  return std::string(name.data()) + ", sm_" + std::to_string(Attribute(kCuComputeMajor)) +
         std::to_string(Attribute(kCuComputeMinor)) + ", driver " + std::to_string(version / 1000) +
         "." + std::to_string(version % 1000 / 10);
}

}  // namespace ulproof::gpu
