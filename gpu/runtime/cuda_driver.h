// SPDX-License-Identifier: Apache-2.0
// The part of the CUDA driver's interface that running kernels takes, by our own declarations: no
// header of CUDA and no link against it. Names and signatures are those of cuda.h (the versioned
// symbols that its macros choose), which have not changed since CUDA 4.
#ifndef ULPROOF_GPU_RUNTIME_CUDA_DRIVER_H_
#define ULPROOF_GPU_RUNTIME_CUDA_DRIVER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace ulproof::gpu {

using CuResult = int;  // 0 is success.
using CuDevice = int;
using CuAddress = std::uint64_t;
using CuContext = struct CuContextTag*;
using CuModule = struct CuModuleTag*;
using CuFunction = struct CuFunctionTag*;
using CuStream = struct CuStreamTag*;
using CuEvent = struct CuEventTag*;

inline constexpr CuResult kCuSuccess = 0;
inline constexpr CuResult kCuNoDevice = 100;
inline constexpr CuResult kCuInvalidPtx = 218;
inline constexpr CuResult kCuNotFound = 500;

// Attributes of devices and functions, and options of the JIT compiler, that are used here.
inline constexpr int kCuComputeMajor = 75;
inline constexpr int kCuComputeMinor = 76;
inline constexpr int kCuL2Bytes = 38;
inline constexpr int kCuFunctionMaxDynamicShared = 8;
inline constexpr int kCuJitErrorLog = 5;
inline constexpr int kCuJitErrorLogBytes = 6;

struct CudaDriver {
  // Loads the library (a soname or a path) and finds all of its functions but those marked
  // optional. Errors (3): it does not load, or a function is missing.
  static base::Result<CudaDriver> Load(const std::string& library);

  // "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (out of memory)".
  std::string Describe(const std::string& what, CuResult result) const;
  // Success, or that text as an error of the machine (3).
  base::Status Check(const std::string& what, CuResult result) const;

  CuResult (*init)(unsigned flags);
  CuResult (*driver_version)(int* version);
  CuResult (*error_name)(CuResult result, const char** name);
  CuResult (*error_string)(CuResult result, const char** text);
  CuResult (*device_count)(int* count);
  CuResult (*device_get)(CuDevice* device, int ordinal);
  CuResult (*device_name)(char* name, int bytes, CuDevice device);
  CuResult (*device_attribute)(int* value, int attribute, CuDevice device);
  CuResult (*context_retain)(CuContext* context, CuDevice device);
  CuResult (*context_release)(CuDevice device);
  CuResult (*context_set)(CuContext context);
  CuResult (*context_synchronize)();
  CuResult (*module_load)(CuModule* module, const void* image, unsigned option_count, int* options,
                          void** values);
  CuResult (*module_unload)(CuModule module);
  CuResult (*module_function)(CuFunction* function, CuModule module, const char* name);
  CuResult (*function_set)(CuFunction function, int attribute, int value);
  CuResult (*memory_allocate)(CuAddress* address, std::size_t bytes);
  CuResult (*memory_free)(CuAddress address);
  CuResult (*copy_to_device)(CuAddress to, const void* from, std::size_t bytes);
  CuResult (*copy_to_host)(void* to, CuAddress from, std::size_t bytes);
  CuResult (*copy_on_device)(CuAddress to, CuAddress from, std::size_t bytes);
  CuResult (*fill)(CuAddress to, unsigned char value, std::size_t bytes);
  CuResult (*launch)(CuFunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                     unsigned block_x, unsigned block_y, unsigned block_z,
                     unsigned dynamic_shared_bytes, CuStream stream, void** parameters,
                     void** extra);
  CuResult (*event_create)(CuEvent* event, unsigned flags);
  CuResult (*event_destroy)(CuEvent event);
  CuResult (*event_record)(CuEvent event, CuStream stream);
  CuResult (*event_synchronize)(CuEvent event);
  CuResult (*event_elapsed)(float* milliseconds, CuEvent begin, CuEvent end);
  // Optional: drivers before CUDA 12.4 lack it. kCuNotFound or an error past the last parameter.
  CuResult (*parameter_info)(CuFunction function, std::size_t index, std::size_t* offset,
                             std::size_t* bytes);
};

// A device with its primary context, retained once: give it back with driver.context_release(id).
struct CudaDevice {
  CudaDriver driver;
  CuDevice id;
  CuContext context;

  // Loads the driver and opens the device of that ordinal. Errors (3): no driver, no device, no
  // such device, or what the driver says.
  static base::Result<CudaDevice> Open(const std::string& library, int ordinal);

  // "NVIDIA H200, sm_90, driver 13.0".
  std::string Description() const;
  // An attribute of the device; 0 where the driver does not know it.
  int Attribute(int attribute) const;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_RUNTIME_CUDA_DRIVER_H_
