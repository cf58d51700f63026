// SPDX-License-Identifier: Apache-2.0
// Operands to slots: registers, constants, addresses, the places of variables. Internal to the
// decoder.
#ifndef ULPROOF_GPU_PTX_DECODE_OPERANDS_H_
#define ULPROOF_GPU_PTX_DECODE_OPERANDS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gpu/ptx/operand_spec.h"
#include "gpu/ptx/program.h"
#include "gpu/ptx/register_file.h"

namespace ulproof::gpu::ptx {

constexpr std::uint64_t RoundUp(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Where a variable of a function lives; kGeneric: not placed yet.
struct Place {
  Space space = Space::kGeneric;
  std::uint64_t offset = 0;
};

// One expansion of a function: its own registers and its own variables.
struct Frame {
  const Function* function = nullptr;
  std::vector<Slot> registers;  // By register; 0: not used yet.
  std::vector<Place> places;    // By variable.
};

class OperandDecoder {
 public:
  OperandDecoder(const Module& module, Program& program)
      : module_(module), program_(program), file_(program) {}

  bool Fail(Position position, std::string message);
  const base::Error& error() const { return *error_; }

  Frame NewFrame(const Function& function) const;
  // An operation that does nothing to nothing: operands are sinks, the guard always holds.
  static Operation Blank();

  Slot RegisterOf(Frame& frame, std::uint32_t index);
  Place PlaceOf(Frame& frame, std::uint32_t variable);

  // A value of `type`: a register of that width (or, with may_be_wider, at least that), a constant,
  // a special register, or the address of a variable.
  bool Source(Frame& frame, const Operand& operand, Type type, bool may_be_wider, Slot& slot);
  bool Destination(Frame& frame, const Operand& operand, Type type, bool may_be_wider, Slot& slot);

  static bool CountFits(const std::vector<OperandSpec>& specs, std::size_t operands);
  // Fills the operands of the last operation of the program, by the specs.
  bool Decode(Frame& frame, const Instruction& instruction, const Form& form,
              const std::vector<OperandSpec>& specs);

  // Dynamic shared memory follows the static: known when everything is decoded.
  void PlaceDynamicShared();

 private:
  struct Target;
  bool One(Target& target, const Operand& operand, const OperandSpec& spec);
  bool Pair(Target& target, const Operand& operand, const OperandSpec& spec);
  bool Vector(Target& target, const Operand& operand, const OperandSpec& spec);
  bool Address(Target& target, const Operand& operand);
  bool Immediate(Target& target, const Operand& operand);
  bool Move(Target& target, const Instruction& instruction);
  bool IsWithinParameters(const Operation& operation) const;
  void Specialise(Target& target, const Instruction& instruction);
  bool ConstantBits(const Operand& operand, Type type, std::uint64_t& bits);
  std::optional<std::uint64_t> SharedOffset(std::uint32_t module_variable);
  Slot SymbolSlot(Frame& frame, const Operand& operand, bool is_wide, Space* space,
                  std::int64_t* offset);
  int RegisterBytes(const Frame& frame, const Operand& operand) const;

  const Module& module_;
  Program& program_;
  RegisterFile file_;
  std::optional<base::Error> error_;
  std::map<std::uint32_t, std::uint64_t> shared_offsets_;  // Of module variables.
  // Of variables of functions: every expansion of a function shares them.
  std::map<std::pair<const Function*, std::uint32_t>, std::uint64_t> function_shared_;
  // Constants that are addresses in dynamic shared memory: index into Program::constants, offset.
  std::vector<std::pair<std::size_t, std::int64_t>> dynamic_shared_;
  std::uint64_t dynamic_alignment_ = 16;
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_DECODE_OPERANDS_H_
