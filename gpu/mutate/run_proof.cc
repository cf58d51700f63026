// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/run_proof.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "gpu/mutate/symbolic_run.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/liveness.h"

namespace ulproof::gpu {
namespace {

using ptx::Control;
using ptx::Operation;
using ptx::Program;
using ptx::Slot;

// Beyond this a run is too long to be worth a solver's time.
constexpr std::uint32_t kMaxRun = 5000, kMaxWideRun = 1500;
constexpr std::size_t kMostWideRuns = 4;

// [first, second) of the operations.
using Range = std::pair<std::uint32_t, std::uint32_t>;

Control ControlOf(const Program& program, std::uint32_t pc) {
  return static_cast<Control>(program.code[pc].control);
}

bool SameControl(const Program& a, const Program& b) {
  if (a.code.size() != b.code.size() || a.branch_targets != b.branch_targets) return false;
  for (std::uint32_t pc = 0; pc < a.code.size(); ++pc) {
    if (ControlOf(a, pc) != ControlOf(b, pc)) return false;
    const bool jumps =
        ControlOf(a, pc) == Control::kBranch || ControlOf(a, pc) == Control::kIndexed;
    if (jumps && a.code[pc].offset != b.code[pc].offset) return false;
  }
  return true;
}

// Where control comes to or goes from otherwise than by going on.
std::set<std::uint32_t> Borders(const Program& program) {
  std::set<std::uint32_t> borders = {0, static_cast<std::uint32_t>(program.code.size())};
  for (std::uint32_t pc = 0; pc < program.code.size(); ++pc) {
    if (ControlOf(program, pc) == Control::kNone) continue;
    borders.insert({pc, pc + 1});
    if (ControlOf(program, pc) == Control::kBranch) {
      borders.insert(static_cast<std::uint32_t>(program.code[pc].offset));
    }
  }
  for (const auto& targets : program.branch_targets) borders.insert(targets.begin(), targets.end());
  return borders;
}

// The operations around `pc` within which control only goes on.
std::optional<Range> StraightRun(const Program& program, std::uint32_t pc) {
  if (ControlOf(program, pc) != Control::kNone) return std::nullopt;
  const std::set<std::uint32_t> borders = Borders(program);
  const auto after = borders.upper_bound(pc);
  const Range run = {*std::prev(after), *after};
  if (run.second - run.first > kMaxRun) return std::nullopt;
  return run;
}

// Whether control comes into the range at its beginning alone, and never goes back in it.
bool IsClosed(const Program& program, const Range& range) {
  const auto is_inside = [&](std::uint32_t pc) { return pc > range.first && pc < range.second; };
  for (std::uint32_t pc = 0; pc < program.code.size(); ++pc) {
    const bool from_inside = pc >= range.first && pc < range.second;
    if (ControlOf(program, pc) != Control::kBranch) continue;
    const auto target = static_cast<std::uint32_t>(program.code[pc].offset);
    if (is_inside(target) && (!from_inside || target <= pc)) return false;
  }
  return std::ranges::none_of(program.branch_targets, [&](const auto& targets) {
    return std::ranges::any_of(targets, is_inside);
  });
}

bool CanBeRun(Control control) {
  return control == Control::kNone || control == Control::kMembers || control == Control::kBranch ||
         control == Control::kExit;
}

// Ranges around `pc` through which paths may part and meet, by their ends: the nearest places where
// paths meet, at which a difference may be gone already, and the farthest. Each begins as early as
// it can, to know most.
std::vector<Range> WideRuns(const Program& program, std::uint32_t pc) {
  if (!CanBeRun(ControlOf(program, pc))) return {};
  const std::set<std::uint32_t> borders = Borders(program);
  const auto after = borders.upper_bound(pc);
  std::vector<std::uint32_t> begins;  // Backwards.
  for (auto begin = std::prev(after); pc - *begin <= kMaxWideRun; --begin) {
    begins.push_back(*begin);
    if (begin == borders.begin() || !CanBeRun(ControlOf(program, *begin - 1))) break;
  }
  std::vector<Range> runs;
  for (auto end = after; end != borders.end() && *end - pc <= kMaxWideRun; ++end) {
    if (!CanBeRun(ControlOf(program, *end - 1))) break;
    const bool is_meeting = std::ranges::any_of(program.code, [&](const Operation& operation) {
      return operation.control == static_cast<std::uint8_t>(Control::kBranch) &&
             static_cast<std::uint32_t>(operation.offset) == *end;
    });
    if (!is_meeting && std::next(end) != borders.end()) continue;
    const auto begin = std::find_if(begins.rbegin(), begins.rend(), [&](std::uint32_t first) {
      return IsClosed(program, {first, *end});
    });
    if (begin == begins.rend()) continue;
    if (runs.size() == kMostWideRuns) runs.pop_back();
    runs.emplace_back(*begin, *end);
  }
  return runs;
}

// The registers that may be read from the operation at `pc` on, by their numbers.
std::set<std::size_t> LiveBefore(const Program& program, const ptx::Liveness& liveness,
                                 std::uint32_t pc) {
  std::set<std::size_t> live;
  const Operation& operation = program.code[pc];
  const Program::Origin& origin = program.origins[pc];
  const ptx::Liveness::Set after = liveness.LiveAfter(pc);
  for (std::size_t i = 0; i < program.registers.size(); ++i) {
    bool is_read = operation.guard == program.registers[i].slot, is_written = false;
    for (std::size_t k = 0; k < ptx::kMaxOperands; ++k) {
      if (operation.operand[k] != program.registers[i].slot) continue;
      is_read |= (origin.reads >> k & 1) != 0;
      is_written |= (origin.writes >> k & 1) != 0 && operation.guard == ptx::kTrueSlot;
    }
    if (is_read || (after.Has(i) && !is_written)) live.insert(i);
  }
  return live;
}

// The registers that may be read once control has left the range.
std::set<std::size_t> LiveAfter(const Program& program, const Range& range) {
  const ptx::Liveness liveness(program);
  std::set<std::size_t> live;
  const auto add = [&](std::uint32_t pc) {
    if (pc < program.code.size()) live.merge(LiveBefore(program, liveness, pc));
  };
  add(range.second);
  for (std::uint32_t pc = range.first; pc < range.second; ++pc) {
    if (ControlOf(program, pc) != Control::kBranch) continue;
    const auto target = static_cast<std::uint32_t>(program.code[pc].offset);
    if (target <= pc || target >= range.second) add(target);
  }
  return live;
}

// The question for one range.
std::optional<std::string> Question(const Program& original, const Program& mutant,
                                    const Range& range, const KnownBits& known,
                                    const DemandedBits& demanded) {
  const auto [begin, end] = range;
  Script script;
  Execution before(original, &known, script);
  Execution after(mutant, nullptr, script);
  if (!before.Run(begin, end) || !after.Run(begin, end)) return std::nullopt;
  if (before.observed().size() != after.observed().size()) return std::nullopt;
  std::string different;
  const auto differ = [&](const Term& a, const Term& b) {
    if (a.bits != b.bits) return false;
    if (a.text != b.text) different += " (not (= " + a.text + " " + b.text + "))";
    return true;
  };
  for (std::size_t i = 0; i < before.observed().size(); ++i) {
    if (!differ(before.observed()[i], after.observed()[i])) return std::nullopt;
  }
  std::set<std::string> written;
  for (const auto* const state : {&before.state(), &after.state()}) {
    for (const auto& [name, term] : *state) written.insert(name);
  }
  // A bit may differ that neither program needs anywhere: the changed instruction may need more
  // than the one it was.
  const KnownBits known_of_mutant(mutant);
  const DemandedBits demanded_of_mutant(mutant, known_of_mutant);
  std::set<std::size_t> live = LiveAfter(original, range);
  live.merge(LiveAfter(mutant, range));
  const Slots slots(original);
  for (const std::size_t i : live) {
    const Slot slot = original.registers[i].slot, slot_of_mutant = mutant.registers[i].slot;
    const auto& [name, bits] = *slots.Register(slot);
    if (!before.state().contains(name) && !after.state().contains(name)) continue;
    Term a = before.Read(slot, bits, 0);
    Term b = after.Read(slot_of_mutant, bits, 0);
    const std::uint64_t wanted = demanded.Bits(slot) | demanded_of_mutant.Bits(slot_of_mutant);
    if (bits != 0 && a.text != b.text) {
      const std::string mask = " " + Constant(wanted, bits) + ")";
      a = script.Define("(bvand " + a.text + mask, bits);
      b = script.Define("(bvand " + b.text + mask, bits);
    }
    if (!differ(a, b)) return std::nullopt;
  }
  if (different.empty()) different = " false";
  return script.text() + "(assert (or false" + different + "))\n(check-sat)\n";
}

}  // namespace

bool RunProof(const Program& original, const Program& mutant, std::uint32_t pc,
              const KnownBits& known, const DemandedBits& demanded,
              const IsUnsatisfiable& is_unsatisfiable) {
  if (original.registers.size() != mutant.registers.size() || !SameControl(original, mutant)) {
    return false;
  }
  const auto holds = [&](const Range& range) {
    const auto question = Question(original, mutant, range, known, demanded);
    return question && is_unsatisfiable(*question);
  };
  const std::optional<Range> straight = StraightRun(original, pc);
  return (straight && holds(*straight)) || std::ranges::any_of(WideRuns(original, pc), holds);
}

}  // namespace ulproof::gpu
