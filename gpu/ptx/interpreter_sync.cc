// SPDX-License-Identifier: Apache-2.0
// What waits: member masks of warp-wide operations, barriers of the block, and the report when
// nothing can go on.
#include <bit>
#include <utility>

#include "gpu/ptx/interpreter.h"
#include "gpu/ptx/lanes.h"
#include "gpu/ptx/layout.h"

namespace ulproof::gpu::ptx {

namespace {

bool IsWarpBarrier(const Program& program, std::uint32_t pc) {
  return program.origins[pc].row->pattern == "bar warp sync";
}

}  // namespace

// Lanes may come to bar.warp.sync by different instructions of it: when the members of all that
// wait there have come, all of them go on.
void BlockRunner::ReleaseWarpBarrier(WarpState& state) {
  LaneMask present = state.warp.exited;
  LaneMask wanted = 0;
  const auto stands_there = [&](const Fragment& fragment) {
    return fragment.waits && IsWarpBarrier(program_, fragment.pc);
  };
  for (std::uint32_t i = 0; i < state.count; ++i) {
    if (!stands_there(state.fragments[i])) continue;
    const Operation& operation = program_.code[state.fragments[i].pc];
    const auto* const members = state.warp.At<LaneMask>(operation.operand[operation.count]);
    present |= state.fragments[i].mask;
    for (LaneMask rest = state.fragments[i].mask; rest != 0; rest &= rest - 1) {
      wanted |= members[std::countr_zero(rest)];
    }
  }
  if ((wanted & ~present) != 0) return;
  ++state.warp.phase;
  const std::array<Fragment, kLanes> fragments = state.fragments;
  const std::uint32_t count = std::exchange(state.count, 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    Fragment fragment = fragments[i];
    if (stands_there(fragment))
      fragment = {.pc = fragment.pc + 1, .mask = fragment.mask, .waits = false};
    Insert(state, fragment);
  }
}

bool BlockRunner::Members(WarpState& state, std::uint32_t at, const Operation& operation,
                          LaneMask mask) {
  Fragment& fragment = state.fragments[at];
  const auto* const members = state.warp.At<LaneMask>(operation.operand[operation.count]);
  LaneMask named_by_all = kAllLanes;
  for (int lane = 0; lane < kLanes; ++lane) named_by_all &= members[lane];
  // Mostly all lanes are there and name all.
  const bool is_complete = (mask & named_by_all) == kAllLanes;
  LaneMask wanted = is_complete ? kAllLanes : 0;
  for (LaneMask rest = is_complete ? 0 : mask; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    wanted |= members[lane];
    if ((members[lane] & kLaneBit[lane]) == 0) {
      Fail(state, fragment.pc, kLaneBit[lane], "the member mask leaves out the lane itself");
      return false;
    }
  }
  const LaneMask missing = wanted & ~mask & ~state.warp.exited;
  if ((missing & fragment.mask) != 0) {
    Fail(state, fragment.pc, missing & fragment.mask,
         "the lane is in the member mask and predicated off");
    return false;
  }
  if (missing != 0) {
    fragment.waits = true;
    if (IsWarpBarrier(program_, fragment.pc)) ReleaseWarpBarrier(state);
    return false;
  }
  operation.execute(operation, state.warp, mask);
  ++fragment.pc;
  return !block_.fault.is_set;
}

bool BlockRunner::Arrive(WarpState& state, std::uint32_t at, const Operation& operation,
                         LaneMask mask) {
  Fragment& fragment = state.fragments[at];
  const std::uint32_t pc = fragment.pc;
  const Form& form = program_.barriers.at(pc);
  const bool reduces = form.Has("red");
  const int first = std::countr_zero(mask);
  const std::uint32_t id = state.warp.At<std::uint32_t>(operation.operand[reduces ? 1 : 0])[first];
  // Operands: [d,] barrier[, count][, predicate].
  Slot count_slot = operation.operand[reduces ? 2 : 1];
  Slot predicate_slot = kSinkPredicateSlot;
  if (reduces) {
    const bool has_count = operation.operand[3] != kSinkSlot;
    predicate_slot = operation.operand[has_count ? 3 : 2];
    if (!has_count) count_slot = kSinkSlot;
  }
  if (id >= barriers_.size()) {
    Fail(state, pc, mask, "barrier " + std::to_string(id) + " does not exist: there are 16");
    return false;
  }
  Barrier& barrier = barriers_[id];
  barrier.expected = count_slot == kSinkSlot ? 0 : state.warp.At<std::uint32_t>(count_slot)[first];
  barrier.arrived += static_cast<std::uint32_t>(std::popcount(mask));
  if (reduces) {
    LaneMask value = *state.warp.At<LaneMask>(predicate_slot);
    const int position = operation.operand[3] != kSinkSlot ? 3 : 2;
    if ((operation.negated >> position & 1) != 0) value = ~value;
    barrier.set_lanes += static_cast<std::uint32_t>(std::popcount(value & mask));
  }
  fragment.mask &= ~mask;
  if (form.Has("arrive")) {
    fragment.mask |= mask;
    ++fragment.pc;
  } else {
    barrier.parked.push_back({.warp = state.warp.index, .pc = pc, .mask = mask});
    ++fragment.pc;
    if (fragment.mask == 0) Remove(state, at);
  }
  if (barrier.arrived >= (barrier.expected != 0 ? barrier.expected : alive_)) Release(barrier);
  return false;
}

void BlockRunner::Release(Barrier& barrier) {
  const std::vector<Parked> parked = std::move(barrier.parked);
  for (const Parked& lanes : parked) {
    WarpState& state = warps_[lanes.warp];
    const Operation& operation = program_.code[lanes.pc];
    const Form& form = program_.barriers.at(lanes.pc);
    if (form.Has("popc")) {
      auto* const d = state.warp.At<std::uint32_t>(operation.operand[0]);
      for (LaneMask rest = lanes.mask; rest != 0; rest &= rest - 1) {
        d[std::countr_zero(rest)] = barrier.set_lanes;
      }
    } else if (form.Has("red")) {
      const bool holds =
          form.Has("and") ? barrier.set_lanes == barrier.arrived : barrier.set_lanes != 0;
      SetPredicate(state.warp, operation.operand[0], lanes.mask, holds ? kAllLanes : 0);
    }
    Insert(state, {.pc = lanes.pc + 1, .mask = lanes.mask, .waits = false});
  }
  barrier = {};
  ++block_.phase;
}

// Threads that exit may complete the barriers of those that stay.
void BlockRunner::ReleaseComplete() {
  for (Barrier& barrier : barriers_) {
    if (!barrier.parked.empty() && barrier.expected == 0 && barrier.arrived >= alive_) {
      Release(barrier);
    }
  }
}

void BlockRunner::ReportDeadlock() {
  for (const WarpState& state : warps_) {
    for (std::uint32_t i = 0; i < state.count; ++i) {
      Fail(state, state.fragments[i].pc, state.fragments[i].mask,
           "deadlock: the lane waits for lanes of its member mask that never come");
    }
  }
  for (std::size_t id = 0; id < barriers_.size(); ++id) {
    for (const Parked& lanes : barriers_[id].parked) {
      Fail(warps_[lanes.warp], lanes.pc, lanes.mask,
           "deadlock: the thread waits at barrier " + std::to_string(id) + ", where " +
               std::to_string(barriers_[id].arrived) + " of " +
               std::to_string(barriers_[id].expected != 0 ? barriers_[id].expected : alive_) +
               " threads have come");
    }
  }
}

}  // namespace ulproof::gpu::ptx
