// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/equivalence.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <unordered_set>

namespace ulproof::gpu {
namespace {

using ptx::Instruction;
using ptx::Program;

// The condition code is no operand.
bool CarriesOut(const Instruction& instruction) {
  return std::ranges::find(instruction.modifiers, "cc") != instruction.modifiers.end();
}

// Backwards from what is seen from outside: control flow, stores, and all that does more than write
// registers.
std::vector<bool> FindNeeded(const Program& program) {
  std::vector<bool> needed(program.code.size(), false);
  std::unordered_set<ptx::Slot> read;
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t pc = program.code.size(); pc-- > 0;) {
      if (needed[pc]) continue;
      const ptx::Operation& operation = program.code[pc];
      const Program::Origin& origin = program.origins[pc];
      bool is_needed = origin.instruction == nullptr || origin.writes == 0 ||
                       operation.control != static_cast<std::uint8_t>(ptx::Control::kNone) ||
                       origin.instruction->opcode == "atom" || origin.instruction->opcode == "ld" ||
                       CarriesOut(*origin.instruction);
      for (int i = 0; i < ptx::kMaxOperands && !is_needed; ++i) {
        is_needed = (origin.writes >> i & 1) != 0 && read.contains(operation.operand[i]);
      }
      if (!is_needed) continue;
      needed[pc] = changed = true;
      read.insert(operation.guard);
      for (int i = 0; i < ptx::kMaxOperands; ++i) {
        if ((origin.reads >> i & 1) != 0) read.insert(operation.operand[i]);
      }
    }
  }
  return needed;
}

// The one instruction of `module` that begins at that line and stands where `before` stood.
const Instruction* FindInstruction(const ptx::Module& module, int line) {
  for (const ptx::Function& function : module.functions) {
    for (const Instruction& instruction : function.body) {
      if (instruction.position.line == line) return &instruction;
    }
  }
  return nullptr;
}

bool IsBitwise(std::string_view opcode) {
  return opcode == "or" || opcode == "xor" || opcode == "add";
}

// Modifiers that differ only in the sign of types.
bool DifferOnlyInSign(const Instruction& a, const Instruction& b) {
  if (a.opcode != b.opcode || a.modifiers.size() != b.modifiers.size()) return false;
  for (std::size_t i = 0; i < a.modifiers.size(); ++i) {
    const std::string_view x = a.modifiers[i];
    const std::string_view y = b.modifiers[i];
    if (x == y) continue;
    const auto is_signable = [](std::string_view type) {
      return type.size() >= 2 && (type[0] == 'u' || type[0] == 's') && type[1] >= '0' &&
             type[1] <= '9';
    };
    if (!is_signable(x) || !is_signable(y) || x.substr(1) != y.substr(1)) return false;
  }
  return true;
}

bool SameOperand(const ptx::Operand& x, const ptx::Operand& y) {
  return x.kind == y.kind && x.index == y.index && x.value == y.value && x.offset == y.offset &&
         x.negated == y.negated && x.text == y.text &&
         std::ranges::equal(x.elements, y.elements, SameOperand);
}

bool SameOperands(const Instruction& a, const Instruction& b) {
  return std::ranges::equal(a.operands, b.operands, SameOperand);
}

// "x < C" and its kin as a threshold: true from the bound on, or below it.
struct Threshold {
  std::uint64_t bound;  // Up to 2^32.
  bool from_bound_on;

  friend bool operator==(const Threshold&, const Threshold&) = default;
};

// A comparison of unsigned 32-bit numbers with a constant; nothing for others. `unit` is a power of
// two of which the register is a multiple: then only multiples count as bounds.
std::optional<Threshold> ThresholdOf(const Instruction& setp, std::uint64_t unit) {
  if (setp.modifiers.size() != 2 || setp.modifiers[1] != "u32" || setp.operands.size() != 3 ||
      setp.operands[2].kind != ptx::OperandKind::kImmediate) {
    return std::nullopt;
  }
  const std::string_view comparison = setp.modifiers[0];
  const bool includes = comparison == "ge" || comparison == "lt";
  if (!includes && comparison != "gt" && comparison != "le") return std::nullopt;
  const std::uint64_t bound = (setp.operands[2].value & 0xFFFFFFFF) + (includes ? 0 : 1);
  return Threshold{(bound + unit - 1) / unit * unit, comparison == "ge" || comparison == "gt"};
}

// Whether two comparisons of a register with constants are the same for all multiples of a power of
// two, of which `zeros` says the register is one.
bool SameComparison(const Instruction& a, const Instruction& b, std::uint64_t zeros) {
  if (a.opcode != "setp" || b.opcode != "setp" || a.operands.size() != 3 ||
      b.operands.size() != 3 || !SameOperand(a.operands[0], b.operands[0]) ||
      !SameOperand(a.operands[1], b.operands[1])) {
    return false;
  }
  const std::uint64_t unit = std::uint64_t{1} << std::min(std::countr_one(zeros), 31);
  const std::optional<Threshold> x = ThresholdOf(a, unit);
  return x && x == ThresholdOf(b, unit);
}

int SourceBits(const Instruction& instruction) {
  const std::string_view type = instruction.modifiers.back();
  return type.ends_with("64") ? 64 : type.ends_with("32") ? 32 : type.ends_with("16") ? 16 : 8;
}

// A conversion between integers that keeps at most as many bits as there were, modulo 2^n.
bool IsNarrowing(const Instruction& cvt) {
  const auto is_integer = [](std::string_view type) {
    return type[0] == 'u' || type[0] == 's' || type[0] == 'b';
  };
  if (cvt.modifiers.size() != 2 || !is_integer(cvt.modifiers[0]) || !is_integer(cvt.modifiers[1])) {
    return false;
  }
  const auto bits = [](std::string_view type) {
    return type.ends_with("64") ? 64 : type.ends_with("32") ? 32 : type.ends_with("16") ? 16 : 8;
  };
  // Narrower results fill their register by their own sign.
  return bits(cvt.modifiers[0]) >= 32 && bits(cvt.modifiers[0]) <= bits(cvt.modifiers[1]);
}

}  // namespace

