// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "gpu/ptx/block.h"

namespace ulproof::gpu::ptx {

std::string RaceCheck::Access(const Block& block, const Warp& warp, int lane, std::uint64_t offset,
                              std::uint64_t size, bool is_store) {
  const std::uint32_t thread = warp.index * kLanes + static_cast<std::uint32_t>(lane);
  // Ordered: a barrier of the block lies between, or one warp's own synchronisation, or it is the
  // same thread.
  const auto conflicts = [&](const Event& event) {
    if (event.phase != block.phase) return false;
    if (event.thread == thread && !event.is_shared_by_threads) return false;
    const bool same_warp = event.thread / kLanes == warp.index;
    return !same_warp || event.is_shared_by_threads || event.warp_phase == warp.phase;
  };
  std::string race;
  const auto report = [&](std::string_view first, std::string_view second, std::uint64_t at,
                          std::uint32_t other) {
    if (!race.empty()) return;
    race = std::string(second) + " of shared byte " + std::to_string(at) + " by thread " +
           std::to_string(thread) + " races with a " + std::string(first) + " by thread " +
           std::to_string(other);
  };
  for (std::uint64_t at = offset; at < offset + size && at < bytes_.size(); ++at) {
    Byte& byte = bytes_[at];
    if (conflicts(byte.write)) report("store", is_store ? "store" : "load", at, byte.write.thread);
    if (is_store) {
      if (conflicts(byte.read)) report("load", "store", at, byte.read.thread);
      byte.write = {.phase = block.phase, .warp_phase = warp.phase, .thread = thread};
    } else {
      const bool same_phase = byte.read.phase == block.phase;
      const bool several =
          same_phase && (byte.read.is_shared_by_threads || byte.read.thread / kLanes != warp.index);
      byte.read = {.phase = block.phase,
                   .warp_phase = warp.phase,
                   .thread = thread,
                   .is_shared_by_threads = several};
    }
  }
  return race;
}

void RaceCheck::Reset() { std::fill(bytes_.begin(), bytes_.end(), Byte{}); }

}  // namespace ulproof::gpu::ptx
