// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/lint.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "gpu/ptx/decode.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/program.h"

namespace ulproof::gpu::ptx {

const std::array<LintRuleInfo, 8> kLintRules = {{
    {LintRule::kApproximate, "approximate",
     "PTX bounds its error but not its bits, so another chip or driver may give others"},
    {LintRule::kFlush, "flush",
     "subnormal operands and results become zero, which IEEE arithmetic keeps"},
    {LintRule::kContractable, "contractable",
     "ptxas may fuse it with its product, which then rounds once instead of twice"},
    {LintRule::kUnqualified, "unqualified",
     "without a rounding modifier ptxas may fuse it with a neighbour that the next version of the "
     "code puts there; .rn forbids it"},
    {LintRule::kFloatAtomic, "float-atomic",
     "floating-point sums depend on their order, and the order of threads is open"},
    {LintRule::kNoBarrier, "no-barrier",
     "without a barrier between them another thread may see the old value or the new one"},
    {LintRule::kUninitialised, "uninitialised",
     "on some path the register holds what the last kernel left there"},
    {LintRule::kNarrowIndex, "narrow-index",
     "beyond 2^31 or 2^32 elements the index wraps and other elements are used, without a fault"},
}};

const LintRuleInfo& InfoOf(LintRule rule) { return kLintRules[static_cast<std::size_t>(rule)]; }

namespace {

bool Has(const Instruction& instruction, std::string_view modifier) {
  return std::ranges::find(instruction.modifiers, modifier) != instruction.modifiers.end();
}

bool Is(const Instruction& instruction, std::initializer_list<std::string_view> opcodes) {
  return std::ranges::find(opcodes, instruction.opcode) != opcodes.end();
}

class Linter {
 public:
  Linter(const Program& program, const Program& contracted)
      : program_(program), contracted_(contracted) {}

  std::vector<LintFinding> Run() {
    for (std::uint32_t pc = 0; pc < program_.code.size(); ++pc) {
      if (program_.origins[pc].instruction != nullptr && program_.origins[pc].row != nullptr) {
        CheckForm(pc);
      }
    }
    CheckBarriers();
    CheckUninitialised();
    CheckIndices();
    std::ranges::stable_sort(findings_, {}, [](const LintFinding& finding) {
      return std::tuple(finding.line, finding.column);
    });
    return std::move(findings_);
  }

 private:
  void Report(LintRule rule, std::uint32_t pc, std::string what) {
    const Instruction* const instruction = program_.origins[pc].instruction;
    if (instruction == nullptr || !reported_.emplace(rule, instruction).second) return;
    LintFinding finding{
        .rule = rule,
        .line = instruction->position.line,
        .column = instruction->position.column,
        .instruction = std::string(program_.module->LineText(instruction->position.line)),
        .what = std::move(what)};
    const auto file = static_cast<std::size_t>(instruction->source_file);
    if (instruction->source_line != 0 && file < program_.module->source_files.size()) {
      finding.source =
          program_.module->source_files[file] + ":" + std::to_string(instruction->source_line);
    }
    findings_.push_back(std::move(finding));
  }

  std::string LineOf(std::uint32_t pc) const {
    const Instruction* const instruction = program_.origins[pc].instruction;
    return instruction == nullptr ? "?" : std::to_string(instruction->position.line);
  }

  void CheckForm(std::uint32_t pc) {
    const Instruction& instruction = *program_.origins[pc].instruction;
    const std::uint8_t tags = program_.origins[pc].row->tags;
    const bool is_atomic = Is(instruction, {"atom", "red"});
    if ((tags & kApproximate) != 0) {
      if (is_atomic) {
        Report(LintRule::kFloatAtomic, pc, "a floating-point atomic");
      } else {
        Report(LintRule::kApproximate, pc, instruction.Mnemonic() + " is approximate");
      }
    }
    if (Has(instruction, "ftz")) Report(LintRule::kFlush, pc, ".ftz flushes subnormals");
    if ((tags & kContractable) == 0) return;
    if (contracted_.code[pc].execute != program_.code[pc].execute) {
      Report(LintRule::kContractable, pc,
             "may become one fma with the product of line " + LineOf(ProductOf(pc)));
    } else {
      Report(LintRule::kUnqualified, pc, instruction.Mnemonic() + " has no rounding modifier");
    }
  }

