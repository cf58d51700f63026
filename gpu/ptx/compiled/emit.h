// SPDX-License-Identifier: Apache-2.0
// The straight runs of a program as C++ over prelude.h.
#ifndef ULPROOF_GPU_PTX_COMPILED_EMIT_H_
#define ULPROOF_GPU_PTX_COMPILED_EMIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx::compiled {

struct EmittedProgram {
  std::string text;                   // extern "C" functions RunName(prefix, begin).
  std::vector<std::uint32_t> begins;  // The operations where a function begins.
  std::size_t compiled = 0;           // Operations with code of their own;
  std::size_t interpreted = 0;        // the others in those runs, which are called.
};

// One function for every place where a run can begin: at the start, after a branch, a barrier or
// their like, and where a branch leads. Each goes to the end of the run (Program::run_end) and is
// for a warp with all its lanes there. A register is written back when something later may read it.
EmittedProgram EmitRuns(const Program& program, const std::string& prefix);

std::string RunName(const std::string& prefix, std::uint32_t begin);

}  // namespace ulproof::gpu::ptx::compiled

#endif  // ULPROOF_GPU_PTX_COMPILED_EMIT_H_
