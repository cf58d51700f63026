// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "gpu/ptx/form.h"
#include "gpu/ptx/lanes.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/by_operand.h"

namespace ulproof::gpu::ptx::ops {
namespace {

template <typename T>
T Same(T a) {
  return a;
}

void CopyPredicate(const Operation& operation, Warp& warp, LaneMask mask) {
  LaneMask value = *warp.At<LaneMask>(operation.operand[1]);
  if ((operation.negated >> 1 & 1) != 0) value = ~value;
  SetPredicate(warp, operation.operand[0], mask, value);
}

// Parts are never wider than 32 bits.
template <typename WholeWord>
ULPROOF_TARGET_CLONES void Unpack(const Operation& operation, Warp& warp, LaneMask mask) {
  const int part_bits = 8 * operation.register_bytes[0];
  const WholeWord keep = static_cast<WholeWord>(~std::uint64_t{0} >> (64 - part_bits));
  WholeWord whole[kLanes];
  std::memcpy(whole, warp.At<WholeWord>(operation.operand[operation.count]), sizeof(whole));
  for (int i = 0; i < operation.count; ++i) {
    if (operation.operand[i] == kSinkSlot) continue;
    auto* const part = warp.At<std::uint32_t>(operation.operand[i]);
    const int shift = i * part_bits;
    ULPROOF_EACH_LANE
    for (int lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<std::uint32_t>(whole[lane] >> shift & keep);
      part[lane] = (mask & kLaneBit[lane]) != 0 ? value : part[lane];
    }
  }
}

template <typename WholeWord>
ULPROOF_TARGET_CLONES void Pack(const Operation& operation, Warp& warp, LaneMask mask) {
  const int part_bits = 8 * operation.register_bytes[1];
  WholeWord whole[kLanes] = {};
  for (int i = 0; i < operation.count; ++i) {
    const auto* const part = warp.At<std::uint32_t>(operation.operand[i + 1]);
    const int shift = i * part_bits;
    for (int lane = 0; lane < kLanes; ++lane) {
      whole[lane] |= static_cast<WholeWord>(part[lane]) << shift;
    }
  }
  auto* const result = warp.At<WholeWord>(operation.operand[0]);
  ULPROOF_EACH_LANE
  for (int lane = 0; lane < kLanes; ++lane) {
    result[lane] = (mask & kLaneBit[lane]) != 0 ? whole[lane] : result[lane];
  }
}

}  // namespace

Execute CopyOf(int bits) {
  if (bits == 1) return &CopyPredicate;
  return bits == 64 ? &Lanes<&Same<std::uint64_t>> : &Lanes<&Same<std::uint32_t>>;
}

void UnpackLanes(const Operation& operation, Warp& warp, LaneMask mask) {
  if (operation.register_bytes[1] == 8) {
    Unpack<std::uint64_t>(operation, warp, mask);
  } else {
    Unpack<std::uint32_t>(operation, warp, mask);
  }
}

void PackLanes(const Operation& operation, Warp& warp, LaneMask mask) {
  if (operation.register_bytes[0] == 8) {
    Pack<std::uint64_t>(operation, warp, mask);
  } else {
    Pack<std::uint32_t>(operation, warp, mask);
  }
}

Binding MoveValue(const Form& form) { return {CopyOf(BitsOf(form.type()))}; }

}  // namespace ulproof::gpu::ptx::ops
