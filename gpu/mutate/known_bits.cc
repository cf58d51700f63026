// SPDX-License-Identifier: Apache-2.0
#include "gpu/mutate/known_bits.h"

#include <algorithm>
#include <bit>
#include <string_view>

#include "gpu/ptx/layout.h"
#include "gpu/ptx/operation.h"

namespace ulproof::gpu {
namespace {

using ptx::Operation;
using ptx::Program;
using ptx::Slot;
using ptx::Special;

constexpr std::uint64_t kAll = ~std::uint64_t{0};
// A counter's step is so many bits shorter than its register.
constexpr int kCounterBits = 22;

std::uint64_t Above(int bits) { return bits >= 64 ? 0 : kAll << bits; }

// Bits up to the highest that may be set.
int Length(std::uint64_t zeros) { return 64 - std::countl_one(zeros); }

// Bits that a sum of numbers below 2^k may have: those below 2^(k+1); and it is a multiple of what
// both are multiples of.
std::uint64_t ZerosOfSum(std::uint64_t a, std::uint64_t b) {
  const int length = std::max(Length(a), Length(b)) + 1;
  const int trailing = std::min(std::countr_one(a), std::countr_one(b));
  return Above(length) | (trailing >= 64 ? kAll : (std::uint64_t{1} << trailing) - 1);
}

std::uint64_t ZerosOfProduct(std::uint64_t a, std::uint64_t b) {
  const int length = Length(a) + Length(b);
  const int trailing = std::min(64, std::countr_one(a) + std::countr_one(b));
  return Above(length) | (trailing >= 64 ? kAll : (std::uint64_t{1} << trailing) - 1);
}

std::uint64_t SpecialZeros(Special special) {
  switch (special) {
    case Special::kTidX:
    case Special::kTidY:
    case Special::kTidZ:
      return Above(10);
    case Special::kNtidX:
    case Special::kNtidY:
    case Special::kNtidZ:
      return Above(11);
    case Special::kLaneid:
    case Special::kWarpid:
      return Above(5);
    case Special::kCtaidX:
    case Special::kNctaidX:
      return Above(31);  // A grid has at most 2^31 - 1 columns,
    case Special::kCtaidY:
    case Special::kCtaidZ:
    case Special::kNctaidY:
    case Special::kNctaidZ:
      return Above(16);  // ... 65535 rows and as many layers.
    default:
      return Above(32);
  }
}

// Bits of a type; 64 where its name does not say.
int WidthOf(std::string_view type) {
  if (type.ends_with("64")) return 64;
  if (type.ends_with("32")) return 32;
  if (type.ends_with("16")) return 16;
  if (type == "b8" || type == "u8" || type == "s8") return 8;
  return 64;
}

bool Has(const ptx::Instruction& instruction, std::string_view modifier) {
  return std::ranges::find(instruction.modifiers, modifier) != instruction.modifiers.end();
}

// Its results are what another lane, or the same, has in the first source, and whether it has.
bool IsShuffle(const Program& program, std::uint32_t pc) {
  const ptx::Instruction* const instruction = program.origins[pc].instruction;
  return instruction != nullptr && instruction->opcode == "shfl";
}

// The zeros of x shifted right, or left, by a number of which at most five bits are not known to be
// zero: those that are zero for every such number.
std::uint64_t ZerosOfShift(std::uint64_t x, std::uint64_t count, int width, bool is_left) {
  constexpr int kMostBits = 5;
  const std::uint64_t possible = ~count & ~Above(32);
  const std::uint64_t own = ~Above(width);
  if (std::popcount(possible) > kMostBits) return ~own;
  std::uint64_t zeros = kAll;
  for (std::uint64_t n = possible;; n = (n - 1) & possible) {  // All subsets.
    if (n < static_cast<std::uint64_t>(width)) {
      const std::uint64_t set = ~x & own;
      zeros &= ~((is_left ? set << n : set >> n) & own);
    }
    if (n == 0) return zeros;
  }
}

// Whether a conversion to this type fills the rest of a wider register with the sign.
bool FillsWithSign(std::string_view type) { return type == "s8" || type == "s16"; }

// Width of what the instruction writes: conversions name the result's type before the source's,
// wide products are twice as long. A comparison writes one bit a lane, which is no number.
int ResultWidth(const ptx::Instruction& instruction) {
  const auto& modifiers = instruction.modifiers;
  if (instruction.opcode == "setp") return 64;
  const bool converts = instruction.opcode == "cvt" && modifiers.size() >= 2;
  const std::string_view type = converts ? modifiers[modifiers.size() - 2] : modifiers.back();
  const int width = converts && FillsWithSign(type) ? 64 : WidthOf(type);
  return Has(instruction, "wide") ? std::min(2 * width, 64) : width;
}

}  // namespace

KnownBits::KnownBits(const Program& program) {
  for (const Program::Constant& constant : program.constants) {
    zeros_[constant.slot] = ~constant.value;
  }
  zeros_[ptx::kZeroSlot] = kAll;
  for (const auto& [special, slot] : program.specials) zeros_[slot] = SpecialZeros(special);
  for (const Program::ParameterConstant& parameter : program.parameter_constants) {
    zeros_[parameter.slot] = Above(8 * parameter.register_bytes);
  }
  for (const Program::Address& address : program.addresses) zeros_[address.slot] = 0;
  // From above: a register is all zeros until a write says otherwise, until nothing changes.
  for (const Program::RegisterSlot& slot : program.registers) zeros_[slot.slot] = kAll;
  std::vector<bool> is_target(program.code.size(), false);
  for (const Operation& operation : program.code) {
    if (operation.control == static_cast<std::uint8_t>(ptx::Control::kBranch)) {
      is_target[static_cast<std::size_t>(operation.offset)] = true;
    }
  }
  for (const std::vector<std::uint32_t>& targets : program.branch_targets) {
    for (const std::uint32_t target : targets) is_target[target] = true;
  }
  at_.resize(program.code.size());
  while (Pass(program, is_target)) {
  }
}

bool KnownBits::Pass(const Program& program, const std::vector<bool>& is_target) {
  bool changed = false;
  SlotBits recent;  // Of registers written since control last came from elsewhere.
  for (std::uint32_t pc = 0; pc < program.code.size(); ++pc) {
    if (is_target[pc]) recent.clear();
    const Operation& operation = program.code[pc];
    for (std::size_t i = 0; i < at_[pc].size(); ++i) {
      const auto written = recent.find(operation.operand[i]);
      const auto known = zeros_.find(operation.operand[i]);
      at_[pc][i] = written != recent.end() ? written->second
                   : known != zeros_.end() ? known->second
                                           : 0;
    }
    const std::uint16_t writes = program.origins[pc].writes;
    if (writes == 0) continue;
    for (std::size_t i = 0; i < at_[pc].size(); ++i) {
      if ((writes >> i & 1) == 0) continue;
      // Of several results the first, where it is no vector's.
      const bool is_known = writes == 1 || (i == 0 && IsShuffle(program, pc));
      const std::uint64_t result = is_known ? Result(program, pc) : 0;
      const auto known = zeros_.find(operation.operand[i]);
      if (known == zeros_.end()) continue;
      const bool is_certain = operation.guard == ptx::kTrueSlot;
      recent[operation.operand[i]] = is_certain ? result : result & at_[pc][i];
      const std::uint64_t joined = known->second & result;
      changed |= joined != known->second;
      known->second = joined;
    }
  }
  return changed;
}

std::uint64_t KnownBits::Result(const Program& program, std::uint32_t pc) const {
  const ptx::Instruction* const instruction = program.origins[pc].instruction;
  const Operation& operation = program.code[pc];
  if (instruction == nullptr || instruction->modifiers.empty()) return 0;
  const std::string_view opcode = instruction->opcode;
  const auto& modifiers = instruction->modifiers;
  const std::string_view type = modifiers.back();
  const bool is_float = type.starts_with('f') || type.starts_with("bf");
  const int width = WidthOf(type);
  const auto source = [&](int i) { return Zeros(pc, i); };
  // The value of a constant operand, or nothing: all bits are known to be zero or set.
  const auto constant = [&](int i, std::uint64_t* value) {
    for (const Program::Constant& c : program.constants) {
      if (c.slot == operation.operand[i]) {
        *value = c.value;
        return true;
      }
    }
    return false;
  };
  const std::uint64_t top = std::uint64_t{1} << (width - 1);
  const std::uint64_t beyond = Above(ResultWidth(*instruction));  // Zero, whatever is computed.
  std::uint64_t count = 0;
  if (opcode == "mov" || opcode == "cvta") {
    return instruction->operands.size() == 2 && program.origins[pc].reads == 2 ? source(1) : 0;
  }
  if (is_float) {
    // What is never negative gives no sign: sums begin with +0, and a NaN is 0x7fffffff.
    const bool keeps_sign = opcode == "add" || opcode == "mul" || opcode == "div";
    const bool is_positive = (source(1) & source(2) & top) != 0;
    return keeps_sign && type == "f32" && is_positive ? beyond | top : beyond;
  }
  if (opcode == "and") return source(1) | source(2);
  if (opcode == "or" || opcode == "xor") return source(1) & source(2);
  if (opcode == "selp") return source(1) & source(2);
  if (opcode == "shl" && constant(2, &count) && count < 64) {
    return source(1) << count | ((std::uint64_t{1} << count) - 1) | Above(width);
  }
  if (opcode == "shr" && constant(2, &count) && count < static_cast<std::uint64_t>(width)) {
    const bool is_signed = type.starts_with('s');
    if (is_signed && (source(1) & top) == 0) return Above(width);
    return source(1) >> count | ~(kAll >> count) | Above(width);
  }
  if (opcode == "shl") return ZerosOfShift(source(1), source(2), width, true);
  if (opcode == "shr" && (!type.starts_with('s') || (source(1) & top) != 0)) {
    return ZerosOfShift(source(1), source(2), width, false);
  }
  if (opcode == "add" && modifiers.size() == 1) {
    const std::uint64_t sum = ZerosOfSum(source(1), source(2)) | Above(width);
    const int counter = operation.operand[0] == operation.operand[1]   ? 1
                        : operation.operand[0] == operation.operand[2] ? 2
                                                                       : 0;
    const bool counts_up = counter != 0 && Length(source(counter)) <= width - 2 &&
                           Length(source(3 - counter)) <= width - kCounterBits;
    return counts_up ? sum | Above(width - 2) : sum;
  }
  if (opcode == "sub" && modifiers.size() == 1) {  // A multiple of what both are multiples of.
    const int trailing = std::min(std::countr_one(source(1)), std::countr_one(source(2)));
    return beyond | (trailing >= 64 ? kAll : (std::uint64_t{1} << trailing) - 1);
  }
  if (opcode == "mul" && modifiers[0] == "wide" && type.starts_with('u')) {
    return ZerosOfProduct(source(1), source(2)) | Above(2 * width);
  }
  if (opcode == "mul" && modifiers[0] == "lo") {
    return ZerosOfProduct(source(1), source(2)) | Above(width);
  }
  if (opcode == "cvt" && modifiers.size() == 2) {
    const int from = WidthOf(modifiers[1]);
    const int to = WidthOf(modifiers[0]);
    const bool is_integer = modifiers[1].starts_with('u') || modifiers[1].starts_with('s');
    if (!is_integer || FillsWithSign(modifiers[0])) return beyond;
    const std::uint64_t sign = std::uint64_t{1} << (from - 1);
    const bool extends_sign = modifiers[1].starts_with('s') && (source(1) & sign) == 0;
    return extends_sign ? Above(to) : (source(1) | Above(std::min(from, to)));
  }
  if (opcode == "clz" || opcode == "popc") return Above(7);
  if (opcode == "bfe" && type.starts_with('u') && constant(3, &count)) {
    return Above(static_cast<int>(std::min<std::uint64_t>(count, 64)));
  }
  if (opcode == "max" && type.starts_with('u')) return source(1) & source(2);
  if (opcode == "min" && type.starts_with('u')) {
    return (source(1) & source(2)) | Above(std::min(Length(source(1)), Length(source(2))));
  }
  if (opcode == "ld" && type.starts_with('s')) return 0;
  if (opcode == "redux") return Has(*instruction, "add") ? beyond : source(1);
  if (opcode == "shfl") return source(std::countr_zero(program.origins[pc].reads));
  if (opcode == "lop3") {
    std::uint64_t possible = 0;
    for (unsigned row = 0; row < 8; ++row) {
      if ((operation.parameter >> row & 1) == 0) continue;
      std::uint64_t bits = kAll;
      for (int i = 0; i < 3; ++i) {
        // Row bit 2 belongs to the first source.
        if ((row >> (2 - i) & 1) != 0) bits &= ~source(i + 1);
      }
      possible |= bits;
    }
    return ~possible | Above(32);
  }
  return beyond;
}

DemandedBits::DemandedBits(const Program& program, const KnownBits& known) {
  std::unordered_map<Slot, std::uint64_t> own;  // Bits that a register has.
  for (const Program::RegisterSlot& slot : program.registers) {
    if (slot.bytes == sizeof(ptx::LaneMask)) continue;
    own[slot.slot] = ~Above(static_cast<int>(8 * slot.bytes / ptx::kLanes));
  }
  // From below: nothing is demanded until a reader says so, until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::uint32_t pc = 0; pc < program.code.size(); ++pc) {
      const Program::Origin& origin = program.origins[pc];
      const Operation& operation = program.code[pc];
      const auto demand = [&](Slot slot, std::uint64_t bits) {
        if (const auto found = own.find(slot); found != own.end()) bits &= found->second;
        std::uint64_t& all = demanded_[slot];
        changed |= (bits & ~all) != 0;
        all |= bits;
      };
      if (operation.guard != ptx::kTrueSlot) demand(operation.guard, kAll);
      for (int i = 0; i < ptx::kMaxOperands; ++i) {
        if ((origin.reads >> i & 1) != 0) {
          demand(operation.operand[i], OfSource(program, known, pc, i));
        }
      }
    }
  }
}