  // The product that the contracted program has taken into the addition at `pc`: the last one
  // before it with those factors.
  std::uint32_t ProductOf(std::uint32_t pc) const {
    const Operation& fused = contracted_.code[pc];
    for (std::uint32_t at = pc; at-- > 0;) {
      const Operation& product = program_.code[at];
      const Instruction* const instruction = program_.origins[at].instruction;
      if (instruction != nullptr && instruction->opcode == "mul" &&
          product.operand[1] == fused.operand[1] && product.operand[2] == fused.operand[2]) {
        return at;
      }
    }
    return pc;
  }

  std::vector<std::uint32_t> Successors(std::uint32_t pc) const {
    const Operation& operation = program_.code[pc];
    const auto control = static_cast<Control>(operation.control);
    std::vector<std::uint32_t> next;
    if (control == Control::kBranch) next.push_back(static_cast<std::uint32_t>(operation.offset));
    if (control == Control::kIndexed) {
      next = program_.branch_targets[static_cast<std::size_t>(operation.offset)];
    }
    const bool leaves = control == Control::kBranch || control == Control::kIndexed ||
                        control == Control::kExit || control == Control::kTrap;
    if (!leaves || operation.guard != kTrueSlot) next.push_back(pc + 1);
    std::erase_if(next, [&](std::uint32_t at) { return at >= program_.code.size(); });
    return next;
  }

  // Which access of shared memory may have happened since the last barrier, before each operation:
  // the first in the text, of stores and of loads.
  struct Pending {
    std::uint32_t store = UINT32_MAX;
    std::uint32_t load = UINT32_MAX;
    bool Merge(const Pending& other) {
      const Pending before = *this;
      store = std::min(store, other.store);
      load = std::min(load, other.load);
      return store != before.store || load != before.load;
    }
  };

  void CheckBarriers() {
    const std::size_t size = program_.code.size();
    std::vector<Pending> before(size);
    std::vector<bool> seen(size, false);
    std::deque<std::uint32_t> work = {0};
    while (!work.empty()) {
      const std::uint32_t pc = work.front();
      work.pop_front();
      seen[pc] = true;
      const Pending after = After(pc, before[pc]);
      for (const std::uint32_t next : Successors(pc)) {
        if (before[next].Merge(after) || !seen[next]) work.push_back(next);
        seen[next] = true;
      }
    }
    for (std::uint32_t pc = 0; pc < size; ++pc) {
      if (IsShared(pc, "ld") && before[pc].store != UINT32_MAX) {
        Report(LintRule::kNoBarrier, pc,
               "loads shared memory after the store of line " + LineOf(before[pc].store));
      }
      if (IsShared(pc, "st") && before[pc].load != UINT32_MAX) {
        Report(LintRule::kNoBarrier, pc,
               "stores to shared memory after the load of line " + LineOf(before[pc].load));
      }
    }
  }

  bool IsShared(std::uint32_t pc, std::string_view opcode) const {
    const Instruction* const instruction = program_.origins[pc].instruction;
    return instruction != nullptr && instruction->opcode == opcode &&
           program_.code[pc].space == Space::kShared;
  }

  Pending After(std::uint32_t pc, Pending pending) const {
    const Instruction* const instruction = program_.origins[pc].instruction;
    const auto control = static_cast<Control>(program_.code[pc].control);
    const bool warp_barrier =
        instruction != nullptr && instruction->opcode == "bar" && Has(*instruction, "warp");
    if (control == Control::kBarrier || warp_barrier) return {};
    if (IsShared(pc, "st")) pending.store = std::min(pending.store, pc);
    if (IsShared(pc, "ld")) pending.load = std::min(pending.load, pc);
    return pending;
  }

  void CheckUninitialised() {
    for (const Program::RegisterSlot& cleared : program_.maybe_uninitialised) {
      for (std::uint32_t pc = 0; pc < program_.code.size(); ++pc) {
        if (!Reads(pc, cleared.slot)) continue;
        Report(LintRule::kUninitialised, pc, cleared.name + " may not have been written before");
        break;
      }
    }
  }

  bool Reads(std::uint32_t pc, Slot slot) const {
    const Operation& operation = program_.code[pc];
    if (operation.guard == slot) return true;
    for (int i = 0; i < kMaxOperands; ++i) {
      if ((program_.origins[pc].reads >> i & 1) != 0 && operation.operand[i] == slot) return true;
    }
    return false;
  }

  // Values by what they are made of, whatever the order of instructions: compilers write each
  // virtual register once or nearly so.
  struct Origin {
    bool is_block_index = false;        // %ctaid, or a sum with it.
    bool is_parameter = false;          // A 64-bit parameter, or a sum with it.
    std::uint32_t narrow = UINT32_MAX;  // Made by the 32-bit product or conversion at that pc.

