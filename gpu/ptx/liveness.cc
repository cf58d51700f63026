// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/liveness.h"

#include <algorithm>

#include "gpu/ptx/decode.h"
#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx {

Liveness::Liveness(const Program& program)
    : program_(program), words_((program.registers.size() + 63) / 64) {
  for (std::size_t i = 0; i < program.registers.size(); ++i) {
    index_.emplace(program.registers[i].slot, i);
  }
  MakeBlocks();
  for (BasicBlock& block : blocks_) Summarise(block);
  bool changed = true;
  while (changed) {
    changed = false;
    for (std::size_t i = blocks_.size(); i-- > 0;) changed |= Update(blocks_[i]);
  }
}

bool Liveness::IsLiveAtStart(std::size_t reg) const { return blocks_[0].live_in.Has(reg); }

Liveness::Set Liveness::LiveAfter(std::uint32_t pc) const {
  const BasicBlock& block = blocks_[block_of_[pc]];
  Set live = LiveOut(block);
  for (std::uint32_t at = block.end; at-- > pc + 1;) {
    ForEachWrite(at, [&](std::size_t reg) { live.Remove(reg); });
    ForEachRead(at, [&](std::size_t reg) { live.Add(reg); });
  }
  return live;
}

std::vector<Liveness::Range> Liveness::Ranges() const {
  std::vector<Range> ranges(program_.registers.size());
  for (const BasicBlock& block : blocks_) {
    const auto extend = [&](std::size_t reg, std::uint32_t pc) {
      ranges[reg].first = std::min(ranges[reg].first, pc);
      ranges[reg].last = std::max(ranges[reg].last, pc);
    };
    const Set out = LiveOut(block);
    for (std::size_t reg = 0; reg < ranges.size(); ++reg) {
      if (block.live_in.Has(reg)) extend(reg, block.begin);
      if (out.Has(reg)) extend(reg, block.end - 1);
    }
    for (std::uint32_t pc = block.begin; pc < block.end; ++pc) {
      const auto use = [&](std::size_t reg) { extend(reg, pc); };
      ForEachRead(pc, use);
      ForEachOperand(pc, program_.origins[pc].writes, use);  // Guarded ones too.
    }
  }
  return ranges;
}

void Liveness::MakeBlocks() {
  const auto size = static_cast<std::uint32_t>(program_.code.size());
  std::vector<bool> starts(size + 1, false);
  starts[0] = true;
  for (std::uint32_t pc = 0; pc < size; ++pc) {
    const auto control = static_cast<Control>(program_.code[pc].control);
    if (control == Control::kNone || control == Control::kBarrier || control == Control::kMembers) {
      continue;
    }
    starts[pc + 1] = true;
    for (const std::uint32_t target : Targets(pc)) starts[target] = true;
  }
  block_of_.assign(size + 1, 0);
  for (std::uint32_t pc = 0; pc < size; ++pc) {
    if (starts[pc]) blocks_.push_back({.begin = pc});
    block_of_[pc] = static_cast<std::uint32_t>(blocks_.size() - 1);
    blocks_.back().end = pc + 1;
  }
  for (BasicBlock& block : blocks_) {
    const std::uint32_t last = block.end - 1;
    const auto control = static_cast<Control>(program_.code[last].control);
    for (const std::uint32_t target : Targets(last)) {
      if (target < size) block.successors.push_back(block_of_[target]);
    }
    const bool leaves = control == Control::kBranch || control == Control::kExit ||
                        control == Control::kIndexed || control == Control::kTrap;
    const bool always = program_.code[last].guard == kTrueSlot;
    if (!(leaves && always) && block.end < size) block.successors.push_back(block_of_[block.end]);
  }
}

std::vector<std::uint32_t> Liveness::Targets(std::uint32_t pc) const {
  const Operation& operation = program_.code[pc];
  const auto control = static_cast<Control>(operation.control);
  if (control == Control::kBranch) return {static_cast<std::uint32_t>(operation.offset)};
  if (control == Control::kIndexed) {
    return program_.branch_targets[static_cast<std::size_t>(operation.offset)];
  }
  return {};
}

template <typename Function>
void Liveness::ForEachRead(std::uint32_t pc, const Function& function) const {
  const auto guard = index_.find(program_.code[pc].guard);
  if (guard != index_.end()) function(guard->second);
  ForEachOperand(pc, program_.origins[pc].reads, function);
}

template <typename Function>
void Liveness::ForEachWrite(std::uint32_t pc, const Function& function) const {
  if (program_.code[pc].guard == kTrueSlot) {
    ForEachOperand(pc, program_.origins[pc].writes, function);
  }
}

template <typename Function>
void Liveness::ForEachOperand(std::uint32_t pc, std::uint16_t which,
                              const Function& function) const {
  for (std::size_t i = 0; i < kMaxOperands; ++i) {
    if ((which >> i & 1) == 0) continue;
    const auto found = index_.find(program_.code[pc].operand[i]);
    if (found != index_.end()) function(found->second);
  }
}

void Liveness::Summarise(BasicBlock& block) const {
  block.reads = block.writes = block.live_in = Set(words_);
  for (std::uint32_t pc = block.begin; pc < block.end; ++pc) {
    ForEachRead(pc, [&](std::size_t reg) {
      if (!block.writes.Has(reg)) block.reads.Add(reg);
    });
    ForEachWrite(pc, [&](std::size_t reg) { block.writes.Add(reg); });
  }
}

Liveness::Set Liveness::LiveOut(const BasicBlock& block) const {
  Set out(words_);
  for (const std::uint32_t next : block.successors) {
    for (std::size_t w = 0; w < words_; ++w) out.words[w] |= blocks_[next].live_in.words[w];
  }
  return out;
}

bool Liveness::Update(BasicBlock& block) const {
  bool changed = false;
  const Set out = LiveOut(block);
  for (std::size_t w = 0; w < words_; ++w) {
    const std::uint64_t in = block.reads.words[w] | (out.words[w] & ~block.writes.words[w]);
    changed |= in != block.live_in.words[w];
    block.live_in.words[w] = in;
  }
  return changed;
}

void FindUninitialisedRegisters(Program& program) {
  const Liveness liveness(program);
  for (std::size_t i = 0; i < program.registers.size(); ++i) {
    if (liveness.IsLiveAtStart(i)) program.maybe_uninitialised.push_back(program.registers[i]);
  }
}

}  // namespace ulproof::gpu::ptx
