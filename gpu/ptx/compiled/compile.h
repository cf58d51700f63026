// SPDX-License-Identifier: Apache-2.0
// Machine code for the straight runs of programs, by the C++ compiler of the machine: the optional
// fast path for long sweeps. The compiled code is the second definition of the forms that it knows
// (prelude.h); all others, and warps without all their lanes, stay with the interpreter.
#ifndef ULPROOF_GPU_PTX_COMPILED_COMPILE_H_
#define ULPROOF_GPU_PTX_COMPILED_COMPILE_H_

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "gpu/ptx/compiled_runs.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

// The compiler that CompileRuns uses: the environment variable CXX, else c++ on the PATH. Empty:
// there is none.
std::string FindCompiler();

// The runs of each program, in order, by one call of the compiler (g++ or clang++; a second or
// more). Programs with contracted products have none. Nothing stays on the disk. Errors (3): no
// compiler, or what it said.
base::Result<std::vector<CompiledRuns>> CompileRuns(std::span<const Program* const> programs);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_COMPILED_COMPILE_H_
