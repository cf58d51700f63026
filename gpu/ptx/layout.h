// SPDX-License-Identifier: Apache-2.0
// The first slots of every register file, and the windows of the simulated address space.
#ifndef ULPROOF_GPU_PTX_LAYOUT_H_
#define ULPROOF_GPU_PTX_LAYOUT_H_

#include <cstdint>

#include "gpu/ptx/operation.h"

namespace ulproof::gpu::ptx {

inline constexpr Slot kTrueSlot = 0;           // A predicate that always holds.
inline constexpr Slot kCarrySlot = 4;          // The condition code of add.cc and its kin.
inline constexpr Slot kSinkPredicateSlot = 8;  // Where `_` goes.
inline constexpr Slot kSinkSlot = 64;          // 32 double words.
inline constexpr Slot kZeroSlot = 320;         // 32 double words of zero.
inline constexpr Slot kFirstFreeSlot = 576;

// Generic addresses. Shared, local and param addresses within their space count from 0; adding the
// window makes them generic. Global and const addresses are generic as they are.
inline constexpr std::uint64_t kSharedWindow = std::uint64_t{1} << 40;
inline constexpr std::uint64_t kLocalWindow = std::uint64_t{2} << 40;
inline constexpr std::uint64_t kParamWindow = std::uint64_t{3} << 40;
inline constexpr std::uint64_t kWindowSize = std::uint64_t{1} << 40;

// Each device buffer has 64 GiB of addresses to itself and stands in their middle, so that an
// access far out of bounds still names the buffer it came from.
inline constexpr std::uint64_t kGlobalBase = std::uint64_t{1} << 46;
inline constexpr int kBufferStrideBits = 36;
inline constexpr std::uint64_t kBufferMiddle = std::uint64_t{1} << (kBufferStrideBits - 1);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_LAYOUT_H_