std::uint64_t DemandedBits::Bits(Slot slot) const {
  const auto found = demanded_.find(slot);
  return found == demanded_.end() ? 0 : found->second;
}

// What the operation at `pc` wants of its source `i`, given what is wanted of its result.
std::uint64_t DemandedBits::OfSource(const Program& program, const KnownBits& known,
                                     std::uint32_t pc, int i) const {
  const ptx::Instruction* const instruction = program.origins[pc].instruction;
  const Operation& operation = program.code[pc];
  if (instruction == nullptr || instruction->modifiers.empty()) return kAll;
  const std::string_view opcode = instruction->opcode;
  const std::string_view type = instruction->modifiers.back();
  const int width = WidthOf(type);
  const std::uint64_t own = ~Above(width);
  if (opcode == "st" && i != 0) return own;
  if (program.origins[pc].writes != 1) return kAll;
  const std::uint64_t wanted = Bits(operation.operand[0]);
  // The amount of a shift by a constant, or 64.
  const auto amount = [&] {
    for (const Program::Constant& constant : program.constants) {
      if (constant.slot == operation.operand[2]) return std::min<std::uint64_t>(constant.value, 64);
    }
    return std::uint64_t{64};
  };
  if (opcode == "or" || opcode == "xor" || opcode == "lop3") return wanted & own;
  if (opcode == "and") return wanted & own & ~known.Zeros(pc, 3 - i);
  if (opcode == "selp" && i != 3) return wanted & own;
  if (opcode == "mov" && program.origins[pc].reads == 2) return wanted;
  // Plain ones: neither of floating point nor with a carry out or saturation.
  const bool is_sum = (opcode == "add" || opcode == "sub" || opcode == "neg") &&
                      instruction->modifiers.size() == 1 && !type.starts_with('f');
  if (is_sum || (opcode == "mul" && instruction->modifiers[0] == "lo")) {
    return ~Above(64 - std::countl_zero(wanted)) & own;  // Carries go upwards only.
  }
  if (opcode == "shl" && i == 1 && amount() < 64) return wanted >> amount() & own;
  if (opcode == "shr" && i == 1 && amount() < static_cast<std::uint64_t>(width)) {
    const std::uint64_t filled = own & ~(own >> amount());
    const bool wants_sign = type.starts_with('s') && (wanted & filled) != 0;
    return (wanted << amount() & own) | (wants_sign ? std::uint64_t{1} << (width - 1) : 0);
  }
  const bool is_cvt = opcode == "cvt" && instruction->modifiers.size() == 2;
  if (is_cvt && !type.starts_with('f') && !instruction->modifiers[0].starts_with('f') &&
      !type.starts_with('b') && !FillsWithSign(instruction->modifiers[0])) {
    const bool extends = type.starts_with('s') && (wanted & Above(width)) != 0;
    return (wanted & own) | (extends ? std::uint64_t{1} << (width - 1) : 0);
  }
  return kAll;
}

}  // namespace ulproof::gpu
