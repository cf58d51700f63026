// SPDX-License-Identifier: Apache-2.0
// From the addresses of a warp's lanes to bytes of the host, with every check: bounds, alignment,
// constness, bytes that nothing has written. Shared by loads, stores, copies and atomics.
#ifndef ULPROOF_GPU_PTX_OPS_MEMORY_ACCESS_H_
#define ULPROOF_GPU_PTX_OPS_MEMORY_ACCESS_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "gpu/ptx/block.h"
#include "gpu/ptx/form.h"
#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx::ops {

enum class AccessKind : std::uint8_t { kLoad, kStore, kAtomic };

// Where the lanes' bytes are. With all lanes active and their elements one after another,
// `consecutive` is the first lane's; else it is null and pointer[lane] holds for active lanes.
struct Access {
  std::uint8_t* consecutive = nullptr;
  std::uint8_t* pointer[kLanes];
};

// The space that a generic address lies in; kGeneric when in none.
inline Space SpaceOf(std::uint64_t address) {
  if (address >= kGlobalBase) return Space::kGlobal;
  switch (address / kWindowSize) {
    case kSharedWindow / kWindowSize:
      return Space::kShared;
    case kLocalWindow / kWindowSize:
      return Space::kLocal;
    case kParamWindow / kWindowSize:
      return Space::kParam;
    default:
      return Space::kGeneric;
  }
}

// The state space among a form's modifiers; kGeneric when there is none.
Space SpaceOfForm(const Form& form);

// Resolves an access of `bytes` at operand[address_operand] + offset in every active lane, counts
// it, and marks stored bytes as written. False: a fault was set.
bool Resolve(const Operation& operation, Warp& warp, LaneMask mask, int address_operand,
             std::size_t bytes, AccessKind kind, Access& access);

// The same for one lane, with its own alignment; a fault is reported at `at`.
bool ResolveLane(const Operation& at, const Operation& operation, Warp& warp, int lane,
                 int address_operand, std::size_t bytes, std::size_t alignment, AccessKind kind,
                 Access& access);

}  // namespace ulproof::gpu::ptx::ops

#endif  // ULPROOF_GPU_PTX_OPS_MEMORY_ACCESS_H_
