// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/symbolic_run.h"

#include <algorithm>
#include <string_view>

#include "gpu/ptx/layout.h"

namespace ulproof::gpu {
namespace {

using ptx::Instruction;
using ptx::Operation;
using ptx::Program;
using ptx::Slot;

int WidthOf(std::string_view type) {
  return type.ends_with("64") ? 64 : type.ends_with("32") ? 32 : type.ends_with("16") ? 16 : 0;
}

bool IsInteger(std::string_view type) {
  return (type[0] == 'u' || type[0] == 's' || type[0] == 'b') && type[1] != 'f' && type != "pred";
}

}  // namespace

Slots::Slots(const Program& program) {
  // By their number: functions that were expanded may have registers of the same name.
  for (std::size_t i = 0; i < program.registers.size(); ++i) {
    const Program::RegisterSlot& slot = program.registers[i];
    const int bits = slot.bytes == sizeof(ptx::LaneMask) ? 0 : static_cast<int>(slot.bytes) / 4;
    registers_[slot.slot] = {"register " + std::to_string(i), bits};
  }
  for (const Program::Constant& constant : program.constants) {
    constants_[constant.slot] = constant.value;
  }
  for (const auto& [special, slot] : program.specials) {
    registers_[slot] = {"special " + std::to_string(static_cast<int>(special)), 32};
  }
  for (const Program::Address& address : program.addresses) {
    registers_[address.slot] = {
        "address " + std::to_string(address.variable) + "+" + std::to_string(address.offset), 64};
  }
  for (const Program::ParameterConstant& p : program.parameter_constants) {
    registers_[p.slot] = {"parameter " + std::to_string(p.offset) + " " +
                              std::to_string(static_cast<int>(p.type)) + " " +
                              std::to_string(p.register_bytes),
                          p.is_wide ? 64 : 32};
  }
}

const std::pair<std::string, int>* Slots::Register(Slot slot) const {
  const auto found = registers_.find(slot);
  return found == registers_.end() ? nullptr : &found->second;
}

std::optional<std::uint64_t> Slots::Constant(Slot slot) const {
  if (slot == ptx::kZeroSlot) return 0;
  const auto found = constants_.find(slot);
  if (found == constants_.end()) return std::nullopt;
  return found->second;
}

bool Execution::Run(std::uint32_t begin, std::uint32_t end) {
  std::map<std::uint32_t, Term> arrivals;  // By target: whether the thread comes there by a jump.
  for (std::uint32_t pc = begin; pc < end; ++pc) {
    if (const auto jumped = arrivals.find(pc); jumped != arrivals.end()) {
      active_ = Or(active_, jumped->second);
    }
    const Operation& operation = program_.code[pc];
    const auto control = static_cast<ptx::Control>(operation.control);
    if (control == ptx::Control::kBranch || control == ptx::Control::kExit) {
      const Term taken = Guard(pc);
      const auto target = static_cast<std::uint32_t>(operation.offset);
      if (control == ptx::Control::kBranch && target > pc && target < end) {
        const auto [arrival, is_first] = arrivals.emplace(target, taken);
        if (!is_first) arrival->second = Or(arrival->second, taken);
      } else {
        Observe({taken});  // Where control goes.
      }
      active_ = And(active_, Not(taken));
    } else if (!Step(pc)) {
      return false;
    }
  }
  Observe({active_});
  // What decides where control goes from here.
  if (end < program_.code.size()) Observe({Guard(end)});
  return true;
}

Term Execution::Read(Slot slot, int bits, std::uint64_t zeros) {
  if (slot == ptx::kTrueSlot && bits == 0) return {"true", 0};
  if (const auto constant = slots_.Constant(slot)) {
    if (bits == 0) return {*constant != 0 ? "true" : "false", 0};
    return {Constant(*constant, bits), bits};
  }
  const auto* const known = slots_.Register(slot);
  if (known == nullptr) return script_.Unknown("slot " + std::to_string(slot), bits, 0);
  const auto written = state_.find(known->first);
  const Term value = written != state_.end() ? written->second
                                             : script_.Unknown(known->first, known->second, zeros);
  return Fit(value, bits);
}

Term Execution::Guard(std::uint32_t pc) {
  const Operation& operation = program_.code[pc];
  const Term guard = Read(operation.guard, 0, 0);
  return And(active_, operation.guard_flip == 0 ? guard : Not(guard));
}

Term Execution::And(const Term& a, const Term& b) {
  if (a.text == "true" || b.text == "false" || a == b) return b;
  if (b.text == "true" || a.text == "false") return a;
  return script_.Define("(and " + a.text + " " + b.text + ")", 0);
}

Term Execution::Or(const Term& a, const Term& b) {
  if (a.text == "false" || b.text == "true" || a == b) return b;
  if (b.text == "false" || a.text == "true") return a;
  return script_.Define("(or " + a.text + " " + b.text + ")", 0);
}

Term Execution::Not(const Term& x) {
  if (x.text == "true") return {"false", 0};
  if (x.text == "false") return {"true", 0};
  return x.bits == 0 ? script_.Define("(not " + x.text + ")", 0)
                     : script_.Define("(bvnot " + x.text + ")", x.bits);
}

Term Execution::Fit(const Term& x, int bits) {
  if (x.bits == bits) return x;
  if (x.bits == 0) return x;
  if (bits < x.bits) {
    return script_.Define("((_ extract " + std::to_string(bits - 1) + " 0) " + x.text + ")", bits);
  }
  return script_.Define("((_ zero_extend " + std::to_string(bits - x.bits) + ") " + x.text + ")",
                        bits);
}

Term Execution::Signed(const Term& x, int bits) {
  return bits <= x.bits
             ? Fit(x, bits)
             : script_.Define(
                   "((_ sign_extend " + std::to_string(bits - x.bits) + ") " + x.text + ")", bits);
}

Term Execution::Choose(const Term& condition, const Term& yes, const Term& no) {
  if (condition.text == "true" || yes == no) return yes;
  return script_.Define("(ite " + condition.text + " " + yes.text + " " + no.text + ")", yes.bits);
}

Term Execution::Two(const std::string& function, const Term& a, const Term& b) {
  const bool is_comparison = function == "=" || function.ends_with("lt") ||
                             function.ends_with("le") || function.ends_with("gt") ||
                             function.ends_with("ge");
  return script_.Define("(" + function + " " + a.text + " " + b.text + ")",
                        is_comparison ? 0 : a.bits);
}

void Execution::Observe(const std::vector<Term>& terms) {
  observed_.insert(observed_.end(), terms.begin(), terms.end());
}

bool Execution::Step(std::uint32_t pc) {
  const Program::Origin& origin = program_.origins[pc];
  const Operation& operation = program_.code[pc];
  if (origin.instruction == nullptr) return false;
  const Instruction& instruction = *origin.instruction;
  const auto has = [&](std::string_view word) {
    return std::ranges::find(instruction.modifiers, word) != instruction.modifiers.end();
  };
  const bool carries = has("cc") || instruction.opcode == "addc" || instruction.opcode == "subc" ||
                       instruction.opcode == "madc";
  if (carries) return false;  // The condition code is no operand.
  const Term guard = Guard(pc);
  std::vector<Term> sources;
  for (int i = 0; i < ptx::kMaxOperands; ++i) {
    if ((origin.reads >> i & 1) == 0) continue;
    const Slot slot = operation.operand[static_cast<std::size_t>(i)];
    const std::uint64_t zeros = known_ == nullptr ? 0 : known_->Zeros(pc, i);
    Term source = Read(slot, NaturalBits(instruction, operation, slot), zeros);
    if (source.bits == 0 && (operation.negated >> i & 1) != 0) source = Not(source);
    sources.push_back(source);
  }
  const bool touches_memory = instruction.opcode == "ld" || instruction.opcode == "st" ||
                              instruction.opcode == "atom" || instruction.opcode == "red";
  const bool is_between_lanes = instruction.opcode == "shfl" || instruction.opcode == "redux" ||
                                instruction.opcode == "vote" || instruction.opcode == "match" ||
                                instruction.opcode == "activemask";
  if (touches_memory || is_between_lanes || origin.writes == 0) {
    Observe({guard});
    for (const Term& source : sources) {
      const int stored = instruction.opcode == "st" && !instruction.modifiers.empty() &&
                                 instruction.modifiers.back().ends_with('8')
                             ? 8
                             : source.bits;
      const bool is_value = &source != &sources.front() || instruction.opcode != "st";
      const Term seen = is_value && stored < source.bits ? Fit(source, stored) : source;
      if (seen.bits == 0) {
        Observe({script_.Define("(and " + guard.text + " " + seen.text + ")", 0)});
      } else {
        Observe({Choose(guard, seen, {Constant(0, seen.bits), seen.bits})});
      }
    }
  }
  int targets = 0;  // But for what is thrown away.
  for (std::size_t i = 0; i < ptx::kMaxOperands; ++i) {
    if ((origin.writes >> i & 1) == 0) continue;
    targets += slots_.Register(operation.operand[i]) != nullptr ? 1 : 0;
  }
  for (int i = 0; i < ptx::kMaxOperands; ++i) {
    if ((origin.writes >> i & 1) == 0) continue;
    const Slot slot = operation.operand[static_cast<std::size_t>(i)];
    const auto* const target = slots_.Register(slot);
    if (target == nullptr) continue;
    std::optional<Term> value;
    if (targets == 1 && i == 0) value = Result(instruction, operation, sources);
    if (!value) {
      std::string name = instruction.Mnemonic() + " " + std::to_string(i) + " " +
                         std::to_string(operation.parameter) + " " +
                         std::to_string(operation.offset);
      if (touches_memory || is_between_lanes) name += " at " + std::to_string(pc);
      value = script_.Apply(name, sources, target->second);
    }
    if ((value->bits == 0) != (target->second == 0)) return false;
    const Term old = Read(slot, target->second, 0);
    state_[target->first] = Choose(guard, Fit(*value, target->second), old);
  }
  return true;
}

int Execution::NaturalBits(const Instruction& instruction, const Operation& operation,
                           Slot slot) const {
  const auto* const known = slots_.Register(slot);
  if (known != nullptr) return known->second;
  if (instruction.opcode == "selp" && slot == operation.operand[3]) return 0;
  const std::string_view type =
      instruction.modifiers.empty() ? "b32" : instruction.modifiers.back();
  if (type == "pred") return 0;
  const bool is_count =
      (instruction.opcode == "shl" || instruction.opcode == "shr") && slot == operation.operand[2];
  return !is_count && WidthOf(type) == 64 ? 64 : 32;
}

std::optional<Term> Execution::Result(const Instruction& instruction, const Operation& operation,
                                      const std::vector<Term>& s) {
  const std::string_view opcode = instruction.opcode;
  const auto& modifiers = instruction.modifiers;
  if (modifiers.empty() || s.empty()) return std::nullopt;
  const std::string_view type = modifiers.back();
  if (opcode == "mov" && s.size() == 1 && instruction.operands.size() == 2 &&
      instruction.operands[1].kind != ptx::OperandKind::kVector) {
    return s[0];
  }
  if (opcode == "selp" && s.size() == 3) return Choose(s[2], s[0], s[1]);
  if (type == "pred" && modifiers.size() == 1) {
    if (opcode == "not") return Not(s[0]);
    if (opcode == "and" || opcode == "or" || opcode == "xor") {
      return Two(std::string(opcode), s[0], s[1]);
    }
    return std::nullopt;
  }
  if (type == "f32") return Float32Result(instruction, s);
  if (!IsInteger(type)) return std::nullopt;
  const int bits = WidthOf(type);
  if (bits == 0) return std::nullopt;
  const bool is_signed = type[0] == 's';
  if (opcode == "cvt") {
    if (modifiers.size() != 2 || !IsInteger(modifiers[0]) || WidthOf(modifiers[0]) < 32) {
      return std::nullopt;
    }
    const Term from = Fit(s[0], bits);
    const int to = WidthOf(modifiers[0]);
    return is_signed ? Signed(from, to) : Fit(from, to);
  }
  const auto at = [&](std::size_t i) { return Fit(s[i], bits); };
  if (opcode == "setp" && modifiers.size() == 2 && s.size() == 2) {
    static const std::map<std::string_view, std::string_view> kNames = {
        {"lt", "lt"}, {"le", "le"}, {"gt", "gt"}, {"ge", "ge"},
        {"lo", "lt"}, {"ls", "le"}, {"hi", "gt"}, {"hs", "ge"}};
    if (modifiers[0] == "eq") return Two("=", at(0), at(1));
    if (modifiers[0] == "ne") return Not(Two("=", at(0), at(1)));
    const auto found = kNames.find(modifiers[0]);
    if (found == kNames.end()) return std::nullopt;
    return Two((is_signed ? "bvs" : "bvu") + std::string(found->second), at(0), at(1));
  }
  if ((opcode == "shl" || opcode == "shr") && s.size() == 2 && modifiers.size() == 1) {
    // Counts from the width on give nothing, or the sign, here as there.
    const Term count = Fit(s[1], 32);
    const Term wide = bits == 64 ? Fit(count, 64) : count;
    if (bits == 16) return std::nullopt;
    return Two(opcode == "shl" ? "bvshl" : is_signed ? "bvashr" : "bvlshr", at(0), wide);
  }
  if ((opcode == "min" || opcode == "max") && s.size() == 2 && modifiers.size() == 1) {
    const Term less = Two(is_signed ? "bvslt" : "bvult", at(0), at(1));
    return opcode == "min" ? Choose(less, at(0), at(1)) : Choose(less, at(1), at(0));
  }
  if (opcode == "mul" && modifiers.size() == 2 && modifiers[0] == "wide" && bits == 32) {
    const auto wide = [&](std::size_t i) { return is_signed ? Signed(at(i), 64) : Fit(at(i), 64); };
    return Two("bvmul", wide(0), wide(1));
  }
  if (opcode == "mul" && modifiers.size() == 2 && modifiers[0] == "lo") {
    return Two("bvmul", at(0), at(1));
  }
  if (opcode == "mad" && modifiers.size() == 2 && modifiers[0] == "lo") {
    return Two("bvadd", Two("bvmul", at(0), at(1)), at(2));
  }
  if (opcode == "lop3" && s.size() == 3) return Lop3(operation.parameter, s);
  static const std::map<std::string_view, std::string> kSimple = {
      {"add", "bvadd"}, {"sub", "bvsub"}, {"and", "bvand"}, {"or", "bvor"}, {"xor", "bvxor"}};
  const auto simple = kSimple.find(opcode);
  if (simple != kSimple.end() && modifiers.size() == 1 && s.size() == 2) {
    return Two(simple->second, at(0), at(1));
  }
  if (opcode == "not" && modifiers.size() == 1) return Not(at(0));
  if (opcode == "clz" && bits == 32) {
    std::string count = Constant(32, 32);
    for (int bit = 0; bit < 32; ++bit) {
      const std::string i = std::to_string(bit);
      count = "(ite (= ((_ extract " + i + " " + i + ") " + at(0).text + ") #b1) " +
              Constant(static_cast<std::uint64_t>(31 - bit), 32) + " " + count + ")";
    }
    return script_.Define(count, 32);
  }
  if (opcode == "neg" && modifiers.size() == 1) {
    return script_.Define("(bvneg " + at(0).text + ")", bits);
  }
  return std::nullopt;
}

std::optional<Term> Execution::Float32Result(const Instruction& instruction,
                                             const std::vector<Term>& s) {
  const std::string_view opcode = instruction.opcode;
  const auto& modifiers = instruction.modifiers;
  if (modifiers.size() != 2 || s.size() != 2 || s[0].bits != 32 || s[1].bits != 32) {
    return std::nullopt;
  }
  const std::string a = "((_ to_fp 8 24) " + s[0].text + ")";
  const std::string b = "((_ to_fp 8 24) " + s[1].text + ")";
  const auto two = [&](const std::string& function) {
    return "(" + function + " " + a + " " + b + ")";
  };
  if ((opcode == "add" || opcode == "sub") && modifiers[0] == "rn") {
    const std::string name(opcode);
    const std::string sum = two("fp." + name + " RNE");
    const Term nan = script_.Apply("nan of " + name, s, 32);
    return script_.Define(
        "(ite (fp.isNaN " + sum + ") " + nan.text + " (fp.to_ieee_bv " + sum + "))", 32);
  }
  if (opcode != "setp") return std::nullopt;
  const std::string either_nan = "(or (fp.isNaN " + a + ") (fp.isNaN " + b + "))";
  const std::map<std::string_view, std::string> comparisons = {
      {"eq", two("fp.eq")},
      {"lt", two("fp.lt")},
      {"le", two("fp.leq")},
      {"gt", two("fp.gt")},
      {"ge", two("fp.geq")},
      {"ne", "(not (or " + two("fp.eq") + " " + either_nan + "))"},
      {"equ", "(or " + two("fp.eq") + " " + either_nan + ")"},
      {"neu", "(not " + two("fp.eq") + ")"},
      {"ltu", "(not " + two("fp.geq") + ")"},
      {"leu", "(not " + two("fp.gt") + ")"},
      {"gtu", "(not " + two("fp.leq") + ")"},
      {"geu", "(not " + two("fp.lt") + ")"},
      {"nan", either_nan},
      {"num", "(not " + either_nan + ")"}};
  const auto found = comparisons.find(modifiers[0]);
  if (found == comparisons.end()) return std::nullopt;
  return script_.Define(found->second, 0);
}

Term Execution::Lop3(std::uint64_t table, const std::vector<Term>& s) {
  std::string rows;
  for (unsigned row = 0; row < 8; ++row) {
    if ((table >> row & 1) == 0) continue;
    std::string all = "(bvand";
    for (unsigned i = 0; i < 3; ++i) {
      const Term bit = Fit(s[i], 32);
      all += " " + ((row >> (2 - i) & 1) != 0 ? bit.text : Not(bit).text);
    }
    rows += " " + all + ")";
  }
  return script_.Define("(bvor " + Constant(0, 32) + " " + Constant(0, 32) + rows + ")", 32);
}

}  // namespace ulproof::gpu
