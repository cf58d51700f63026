// SPDX-License-Identifier: Apache-2.0
// A shared library behind gpu/plugin/ulproof_plugin.h as a backend.
#ifndef ULPROOF_GPU_USER_KERNEL_PLUGIN_BACKEND_H_
#define ULPROOF_GPU_USER_KERNEL_PLUGIN_BACKEND_H_

#include <memory>
#include <string>

#include "base/result.h"
#include "formats/backend.h"

namespace ulproof::gpu {

// Loads the library, which stays loaded; the backend's name is "plugin". Each operation runs twice,
// on outputs that were filled differently and have guard zones around them: an element that nothing
// wrote, a write beyond an output or into an input, and an answer that is not the same twice are
// errors of the run. The library runs inside this process: a crash of it is ours. Errors: cannot
// be loaded (exit code 3); not a plugin, or of another version (2).
base::Result<std::unique_ptr<formats::Backend>> LoadPlugin(const std::string& path);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_USER_KERNEL_PLUGIN_BACKEND_H_
