// SPDX-License-Identifier: Apache-2.0
// CUDA C++ to PTX by NVRTC, which is looked for when the program runs: neither its headers nor a
// link against it are needed. The flags are those of gpu/golden/refresh.sh, so that
// what is tested here is what nvcc of the same version ships.
#ifndef ULPROOF_GPU_RUNTIME_NVRTC_H_
#define ULPROOF_GPU_RUNTIME_NVRTC_H_

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ulproof::gpu {

// Empty when NVRTC is here, else why not. Looked for as libnvrtc.so.13, .12 and libnvrtc.so where
// the loader looks, then under $CUDA_HOME and /usr/local/cuda.
std::string NvrtcWhyUnavailable();

// "13.0". Precondition: available.
std::string NvrtcVersion();

// Where cuda_bf16.h and its kin are: $CUDA_HOME/include, $CUDA_PATH/include,
// /usr/local/cuda/include or /usr/include, the first that has them; empty when none has.
std::string CudaIncludeDirectory();

// Compiles `source` as C++20 for `arch` ("sm_80") without contraction, with exact division and
// square root and with subnormals kept. `file` names the source in messages; quoted includes are
// looked for beside it. `options` are more of NVRTC's, as "-DNAME=1" or "-I<folder>"; they replace
// ours where they name the same flag. CUDA's headers are found by themselves; NVRTC has no host
// headers, so <cstdint>, <cstddef>, <type_traits> and a few more are supplied. Thread-safe. Errors:
// NVRTC is unavailable (3); the source does not compile (2), with the compiler's messages and the
// line of the first error; an option or arch that is not accepted (2).
base::Result<std::string> CompileToPtx(std::string_view source, std::string_view file,
                                       std::string_view arch,
                                       std::span<const std::string> options = {});

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_RUNTIME_NVRTC_H_
