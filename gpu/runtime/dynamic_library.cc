// SPDX-License-Identifier: Apache-2.0
#include "gpu/runtime/dynamic_library.h"

#include <dlfcn.h>

namespace ulproof::gpu {

base::Result<DynamicLibrary> DynamicLibrary::Open(std::span<const std::string> names) {
  std::string why;
  for (const std::string& name : names) {
    if (void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
      return DynamicLibrary(name, handle);
    }
    const char* const message = dlerror();
    if (why.empty()) why = message != nullptr ? message : name + " does not load";
  }
  return base::EnvironmentError(why);
}

void* DynamicLibrary::Address(const char* symbol) const { return dlsym(handle_, symbol); }

}  // namespace ulproof::gpu
