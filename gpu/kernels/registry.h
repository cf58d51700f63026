// SPDX-License-Identifier: Apache-2.0
// Which compiled kernel computes which operation, and how it is launched: the entry point, its
// arguments by role, and the launch shape. The same data drives the simulator, a real device and
// the reports.
#ifndef ULPROOF_GPU_KERNELS_REGISTRY_H_
#define ULPROOF_GPU_KERNELS_REGISTRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "formats/operation.h"

namespace ulproof::gpu {

// What a kernel parameter is.
enum class ArgumentRole : std::uint8_t {
  kInput,         // address of input buffer `index` of the operation's signature
  kOutput,        // address of output buffer `index`
  kScratch,       // address of scratch word `index` (32 bits, zero before the operation)
  kRows,          // u64
  kCols,          // u64
  kCount,         // u64, rows * cols
  kIndexStride,   // u64, Shape::stride(): never 0
  kBitsPerBlock,  // u32, 0 or 1
  kPow2,          // u32, 0 or 1
  kRule,          // u32, ScaleRule
  kBlockRows,     // u32
  kBlockCols,     // u32
  kLowest,        // f32, the outermost levels of contract section 14
  kHighest,       // f32
  kWidth,         // f32, their distance
  kHalfWidth,     // f32
  kMeanZero,      // u32, 0 or 1
  kSeed,          // u64
  kStream,        // u64
  kOffset,        // u64
};
struct Argument {
  ArgumentRole role;
  int index = 0;
};

// What one thread or warp of a launch is given; the grid covers them all. kRowBatch: a block of
// any shape, or 32 blocks where they are one row high.
enum class WorkUnit : std::uint8_t { kElement, kBlock, kGroup, kRowBatch };

struct Launch {
  std::string entry;
  std::vector<Argument> arguments;
  WorkUnit unit;
  // Work units that one thread block takes. The grid is the number of thread blocks that covers the
  // work, but at most max_grid where that is not 0 (kernels with a grid-stride loop).
  std::uint32_t units_a_block;
  std::uint32_t threads_a_block;
  std::uint32_t max_grid = 0;
};

struct Kernel {
  std::string name;    // The last launch's entry point: what reports call it.
  std::string module;  // Source file without ending: "sample" for gpu/kernels/sample.cu.
  bool plain;          // Version 1.
  formats::Operation prototype;
  std::vector<Launch> launches;  // In order.
};

// Every kernel of gpu/kernels.
const std::vector<Kernel>& Kernels();

// The kernel for an operation: its own kind, formats, modes, law and block; any shape, key and
// flags that are arguments, and for the kinds of contract section 14 any block and any range of
// integers as levels. Null where there is none.
const Kernel* FindKernel(const formats::Operation& op, bool plain);

// Thread blocks of a launch. Precondition: op is valid and matches.
std::uint64_t GridSize(const Launch& launch, const formats::Operation& op);

// Bits of a scalar argument. Precondition: the role is not an address.
std::uint64_t ScalarArgument(ArgumentRole role, const formats::Operation& op);
// Bytes that the argument takes in the parameter list: 4 or 8.
int ArgumentBytes(ArgumentRole role);

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_KERNELS_REGISTRY_H_
