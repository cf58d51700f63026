// SPDX-License-Identifier: Apache-2.0
// Which bits of a register are zero whatever the kernel is given, and which bits decide anything:
// enough to prove that an `or` of disjoint bits may as well be a sum, or that a sign bit is never
// set. One answer a register for the whole kernel, joined over all of its writes or readers.
#ifndef ULPROOF_GPU_MUTATE_KNOWN_BITS_H_
#define ULPROOF_GPU_MUTATE_KNOWN_BITS_H_

#include <cstdint>
#include <unordered_map>

#include "gpu/ptx/program.h"

namespace ulproof::gpu {

class KnownBits {
 public:
  explicit KnownBits(const ptx::Program& program);

  // Bits that are zero in every lane at every time. Bits above a register's width are.
  std::uint64_t Zeros(ptx::Slot slot) const;

 private:
  std::uint64_t Result(const ptx::Program& program, std::uint32_t pc) const;

  std::unordered_map<ptx::Slot, std::uint64_t> zeros_;  // Of slots that something is known of.
};

// Which bits of a register can reach memory, an address, a branch or a number: a bit that is
// shifted or masked away everywhere decides nothing.
class DemandedBits {
 public:
  DemandedBits(const ptx::Program& program, const KnownBits& known);

  std::uint64_t Bits(ptx::Slot slot) const;

 private:
  std::uint64_t OfSource(const ptx::Program& program, const KnownBits& known, std::uint32_t pc,
                         int source) const;

  std::unordered_map<ptx::Slot, std::uint64_t> demanded_;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_KNOWN_BITS_H_
