// SPDX-License-Identifier: Apache-2.0
// A shared library that is looked for when the program runs, so that nothing of CUDA is needed to
// build it. Internal to gpu/runtime.
#ifndef ULPROOF_GPU_RUNTIME_DYNAMIC_LIBRARY_H_
#define ULPROOF_GPU_RUNTIME_DYNAMIC_LIBRARY_H_

#include <span>
#include <string>

#include "base/result.h"

namespace ulproof::gpu {

// Stays loaded for the life of the process: drivers do not survive being unloaded.
class DynamicLibrary {
 public:
  // The first of `names` (sonames or paths) that loads. Errors (3): none does; says why for the
  // first.
  static base::Result<DynamicLibrary> Open(std::span<const std::string> names);

  const std::string& name() const { return name_; }

  // Sets `function` to the symbol, or to null where the library has none of that name.
  template <typename Function>
  void Find(const char* symbol, Function*& function) const {
    function = reinterpret_cast<Function*>(Address(symbol));
  }

 private:
  DynamicLibrary(std::string name, void* handle) : name_(std::move(name)), handle_(handle) {}
  void* Address(const char* symbol) const;

  std::string name_;
  void* handle_;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_RUNTIME_DYNAMIC_LIBRARY_H_
