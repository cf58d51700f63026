// SPDX-License-Identifier: Apache-2.0
// Straight runs of a program as machine code; compiled/compile.h makes them.
#ifndef ULPROOF_GPU_PTX_COMPILED_RUNS_H_
#define ULPROOF_GPU_PTX_COMPILED_RUNS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace ulproof::gpu::ptx {

struct CompiledRuns {
  // Runs operation `pc`, which has no code, as the interpreter does.
  using Step = void (*)(void* context, std::uint32_t pc);
  // Does what the operations from the run's first to Program::run_end do, for a warp with all its
  // lanes there.
  using Run = void (*)(std::byte* registers, void* context, Step step);

  std::vector<Run> by_begin;  // By operation; null: no run begins here. Empty: there are none.
  std::shared_ptr<const void> library;  // Keeps the code loaded.
  std::size_t compiled = 0;             // Operations with code of their own;
  std::size_t interpreted = 0;          // the others in those runs.
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_COMPILED_RUNS_H_
