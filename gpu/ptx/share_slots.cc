// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/share_slots.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gpu/ptx/layout.h"
#include "gpu/ptx/liveness.h"

namespace ulproof::gpu::ptx {
namespace {

constexpr Slot kLineBytes = 64;

// Slots of a new register file, by those of the old one.
class Sharing {
 public:
  explicit Sharing(Program& program) : program_(program) {}

  void Run() {
    // What holds the same for a whole launch keeps a slot to itself.
    for (Program::Constant& each : program_.constants) Move(each.slot, WidthOf(each.is_wide));
    for (auto& [special, slot] : program_.specials) Move(slot, WidthOf(false));
    for (Program::Address& each : program_.addresses) Move(each.slot, WidthOf(true));
    for (Program::ParameterConstant& each : program_.parameter_constants) {
      Move(each.slot, WidthOf(each.is_wide));
    }
    ShareRegisters();
    for (Operation& operation : program_.code) {
      for (Slot& slot : operation.operand) slot = NewSlot(slot);
      operation.guard = NewSlot(operation.guard);
    }
    for (Program::RegisterSlot& each : program_.maybe_uninitialised) each.slot = NewSlot(each.slot);
    program_.file_bytes = (next_ + kLineBytes - 1) / kLineBytes * kLineBytes;
  }

 private:
  static std::uint32_t WidthOf(bool is_wide) { return is_wide ? 8 * kLanes : 4 * kLanes; }

  Slot NewSlot(Slot slot) const {
    const auto found = moved_.find(slot);
    return found == moved_.end() ? slot : found->second;
  }

  Slot Allocate(std::uint32_t bytes) { return std::exchange(next_, next_ + bytes); }

  void Move(Slot& slot, std::uint32_t bytes) {
    const Slot to = Allocate(bytes);
    moved_.emplace(slot, to);
    slot = to;
  }

  // In the order of their ranges' beginnings each register takes a slot of its width that is free
  // again, or a new one.
  void ShareRegisters() {
    const std::vector<Program::RegisterSlot> registers = std::move(program_.registers);
    std::vector<std::size_t> order(registers.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(
        order, {}, [&](std::size_t i) { return std::pair(registers[i].bytes, ranges_[i].first); });
    using Ending = std::pair<std::uint32_t, Slot>;  // The last operation of a range, and its slot.
    std::map<std::uint32_t, std::priority_queue<Ending, std::vector<Ending>, std::greater<>>> used;
    program_.registers.clear();
    std::uint32_t bytes = 0;
    for (const std::size_t i : order) {
      const Program::RegisterSlot& each = registers[i];
      // Predicates come first; what follows begins on a line.
      if (bytes == sizeof(LaneMask) && each.bytes != bytes) {
        next_ = (next_ + kLineBytes - 1) / kLineBytes * kLineBytes;
      }
      bytes = each.bytes;
      auto& taken = used[bytes];
      Slot slot = 0;
      if (!taken.empty() && taken.top().first < ranges_[i].first) {
        slot = taken.top().second;
        taken.pop();
      } else {
        slot = Allocate(bytes);
        program_.registers.push_back({.slot = slot, .bytes = bytes, .name = {}});
      }
      taken.emplace(ranges_[i].last, slot);
      moved_.emplace(each.slot, slot);
    }
  }

  Program& program_;
  const std::vector<Liveness::Range> ranges_ = Liveness(program_).Ranges();
  std::unordered_map<Slot, Slot> moved_;
  Slot next_ = kFirstFreeSlot;
};

}  // namespace

void ShareSlots(Program& program) { Sharing(program).Run(); }

}  // namespace ulproof::gpu::ptx