    bool Merge(const Origin& other) {
      const Origin before = *this;
      is_block_index |= other.is_block_index;
      is_parameter |= other.is_parameter;
      narrow = std::min(narrow, other.narrow);
      return is_block_index != before.is_block_index || is_parameter != before.is_parameter ||
             narrow != before.narrow;
    }
  };

  void CheckIndices() {
    std::unordered_map<Slot, Origin> values;
    for (const auto& [special, slot] : program_.specials) {
      values[slot].is_block_index =
          special == Special::kCtaidX || special == Special::kCtaidY || special == Special::kCtaidZ;
    }
    for (const Program::ParameterConstant& parameter : program_.parameter_constants) {
      values[parameter.slot].is_parameter = parameter.is_wide;
    }
    bool changed = true;
    while (changed) {
      changed = false;
      for (std::uint32_t pc = 0; pc < program_.code.size(); ++pc) {
        const std::optional<Origin> origin = ResultOrigin(pc, values);
        if (origin) changed |= values[program_.code[pc].operand[0]].Merge(*origin);
      }
    }
    for (std::uint32_t pc = 0; pc < program_.code.size(); ++pc) {
      const std::optional<Slot> address = GlobalAddress(pc);
      if (!address) continue;
      const auto found = values.find(*address);
      if (found == values.end() || found->second.narrow == UINT32_MAX) continue;
      Report(LintRule::kNarrowIndex, found->second.narrow,
             "32-bit arithmetic makes the address of line " + LineOf(pc));
    }
  }

  // What the result of a sum, product or move is made of; nothing for other operations.
  std::optional<Origin> ResultOrigin(std::uint32_t pc,
                                     const std::unordered_map<Slot, Origin>& values) const {
    const Instruction* const instruction = program_.origins[pc].instruction;
    if (instruction == nullptr ||
        !Is(*instruction, {"add", "sub", "mul", "mad", "shl", "mov", "cvt", "cvta", "ld", "or",
                           "selp", "min", "max"})) {
      return std::nullopt;
    }
    if (instruction->opcode == "ld" && program_.code[pc].space != Space::kParam) {
      return std::nullopt;
    }
    Origin origin;
    for (int i = 1; i < kMaxOperands; ++i) {
      if ((program_.origins[pc].reads >> i & 1) == 0) continue;
      const auto found = values.find(program_.code[pc].operand[i]);
      if (found != values.end()) origin.Merge(found->second);
    }
    const auto& modifiers = instruction->modifiers;
    const std::string_view type = modifiers.empty() ? std::string_view() : modifiers.back();
    const bool is_32 = type == "u32" || type == "s32" || type == "b32";
    const bool is_product = Is(*instruction, {"mul", "mad", "shl"}) && is_32 &&
                            !Has(*instruction, "wide") && !Has(*instruction, "hi");
    if (is_product && origin.is_block_index) origin.narrow = std::min(origin.narrow, pc);
    if (instruction->opcode == "cvt" && modifiers.size() == 2 &&
        (modifiers[0] == "u32" || modifiers[0] == "s32") &&
        (modifiers[1] == "u64" || modifiers[1] == "s64") && origin.is_parameter) {
      origin.narrow = std::min(origin.narrow, pc);
      origin.is_parameter = false;
    }
    return origin;
  }

  std::optional<Slot> GlobalAddress(std::uint32_t pc) const {
    const Instruction* const instruction = program_.origins[pc].instruction;
    const Operation& operation = program_.code[pc];
    if (instruction == nullptr || !operation.is_wide_address ||
        (operation.space != Space::kGlobal && operation.space != Space::kGeneric)) {
      return std::nullopt;
    }
    if (Is(*instruction, {"st", "red"})) return operation.operand[0];
    if (Is(*instruction, {"atom"})) return operation.operand[1];
    if (Is(*instruction, {"ld", "ldu"})) return operation.operand[operation.count];
    return std::nullopt;
  }

  const Program& program_;
  const Program& contracted_;
  std::set<std::pair<LintRule, const Instruction*>> reported_;
  std::vector<LintFinding> findings_;
};

}  // namespace

base::Result<std::vector<LintFinding>> Lint(const Module& module, std::string_view entry) {
  const base::Result<Program> program = DecodeEntry(module, entry);
  if (!program) return program.error();
  const base::Result<Program> contracted = DecodeEntry(module, entry, {.contract = true});
  if (!contracted) return contracted.error();
  return Linter(*program, *contracted).Run();
}

}  // namespace ulproof::gpu::ptx