Equivalence::Equivalence(const Program& original)
    : original_(original),
      known_(original),
      demanded_(original, known_),
      needed_(FindNeeded(original)) {}

std::string Equivalence::Proof(const Mutation& mutation, const ptx::Module& mutant) const {
  const Instruction* const after = FindInstruction(mutant, mutation.line);
  std::string proof;
  bool any = false;
  // A function that is called twice stands twice in the program: each place needs its proof.
  for (std::uint32_t pc = 0; pc < original_.code.size(); ++pc) {
    const Instruction* const before = original_.origins[pc].instruction;
    if (before == nullptr || before->position.line != mutation.line) continue;
    any = true;
    if (!needed_[pc]) {
      proof = "nothing reads its result";
      continue;
    }
    if (after == nullptr || mutation.kind == MutationKind::kGuard) return {};
    proof = ProofAt(pc, *after);
    if (proof.empty()) return {};
  }
  return any ? proof : "no thread comes to it";
}

std::string Equivalence::SolverProof(const Mutation& mutation, const Program& mutant,
                                     const IsUnsatisfiable& is_unsatisfiable) const {
  bool any = false;
  for (std::uint32_t pc = 0; pc < original_.code.size(); ++pc) {
    const Instruction* const before = original_.origins[pc].instruction;
    if (before == nullptr || before->position.line != mutation.line) continue;
    any = true;
    if (!RunProof(original_, mutant, pc, known_, demanded_, is_unsatisfiable)) return {};
  }
  return any ? "nothing that leaves the instructions around it can differ (by a solver)" : "";
}

std::string Equivalence::ProofAt(std::uint32_t pc, const Instruction& after) const {
  const Instruction& before = *original_.origins[pc].instruction;
  const ptx::Operation& operation = original_.code[pc];
  // Sources count from 1; a comparison has a second destination before them.
  const int shift = std::countr_zero(original_.origins[pc].reads) - 1;
  const auto zeros = [&](int i) { return known_.Zeros(pc, i + shift); };
  if (before.modifiers.empty() || after.modifiers.empty()) return {};
  const std::uint64_t top = std::uint64_t{1} << (SourceBits(before) - 1);
  const std::uint64_t all = top | (top - 1);
  const std::uint64_t wanted = all & demanded_.Bits(operation.operand[0]);
  if (IsBitwise(before.opcode) && IsBitwise(after.opcode) && SameOperands(before, after) &&
      before.modifiers.size() == 1 && after.modifiers.size() == 1 &&
      ((zeros(1) | zeros(2)) & all) == all) {
    return "no bit is set in both sources";
  }
  const bool no_carry = before.opcode != "add" && after.opcode != "add";
  if (no_carry && IsBitwise(before.opcode) && IsBitwise(after.opcode) &&
      SameOperands(before, after) && (wanted & ~(zeros(1) | zeros(2))) == 0) {
    return "no bit that matters is set in both sources";
  }
  if (DifferOnlyInSign(before, after) && SameOperands(before, after)) {
    if (before.opcode == "cvt" && IsNarrowing(before)) return "what the sign fills is cut off";
    const bool one_source = before.opcode == "shr" || before.opcode == "cvt";
    const bool widens =
        before.opcode != "cvt" || before.modifiers.front() != after.modifiers.front();
    if (before.opcode == "cvt" && widens) {
      // The destination's sign decides nothing without .sat, except into wider registers.
      if (before.modifiers.size() == 2 && before.modifiers[1] == after.modifiers[1]) {
        return SourceBits(before) >= 32 ? "the destination's sign decides nothing" : "";
      }
      return {};
    }
    // What a load or a field is extended by is no sign of a source.
    const bool has_sign = before.opcode != "ld" && before.opcode != "bfe";
    if (has_sign && (zeros(1) & top) != 0 && (one_source || (zeros(2) & top) != 0)) {
      return "no source is ever negative";
    }
  }
  // A mask that lets through more or less of what is zero anyway.
  if (before.opcode == "and" && after.opcode == "and" && before.operands.size() == 3 &&
      before.operands[2].kind == ptx::OperandKind::kImmediate && after.operands.size() == 3 &&
      after.operands[2].kind == ptx::OperandKind::kImmediate &&
      SameOperand(before.operands[0], after.operands[0]) &&
      SameOperand(before.operands[1], after.operands[1])) {
    const std::uint64_t changed = before.operands[2].value ^ after.operands[2].value;
    if ((changed & wanted & ~zeros(1)) == 0) return "the bits of the mask that changed meet zeros";
  }
  if (before.opcode == "ld" && DifferOnlyInSign(before, after) && SameOperands(before, after) &&
      before.operands[0].kind == ptx::OperandKind::kRegister &&
      (demanded_.Bits(operation.operand[0]) & ~all) == 0) {
    return "the bits above what is loaded decide nothing";
  }
  if (before.opcode == "shr" && after.opcode == "shr" && SameOperands(before, after) &&
      before.operands[2].kind == ptx::OperandKind::kImmediate &&
      before.operands[2].value < static_cast<std::uint64_t>(SourceBits(before))) {
    if ((wanted & ~(all >> before.operands[2].value)) == 0) return "the sign is masked away";
  }
  if (before.opcode == "setp" && SameComparison(before, after, zeros(1))) {
    return "no multiple of the first source's unit lies between the two bounds";
  }
  return {};
}

}  // namespace ulproof::gpu
