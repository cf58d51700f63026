// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/compiled/emit.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <unordered_map>

#include "gpu/ptx/compiled/expression.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/liveness.h"
#include "gpu/ptx/operand_spec.h"

namespace ulproof::gpu::ptx::compiled {
namespace {

// How the emitted code holds a register: the vector type, how it is read from and written to the
// register file, and how far apart there are the parts for one turn of eight lanes.
struct Holder {
  const char* type;
  const char* load;
  const char* store;
  const char* stride;
  const char* constant;
};
constexpr Holder kWord = {"U32", "Load<U32>", "Store", "32", "Constant32"};
constexpr Holder kDoubleWord = {"U64", "Load<U64>", "Store", "64", "Constant64"};
constexpr Holder kPredicate = {"S32", "LoadPredicate", "StorePredicate", "1", "ConstantP"};

constexpr const Holder& OfWidth(int bits) {
  return bits == 1 ? kPredicate : bits == 64 ? kDoubleWord : kWord;
}

class Emitter {
 public:
  Emitter(const Program& program, const std::string& prefix)
      : program_(program), liveness_(program), prefix_(prefix) {
    for (std::size_t i = 0; i < program.registers.size(); ++i) {
      const Program::RegisterSlot& each = program.registers[i];
      index_.emplace(each.slot, i);
      const bool is_predicate = each.bytes == sizeof(LaneMask);
      holders_.emplace(each.slot, is_predicate ? &kPredicate : &OfWidth(each.bytes / 4));
    }
    constants_ = {{kTrueSlot, 1}, {kZeroSlot, 0}};
    holders_.emplace(kTrueSlot, &kPredicate);
    for (const Program::Constant& constant : program.constants) {
      constants_.emplace(constant.slot, constant.value);
      holders_.emplace(constant.slot, constant.is_wide ? &kDoubleWord : &kWord);
    }
    for (const auto& [special, slot] : program.specials) holders_.emplace(slot, &kWord);
    for (const Program::Address& each : program.addresses) {
      holders_.emplace(each.slot, &kDoubleWord);
    }
    for (const Program::ParameterConstant& each : program.parameter_constants) {
      holders_.emplace(each.slot, each.is_wide ? &kDoubleWord : &kWord);
    }
  }

  EmittedProgram Run() {
    const auto size = static_cast<std::uint32_t>(program_.code.size());
    std::vector<std::uint32_t>& begins = result_.begins;
    for (std::uint32_t pc = 0; pc < size; ++pc) {
      const bool follows = pc == 0 || !IsPlain(pc - 1) || liveness_.IsBlockStart(pc);
      if (IsPlain(pc) && follows) begins.push_back(pc);
    }
    std::string declarations;
    for (std::size_t i = 0; i < begins.size(); ++i) {
      const std::uint32_t run_end = program_.run_end[begins[i]];
      const std::uint32_t end = i + 1 < begins.size() ? std::min(run_end, begins[i + 1]) : run_end;
      declarations += Signature(begins[i]) + ";\n";
      Piece(begins[i], end, end < run_end);
    }
    result_.text = declarations + text_;
    return std::move(result_);
  }

 private:
  bool IsPlain(std::uint32_t pc) const {
    return program_.code[pc].control == static_cast<std::uint8_t>(Control::kNone);
  }

  std::string Signature(std::uint32_t begin) const {
    return "extern \"C\" void " + RunName(prefix_, begin) +
           "(unsigned char* registers, void* context, StepFunction step)";
  }

  // The operations from `begin` to before `end`, then the rest of the run when it goes on.
  void Piece(std::uint32_t begin, std::uint32_t end, bool goes_on) {
    text_ += Signature(begin) + " {\n";
    for (std::uint32_t pc = begin; pc < end;) {
      std::uint32_t last = pc;
      OpenSegment();
      while (last < end && Compile(last)) ++last;
      CloseSegment(last);
      result_.compiled += last - pc;
      for (; last < end && Lines(last).empty(); ++last) {
        text_ += "  step(context, " + std::to_string(last) + ");\n";
        ++result_.interpreted;
      }
      pc = last;
    }
    if (goes_on) text_ += "  " + RunName(prefix_, end) + "(registers, context, step);\n";
    text_ += "}\n";
  }

  // --- One operation ---

  std::optional<Form> FormOf(std::uint32_t pc) const {
    const Program::Origin& origin = program_.origins[pc];
    if (origin.instruction == nullptr || origin.row == nullptr) return std::nullopt;
    std::string reason;
    for (const Form& form :
         MatchForms(origin.instruction->opcode, origin.instruction->modifiers, &reason)) {
      if (form.row == origin.row) return form;
    }
    return std::nullopt;
  }

  // What holds operand `i`, or null where the emitted code cannot read it.
  const Holder* HolderOf(const Form& form, const Operation& operation, int i) const {
    const Slot slot = operation.operand[static_cast<std::size_t>(i)];
    if (slot == kZeroSlot) return &OfWidth(ZeroBits(form, operation, i));
    const auto found = holders_.find(slot);
    return found == holders_.end() ? nullptr : found->second;
  }

