// SPDX-License-Identifier: Apache-2.0
// The loop over warps, fragments and operations.
#include "gpu/ptx/interpreter.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "gpu/ptx/lanes.h"
#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx {
namespace {

// A small generator for orders; its quality matters little (Steele et al., SplitMix64).
std::uint64_t NextRandom(std::uint64_t& state) {
  std::uint64_t z = state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

void RunOne(const Operation& operation, Warp& warp, LaneMask mask) {
  const LaneMask active = mask & (*warp.At<LaneMask>(operation.guard) ^ operation.guard_flip);
  if (active != 0) operation.execute(operation, warp, active);
}

}  // namespace

bool BlockRunner::Run(std::uint64_t block_index) {
  block_.fault = {};
  StartWarps(block_index);
  std::iota(order_.begin(), order_.end(), 0);
  if (environment_.options.warp_order == Order::kReverse)
    std::reverse(order_.begin(), order_.end());
  std::uint64_t random = environment_.options.order_seed ^ (block_index * 0x9E3779B97F4A7C15);
  while (alive_ != 0) {
    if (environment_.options.warp_order == Order::kRandom) {
      for (std::size_t i = order_.size(); i > 1; --i) {
        std::swap(order_[i - 1], order_[NextRandom(random) % i]);
      }
    }
    bool progress = false;
    for (const std::uint32_t i : order_) {
      WarpState& state = warps_[i];
      const auto ready = [](const Fragment& fragment) { return !fragment.waits; };
      if (std::any_of(state.fragments.begin(), state.fragments.begin() + state.count, ready)) {
        progress = true;
        RunWarp(state);
        if (block_.fault.is_set) return false;
      }
    }
    if (alive_ == 0) break;
    const std::uint32_t phase = block_.phase;
    ReleaseComplete();
    if (!progress && block_.phase == phase) {
      ReportDeadlock();
      return false;
    }
  }
  return true;
}

void BlockRunner::RunWarp(WarpState& state) {
  while (!block_.fault.is_set) {
    std::uint32_t at = 0;
    while (at < state.count && state.fragments[at].waits) ++at;
    if (at == state.count) return;
    RunFragment(state, at);
  }
}

void BlockRunner::RunFragment(WarpState& state, std::uint32_t at) {
  Warp& warp = state.warp;
  for (;;) {
    Fragment& fragment = state.fragments[at];
    const LaneMask mask = fragment.mask;
    const std::uint32_t limit = at + 1 < state.count ? state.fragments[at + 1].pc : UINT32_MAX;
    const std::uint32_t begin = fragment.pc;
    const std::uint32_t end = std::min(program_.run_end[begin], limit);
    RunStraight(warp, mask, begin, end);
    Record(begin, end, mask);
    fragment.pc = end;
    if (block_.fault.is_set) return;
    if (budget_ == 0) {
      Fail(state, end, mask, "the block ran past its instruction budget");
      return;
    }
    if (end == limit) {
      state.fragments[at + 1].mask |= mask;
      state.fragments[at + 1].waits = false;
      Remove(state, at);
      return;
    }
    Record(end, end + 1, mask);
    if (!Step(state, at)) return;
  }
}

// The operations from `begin` to before `end`, none of which is control.
void BlockRunner::RunStraight(Warp& warp, LaneMask mask, std::uint32_t begin, std::uint32_t end) {
  const Operation* const code = program_.code.data();
  const auto& compiled = environment_.compiled->by_begin;
  // With all lanes in this fragment there is no other, so the run goes to its very end.
  if (mask == kAllLanes && !compiled.empty() && compiled[begin] != nullptr) {
    std::pair<const Operation*, Warp*> context(code, &warp);
    compiled[begin](warp.registers, &context, [](void* pointer, std::uint32_t pc) {
      const auto& [operations, its_warp] =
          *static_cast<std::pair<const Operation*, Warp*>*>(pointer);
      RunOne(operations[pc], *its_warp, kAllLanes);
    });
    return;
  }
  for (std::uint32_t pc = begin; pc < end; ++pc) RunOne(code[pc], warp, mask);
}

// The operation at a fragment's pc, which is not Control::kNone. True: the fragment may run on.
bool BlockRunner::Step(WarpState& state, std::uint32_t at) {
  Fragment& fragment = state.fragments[at];
  const Operation& operation = program_.code[fragment.pc];
  const LaneMask active =
      fragment.mask & (*state.warp.At<LaneMask>(operation.guard) ^ operation.guard_flip);
  switch (static_cast<Control>(operation.control)) {
    case Control::kBranch:
      return Branch(state, at, active, static_cast<std::uint32_t>(operation.offset));
    case Control::kExit: {
      state.warp.exited |= active;
      alive_ -= static_cast<std::uint32_t>(std::popcount(active));
      fragment.mask &= ~active;
      ++fragment.pc;
      if (active == 0) return true;
      // Lanes that wait for the ones that left may go on.
      for (std::uint32_t i = 0; i < state.count; ++i) state.fragments[i].waits = false;
      if (fragment.mask == 0) {
        Remove(state, at);
        return false;
      }
      return true;
    }
    default:
      break;
  }
  if (active == 0) {
    ++fragment.pc;
    return true;
  }
  switch (static_cast<Control>(operation.control)) {
    case Control::kIndexed:
      return IndexedBranch(state, at, operation, active);
    case Control::kMembers:
      return Members(state, at, operation, active);
    case Control::kBarrier:
      return Arrive(state, at, operation, active);
    default: {
      const Instruction* const instruction = program_.origins[fragment.pc].instruction;
      std::string message = "trap";
      if (instruction->opcode == "call") {
        message = "call of a function that the module does not define";
      }
      Fail(state, fragment.pc, active, std::move(message));
      return false;
    }
  }
}

bool BlockRunner::Branch(WarpState& state, std::uint32_t at, LaneMask taken, std::uint32_t target) {
  Fragment& fragment = state.fragments[at];
  const LaneMask not_taken = fragment.mask & ~taken;
  if (program_.code[fragment.pc].guard != kTrueSlot) ++counts_.branches;
  const std::uint32_t next = taken != 0 && not_taken == 0 ? target : fragment.pc + 1;
  if (taken != 0 && not_taken != 0) {
    ++counts_.divergent_branches;
    fragment.mask = not_taken;
    fragment.pc = next;
    Insert(state, {.pc = target, .mask = taken, .waits = false});
    return false;
  }
  if (state.count == 1) {
    fragment.pc = next;
    return true;
  }
  const Fragment moved{.pc = next, .mask = fragment.mask, .waits = false};
  Remove(state, at);
  Insert(state, moved);
  return false;
}

bool BlockRunner::IndexedBranch(WarpState& state, std::uint32_t at, const Operation& operation,
                                LaneMask mask) {
  const std::vector<std::uint32_t>& targets =
      program_.branch_targets[static_cast<std::size_t>(operation.offset)];
  const auto* const index = state.warp.At<std::uint32_t>(operation.operand[0]);
  const Fragment fragment = state.fragments[at];
  ++counts_.branches;
  Remove(state, at);
  if (fragment.mask != mask) {
    Insert(state, {.pc = fragment.pc + 1, .mask = fragment.mask & ~mask, .waits = false});
  }
  for (LaneMask rest = mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    if (index[lane] >= targets.size()) {
      Fail(state, fragment.pc, kLaneBit[lane], "brx.idx index is past the end of its targets");
      return false;
    }
    Insert(state, {.pc = targets[index[lane]], .mask = kLaneBit[lane], .waits = false});
  }
  return false;
}

// Keeps fragments sorted; one that comes to another's instruction joins it.
void BlockRunner::Insert(WarpState& state, Fragment fragment) {
  std::uint32_t at = 0;
  while (at < state.count && state.fragments[at].pc < fragment.pc) ++at;
  if (at < state.count && state.fragments[at].pc == fragment.pc) {
    state.fragments[at].mask |= fragment.mask;
    state.fragments[at].waits = false;
    return;
  }
  std::copy_backward(state.fragments.begin() + at, state.fragments.begin() + state.count,
                     state.fragments.begin() + state.count + 1);
  state.fragments[at] = fragment;
  ++state.count;
}

void BlockRunner::Remove(WarpState& state, std::uint32_t at) {
  std::copy(state.fragments.begin() + at + 1, state.fragments.begin() + state.count,
            state.fragments.begin() + at);
  --state.count;
}

void BlockRunner::Record(std::uint32_t begin, std::uint32_t end, LaneMask mask) {
  const int lanes = std::popcount(mask);
  counts_.warp_steps[begin] += 1;
  counts_.warp_steps[end] -= 1;
  counts_.thread_steps[begin] += lanes;
  counts_.thread_steps[end] -= lanes;
  budget_ -= std::min<std::uint64_t>(budget_, end - begin);
}

void BlockRunner::Fail(const WarpState& state, std::uint32_t pc, LaneMask mask,
                       std::string message) {
  block_.SetFault(program_.code[pc], state.warp, std::countr_zero(mask), std::move(message));
}

}  // namespace ulproof::gpu::ptx
