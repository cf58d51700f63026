// SPDX-License-Identifier: Apache-2.0
// Which registers may still be read before they are written: backward liveness over basic blocks. A
// write under a guard does not count, since the other lanes keep what was there.
#ifndef ULPROOF_GPU_PTX_LIVENESS_H_
#define ULPROOF_GPU_PTX_LIVENESS_H_

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

// Registers are named by their index in Program::registers.
class Liveness {
 public:
  struct Set {
    std::vector<std::uint64_t> words;

    explicit Set(std::size_t size = 0) : words(size) {}
    bool Has(std::size_t i) const { return (words[i / 64] >> (i % 64) & 1) != 0; }
    void Add(std::size_t i) { words[i / 64] |= std::uint64_t{1} << (i % 64); }
    void Remove(std::size_t i) { words[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  };

  // Keeps a reference to `program`.
  explicit Liveness(const Program& program);

  bool IsLiveAtStart(std::size_t reg) const;
  // The registers that some path reads, before it writes them, once operation `pc` has run.
  Set LiveAfter(std::uint32_t pc) const;
  // From the first to the last operation at which a register holds what may still be read, or is
  // written or read. A register that no operation names has none: first is behind last.
  struct Range {
    std::uint32_t first = UINT32_MAX;
    std::uint32_t last = 0;
  };
  std::vector<Range> Ranges() const;
  // Whether a basic block begins at operation `pc`.
  bool IsBlockStart(std::uint32_t pc) const { return blocks_[block_of_[pc]].begin == pc; }

 private:
  struct BasicBlock {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::vector<std::uint32_t> successors = {};
    Set reads = Set();   // Before any write in the block.
    Set writes = Set();  // Unguarded.
    Set live_in = Set();
  };

  void MakeBlocks();
  std::vector<std::uint32_t> Targets(std::uint32_t pc) const;
  template <typename Function>
  void ForEachRead(std::uint32_t pc, const Function& function) const;
  template <typename Function>
  void ForEachWrite(std::uint32_t pc, const Function& function) const;
  template <typename Function>
  void ForEachOperand(std::uint32_t pc, std::uint16_t which, const Function& function) const;
  void Summarise(BasicBlock& block) const;
  Set LiveOut(const BasicBlock& block) const;
  bool Update(BasicBlock& block) const;

  const Program& program_;
  std::size_t words_;
  std::unordered_map<Slot, std::size_t> index_;
  std::vector<BasicBlock> blocks_;
  std::vector<std::uint32_t> block_of_;  // By operation.
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_LIVENESS_H_
