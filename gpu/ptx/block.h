// SPDX-License-Identifier: Apache-2.0
// The state of one thread block while it runs, as operations see it: its memories, its counters,
// and the first fault. Internal to the interpreter and the operations.
#ifndef ULPROOF_GPU_PTX_BLOCK_H_
#define ULPROOF_GPU_PTX_BLOCK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gpu/ptx/memory.h"
#include "gpu/ptx/operation.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

class RaceCheck;

// The first thing that went wrong in a block; later ones are ignored.
struct Fault {
  bool is_set = false;
  std::uint32_t pc = 0;
  std::uint32_t thread = 0;  // Linear index in the block.
  std::string message;
};

// What memory operations count; indexed by Space.
struct Traffic {
  std::array<std::uint64_t, kSpaceNames.size()> loaded_bytes{};
  std::array<std::uint64_t, kSpaceNames.size()> stored_bytes{};
  std::uint64_t global_accesses = 0;  // Warp-wide loads and stores of global memory
  std::uint64_t global_sectors = 0;   // ... and the 32-byte sectors that they touched.
};

struct Block {
  const Program* program = nullptr;
  Memory* memory = nullptr;
  std::vector<std::uint8_t> shared;
  std::vector<std::uint8_t> local;  // local_bytes for each thread, warp after warp
  std::span<const std::uint8_t> parameters;
  Traffic traffic;
  bool count_sectors = false;
  Fault fault;
  RaceCheck* race = nullptr;
  std::uint32_t phase = 0;  // Barriers that the whole block has passed.

  std::uint32_t PcOf(const Operation& operation) const {
    return static_cast<std::uint32_t>(&operation - program->code.data());
  }
  void SetFault(const Operation& operation, const Warp& warp, int lane, std::string message) {
    if (fault.is_set) return;
    fault = {.is_set = true,
             .pc = PcOf(operation),
             .thread = warp.index * kLanes + static_cast<std::uint32_t>(lane),
             .message = std::move(message)};
  }
};

// Shadow of shared memory: who last read and wrote each byte since the last barrier. Two accesses
// of one byte by different threads race when at least one is a store and no barrier of the block,
// and within one warp no bar.warp.sync, lies between them.
class RaceCheck {
 public:
  explicit RaceCheck(std::uint64_t shared_bytes) : bytes_(shared_bytes) {}

  // Records the access and describes the race if it is one; empty if not.
  std::string Access(const Block& block, const Warp& warp, int lane, std::uint64_t offset,
                     std::uint64_t size, bool is_store);
  void Reset();

  std::uint64_t races = 0;
  std::vector<std::string> first_races;

 private:
  struct Event {
    std::uint32_t phase = UINT32_MAX;
    std::uint32_t warp_phase = 0;
    std::uint32_t thread = 0;
    bool is_shared_by_threads = false;  // Of reads: more than one thread read it.
  };
  struct Byte {
    Event read;
    Event write;
  };
  std::vector<Byte> bytes_;
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_BLOCK_H_