  // The zero constant serves every width: that of operand `i` by the form.
  static int ZeroBits(const Form& form, const Operation& operation, int i) {
    if (form.opcode == "mov") {
      return operation.count == 0 ? BitsOf(form.type()) : 8 * operation.register_bytes[1];
    }
    const std::vector<std::vector<OperandSpec>> alternatives = OperandSpecsOf(form);
    int next = 0;
    for (const OperandSpec& spec : alternatives.front()) {
      if (next == i) return BitsOf(spec.type);
      next += spec.has_pair ? 2 : 1;
    }
    return 32;
  }

  // The operation's assignments, reading the variables of the open segment. Empty: no code for it.
  std::vector<Assignment> Lines(std::uint32_t pc) const {
    const Operation& operation = program_.code[pc];
    const Program::Origin& origin = program_.origins[pc];
    const std::optional<Form> form = FormOf(pc);
    if (!form) return {};
    std::array<std::string, kMaxOperands> sources;
    for (int i = 0; i < kMaxOperands; ++i) {
      if ((origin.reads >> i & 1) == 0) continue;
      const Holder* const holder = HolderOf(*form, operation, i);
      if (holder == nullptr) return {};
      sources[static_cast<std::size_t>(i)] =
          ((operation.negated >> i & 1) != 0 ? "~" : "") + Name(operation.operand[i], *holder);
    }
    std::vector<Assignment> assignments = AssignmentsOf(*form, operation, sources);
    for (const Assignment& each : assignments) {
      if (index_.count(operation.operand[static_cast<std::size_t>(each.operand)]) == 0) return {};
    }
    return assignments;
  }

  // Adds the operation to the open segment. False: it has no code.
  bool Compile(std::uint32_t pc) {
    const Operation& operation = program_.code[pc];
    const Program::Origin& origin = program_.origins[pc];
    const std::vector<Assignment> assignments = Lines(pc);
    if (assignments.empty()) return false;
    for (int i = 0; i < kMaxOperands; ++i) {
      if ((origin.reads >> i & 1) != 0) Hold(operation.operand[i]);
    }
    const bool is_guarded = operation.guard != kTrueSlot;
    if (is_guarded) Hold(operation.guard);
    const std::string guard =
        (operation.guard_flip != 0 ? "~" : "") + Name(operation.guard, kPredicate);
    for (const auto& [operand, value] : assignments) {
      const Slot slot = operation.operand[static_cast<std::size_t>(operand)];
      if (is_guarded) Hold(slot);
      const bool is_new = held_.insert(slot).second;
      const Holder& holder = *holders_.at(slot);
      const std::string name = Name(slot, holder);
      lines_ += "    " + (is_new ? std::string(holder.type) + ' ' : std::string()) + name + " = " +
                (is_guarded ? "Select(" + value + ", " + name + ", " + guard + ')' : value) + ";\n";
      written_.insert(slot);
    }
    return true;
  }

  // A variable, or the constant itself.
  std::string Name(Slot slot, const Holder& holder) const {
    const auto constant = constants_.find(slot);
    if (constant == constants_.end()) return "v" + std::to_string(slot);
    return std::string(holder.constant) + '(' + std::to_string(constant->second) + "u)";
  }

  // Reads the slot into its variable, if that was not done.
  void Hold(Slot slot) {
    if (constants_.count(slot) != 0 || !held_.insert(slot).second) return;
    const Holder& holder = *holders_.at(slot);
    lines_ += std::string("    ") + holder.type + ' ' + Name(slot, holder) + " = " + holder.load +
              "(registers + " + std::to_string(slot) + " + " + holder.stride + " * turn);\n";
  }

  // --- A segment: operations with code, one after the other ---

  void OpenSegment() {
    lines_.clear();
    held_.clear();
    written_.clear();
  }

  void CloseSegment(std::uint32_t end) {
    if (written_.empty()) return;
    const Liveness::Set live = liveness_.LiveAfter(end - 1);
    for (const Slot slot : written_) {
      if (!live.Has(index_.at(slot))) continue;
      const Holder& holder = *holders_.at(slot);
      lines_ += std::string("    ") + holder.store + "(registers + " + std::to_string(slot) +
                " + " + holder.stride + " * turn, " + Name(slot, holder) + ");\n";
    }
    text_ += "  for (int turn = 0; turn < 4; ++turn) {\n" + lines_ + "  }\n";
  }

  const Program& program_;
  const Liveness liveness_;
  const std::string prefix_;
  std::unordered_map<Slot, std::size_t> index_;        // Of registers.
  std::unordered_map<Slot, const Holder*> holders_;    // Of all that can be read but zero.
  std::unordered_map<Slot, std::uint64_t> constants_;  // Their values.
  EmittedProgram result_;
  std::string text_;
  // Of the open segment:
  std::string lines_;
  std::set<Slot> held_;
  std::set<Slot> written_;
};

}  // namespace

EmittedProgram EmitRuns(const Program& program, const std::string& prefix) {
  return Emitter(program, prefix).Run();
}

std::string RunName(const std::string& prefix, std::uint32_t begin) {
  return "ulproof_" + prefix + "_" + std::to_string(begin);
}

}  // namespace ulproof::gpu::ptx::compiled
