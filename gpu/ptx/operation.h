// SPDX-License-Identifier: Apache-2.0
// A decoded instruction and the state of the warp that it acts on. Registers are kept as structure
// of arrays: a register of up to 32 bits is 32 words, one a lane (narrow values zero-extended); a
// 64-bit one is 32 double words; a predicate is one word whose bit i belongs to lane i. Constants
// and special registers live in the same file, so that every operand is one offset.
#ifndef ULPROOF_GPU_PTX_OPERATION_H_
#define ULPROOF_GPU_PTX_OPERATION_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "gpu/ptx/type.h"

namespace ulproof::gpu::ptx {

inline constexpr int kLanes = 32;
using LaneMask = std::uint32_t;  // Bit i: lane i.
inline constexpr LaneMask kAllLanes = ~LaneMask{0};

struct Operation;
struct Warp;
struct Block;

// Runs one operation for the lanes of `mask` (not empty) of one warp.
using Execute = void (*)(const Operation& operation, Warp& warp, LaneMask mask);

// Byte offset of a register in the warp's register file.
using Slot = std::uint32_t;

inline constexpr int kMaxOperands = 10;

struct Operation {
  Execute execute;
  std::uint64_t parameter;  // As the binder chose, or the form's immediate.
  std::int64_t offset;      // Of an address operand; of a branch: the target's index.
  std::array<Slot, kMaxOperands> operand;
  Slot guard;            // A predicate slot; the constant "true" when there is no guard.
  LaneMask guard_flip;   // All ones for @!p.
  std::uint8_t control;  // Control
  std::uint8_t count;    // Elements of a vector operand.
  std::array<std::uint8_t, 2> register_bytes;  // Of operands 0 and 1, where they may be wider.
  Type type;  // The type of memory accesses and conversions of width.
  Space space;
  std::uint16_t negated;  // Bit i: predicate operand i is written with '!'.
  bool is_wide_address;   // The address operand is a 64-bit register.
};

struct Warp {
  std::byte* registers;
  Block* block;
  LaneMask exited;      // Lanes that ran to the end, and lanes past the block's last thread.
  std::uint32_t index;  // Of the warp in its block.
  std::uint32_t phase;  // Synchronisations of this warp alone so far (for the race check).

  template <typename T>
  T* At(Slot slot) {
    return reinterpret_cast<T*>(registers + slot);
  }
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_OPERATION_H_
