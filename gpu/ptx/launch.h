// SPDX-License-Identifier: Apache-2.0
// The simulator's front door: run one kernel of a module over a grid, on simulated memory.
//
//   Memory memory;
//   const DeviceAddress in = memory.Upload("in", bytes);
//   const DeviceAddress out = memory.Allocate("out", n * 4);
//   Arguments arguments;
//   arguments.Add(in).Add(out).Add(std::uint32_t{n});
//   Result<RunReport> run = Launch(module, "kernel", {.grid = {n / 256}, .block = {256}},
//                                  arguments, memory);
#ifndef ULPROOF_GPU_PTX_LAUNCH_H_
#define ULPROOF_GPU_PTX_LAUNCH_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "gpu/ptx/compiled_runs.h"
#include "gpu/ptx/memory.h"
#include "gpu/ptx/module.h"
#include "gpu/ptx/parser.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

struct Dim3 {
  std::uint32_t x = 1;
  std::uint32_t y = 1;
  std::uint32_t z = 1;
  constexpr std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

struct LaunchShape {
  Dim3 grid = {};
  Dim3 block = {};
  std::uint32_t dynamic_shared_bytes = 0;
  // Only thread blocks from the one to before the other run, x counting fastest.
  std::uint64_t first_block = 0, end_block = UINT64_MAX;
};

// Kernel arguments in order, each of the size of its parameter (by-value structs included).
class Arguments {
 public:
  template <typename T>
  Arguments& Add(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    std::vector<std::uint8_t>& bytes = values_.emplace_back(sizeof(T));
    std::memcpy(bytes.data(), &value, sizeof(T));
    return *this;
  }
  Arguments& AddBytes(std::vector<std::uint8_t> bytes) {
    values_.push_back(std::move(bytes));
    return *this;
  }
  const std::vector<std::vector<std::uint8_t>>& values() const { return values_; }

 private:
  std::vector<std::vector<std::uint8_t>> values_;
};

// In which order blocks are started, and warps within a block take turns between barriers.
enum class Order : std::uint8_t { kForward, kReverse, kRandom };

struct LaunchOptions {
  Order block_order = Order::kForward;
  Order warp_order = Order::kForward;
  std::uint64_t order_seed = 0;  // For Order::kRandom.
  // Fuse all that ptxas may fuse (decode.h). Equal outputs with and without mean that contraction
  // cannot change the result for these inputs.
  bool contract = false;
  // Report unordered accesses of shared memory by different threads.
  bool check_races = false;
  // Count the 32-byte sectors that each global access touches.
  bool count_sectors = false;
  // Warp instructions that one block may issue before it counts as hung.
  std::uint64_t instruction_budget = std::uint64_t{1} << 30;
  bool single_threaded = false;
};

struct FormCount {
  std::string form;  // "add.rn.f32"
  std::uint8_t tags = 0;
  std::uint64_t warp_instructions = 0;
  std::uint64_t thread_instructions = 0;  // Lanes predicated off count as issued.
};

// Bytes and accesses of all blocks; see Traffic in block.h.
struct MemoryCounts {
  std::uint64_t global_loaded_bytes = 0;
  std::uint64_t global_stored_bytes = 0;
  std::uint64_t shared_loaded_bytes = 0;
  std::uint64_t shared_stored_bytes = 0;
  std::uint64_t local_loaded_bytes = 0;
  std::uint64_t local_stored_bytes = 0;
  std::uint64_t global_accesses = 0;  // With LaunchOptions::count_sectors.
  std::uint64_t global_sectors = 0;
};

struct RunReport {
  std::vector<FormCount> forms;  // Those that ran, most frequent first.
  std::uint8_t tags = 0;         // Of all of them.
  std::uint64_t warp_instructions = 0;
  std::uint64_t thread_instructions = 0;
  std::uint64_t branches = 0;            // Conditional branches, per warp.
  std::uint64_t divergent_branches = 0;  // Those where lanes parted.
  MemoryCounts memory;
  int contracted = 0;  // Additions fused by LaunchOptions::contract.
  std::uint64_t races = 0;
  std::vector<std::string> first_races;  // At most 16.
  // Registers that some path may read before writing; they read as zero.
  std::vector<std::string> maybe_uninitialised_registers;
};

// A kernel decoded once, to be launched many times. Holds a pointer to the module's data: the
// module must outlive it.
class Kernel {
 public:
  // Errors: no such entry; what DecodeEntry (decode.h) finds.
  static base::Result<Kernel> Prepare(const Module& module, std::string_view entry,
                                      bool contract = false);

  // Runs the grid. Deterministic for kernels without races and without floating-point atomics,
  // whatever the number of threads. Errors: shape or arguments that do not fit the kernel; and the
  // fault of the first faulting block in launch order - an access out of bounds, misaligned, of
  // unwritten bytes, to constants; a deadlock; the budget - with kernel, instruction, source line,
  // thread and block.
  base::Result<RunReport> Launch(const LaunchShape& shape, const Arguments& arguments,
                                 Memory& memory, const LaunchOptions& options = {}) const;

  // From now on runs what is compiled (compiled/compile.h), with the same results. The runs are
  // this program's.
  void Use(CompiledRuns runs) { compiled_ = std::move(runs); }

  const Program& program() const { return program_; }
  const CompiledRuns& compiled() const { return compiled_; }

 private:
  explicit Kernel(Program program) : program_(std::move(program)) {}

  Program program_;
  CompiledRuns compiled_;
};

// Prepare and Launch in one.
base::Result<RunReport> Launch(const Module& module, std::string_view entry,
                               const LaunchShape& shape, const Arguments& arguments, Memory& memory,
                               const LaunchOptions& options = {});

// "exact", or the names of the flags: "nan_bits contractable approximate".
std::string TagNames(std::uint8_t tags);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_LAUNCH_H_
