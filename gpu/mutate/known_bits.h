// SPDX-License-Identifier: Apache-2.0
// Which bits of a register are zero whatever the kernel is given, and which bits decide anything:
// enough to prove that an `or` of disjoint bits may as well be a sum, or that a sign bit is never
// set. One answer a register for the whole kernel, joined over all of its writes or readers; of
// what was written before in the same straight run of instructions, that write's.
//
// A register that a loop counts up is taken to stay below a quarter of its range: from there on a
// thread would have to go round millions of times more.
#ifndef ULPROOF_GPU_MUTATE_KNOWN_BITS_H_
#define ULPROOF_GPU_MUTATE_KNOWN_BITS_H_

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "gpu/ptx/program.h"

namespace ulproof::gpu {

class KnownBits {
 public:
  explicit KnownBits(const ptx::Program& program);

  // Bits of operand i that are zero in every lane whenever the operation at `pc` reads it. Bits
  // above a register's width are.
  std::uint64_t Zeros(std::uint32_t pc, int i) const {
    return at_[pc][static_cast<std::size_t>(i)];
  }

 private:
  using SlotBits = std::unordered_map<ptx::Slot, std::uint64_t>;

  // Goes through the program once; whether anything that is known of a register has changed.
  bool Pass(const ptx::Program& program, const std::vector<bool>& is_target);
  std::uint64_t Result(const ptx::Program& program, std::uint32_t pc) const;

  SlotBits zeros_;  // Of slots that something is known of, after any of their writes.
  std::vector<std::array<std::uint64_t, ptx::kMaxOperands>> at_;
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
