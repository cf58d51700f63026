// SPDX-License-Identifier: Apache-2.0
// A user's kernel as PTX text, from a .ptx file or, through NVRTC, from a .cu file.
#ifndef ULPROOF_CLI_KERNEL_FILE_H_
#define ULPROOF_CLI_KERNEL_FILE_H_

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ulproof::cli {

enum class KernelFileKind { kPtx, kCuda, kPlugin };

// By the name's ending: .ptx, .cu, .so. Errors: any other.
base::Result<KernelFileKind> KindOfKernelFile(std::string_view path);

// The whole file. Errors: it cannot be read (exit code 3), or is larger than 2^28 bytes (2).
base::Result<std::string> ReadTextFile(const std::string& path);

// The PTX of a .ptx or .cu file. `arch` ("sm_80") and `nvrtc_options` are for the compiler. Errors:
// what reading and compiling say; without NVRTC (exit code 3) how to make the PTX elsewhere.
base::Result<std::string> ReadPtx(const std::string& path, std::string_view arch,
                                  std::span<const std::string> nvrtc_options);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_KERNEL_FILE_H_
