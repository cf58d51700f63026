// SPDX-License-Identifier: Apache-2.0
// Which registers may be read before they are written: backward liveness over basic blocks. A write
// under a guard does not count, since the other lanes keep what was there.
#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "gpu/ptx/decode.h"
#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx {
namespace {

using Set = std::vector<std::uint64_t>;

struct BasicBlock {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::vector<std::uint32_t> successors = {};
  Set reads = {};   // Before any write in the block.
  Set writes = {};  // Unguarded.
  Set live_in = {};
};

class Liveness {
 public:
  explicit Liveness(Program& program) : program_(program) {
    for (std::size_t i = 0; i < program.registers.size(); ++i) {
      index_.emplace(program.registers[i].slot, i);
    }
    words_ = (program.registers.size() + 63) / 64;
  }

  void Run() {
    MakeBlocks();
    for (BasicBlock& block : blocks_) Summarise(block);
    bool changed = true;
    while (changed) {
      changed = false;
      for (std::size_t i = blocks_.size(); i-- > 0;) changed |= Update(blocks_[i]);
    }
    for (std::size_t i = 0; i < program_.registers.size(); ++i) {
      if (Has(blocks_[0].live_in, i)) {
        program_.maybe_uninitialised.push_back(program_.registers[i]);
      }
    }
  }

 private:
  static bool Has(const Set& set, std::size_t i) { return (set[i / 64] >> (i % 64) & 1) != 0; }
  static void Add(Set& set, std::size_t i) { set[i / 64] |= std::uint64_t{1} << (i % 64); }

  void MakeBlocks() {
    const auto size = static_cast<std::uint32_t>(program_.code.size());
    std::vector<bool> starts(size + 1, false);
    starts[0] = true;
    for (std::uint32_t pc = 0; pc < size; ++pc) {
      const auto control = static_cast<Control>(program_.code[pc].control);
      if (control == Control::kNone || control == Control::kBarrier ||
          control == Control::kMembers) {
        continue;
      }
      starts[pc + 1] = true;
      for (const std::uint32_t target : Targets(pc)) starts[target] = true;
    }
    std::vector<std::uint32_t> block_of(size + 1, 0);
    for (std::uint32_t pc = 0; pc < size; ++pc) {
      if (starts[pc]) blocks_.push_back({.begin = pc});
      block_of[pc] = static_cast<std::uint32_t>(blocks_.size() - 1);
      blocks_.back().end = pc + 1;
    }
    for (BasicBlock& block : blocks_) {
      const std::uint32_t last = block.end - 1;
      const auto control = static_cast<Control>(program_.code[last].control);
      for (const std::uint32_t target : Targets(last)) {
        if (target < size) block.successors.push_back(block_of[target]);
      }
      const bool leaves = control == Control::kBranch || control == Control::kExit ||
                          control == Control::kIndexed || control == Control::kTrap;
      const bool always = program_.code[last].guard == kTrueSlot;
      if (!(leaves && always) && block.end < size) block.successors.push_back(block_of[block.end]);
    }
  }

  std::vector<std::uint32_t> Targets(std::uint32_t pc) const {
    const Operation& operation = program_.code[pc];
    const auto control = static_cast<Control>(operation.control);
    if (control == Control::kBranch) return {static_cast<std::uint32_t>(operation.offset)};
    if (control == Control::kIndexed) {
      return program_.branch_targets[static_cast<std::size_t>(operation.offset)];
    }
    return {};
  }

  void Summarise(BasicBlock& block) {
    block.reads.assign(words_, 0);
    block.writes.assign(words_, 0);
    block.live_in.assign(words_, 0);
    for (std::uint32_t pc = block.begin; pc < block.end; ++pc) {
      const Operation& operation = program_.code[pc];
      const Program::Origin& origin = program_.origins[pc];
      const auto read = [&](Slot slot) {
        const auto found = index_.find(slot);
        if (found != index_.end() && !Has(block.writes, found->second)) {
          Add(block.reads, found->second);
        }
      };
      read(operation.guard);
      for (int i = 0; i < kMaxOperands; ++i) {
        if ((origin.reads >> i & 1) != 0) read(operation.operand[i]);
      }
      if (operation.guard != kTrueSlot) continue;
      for (int i = 0; i < kMaxOperands; ++i) {
        if ((origin.writes >> i & 1) == 0) continue;
        const auto found = index_.find(operation.operand[i]);
        if (found != index_.end()) Add(block.writes, found->second);
      }
    }
  }

  bool Update(BasicBlock& block) {
    bool changed = false;
    for (std::size_t w = 0; w < words_; ++w) {
      std::uint64_t out = 0;
      for (const std::uint32_t next : block.successors) out |= blocks_[next].live_in[w];
      const std::uint64_t in = block.reads[w] | (out & ~block.writes[w]);
      changed |= in != block.live_in[w];
      block.live_in[w] = in;
    }
    return changed;
  }

  Program& program_;
  std::unordered_map<Slot, std::size_t> index_;
  std::size_t words_ = 0;
  std::vector<BasicBlock> blocks_;
};

}  // namespace

void FindUninitialisedRegisters(Program& program) { Liveness(program).Run(); }

}  // namespace ulproof::gpu::ptx
