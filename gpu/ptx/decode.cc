// SPDX-License-Identifier: Apache-2.0
// Walks the instructions of a function, and of every function that it calls, in place.
#include "gpu/ptx/decode.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gpu/ptx/decode_operands.h"
#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/by_operand.h"

namespace ulproof::gpu::ptx {
namespace {

constexpr std::size_t kMaxOperations = std::size_t{1} << 22;
constexpr std::size_t kMaxCallDepth = 64;

class Decoder {
 public:
  Decoder(const Module& module, Program& program)
      : module_(module), program_(program), operands_(module, program) {}

  bool Run(const Function& entry) {
    program_.module = &module_;
    program_.entry = &entry;
    program_.file_bytes = kFirstFreeSlot;  // Also where no register is used.
    Frame frame = operands_.NewFrame(entry);
    for (const Parameter& parameter : entry.parameters) {
      if (parameter.is_register) {
        return operands_.Fail(entry.position, "an entry takes only .param parameters");
      }
      const Variable& variable = entry.variables[parameter.index];
      const std::uint64_t offset =
          RoundUp(program_.parameter_bytes, std::max<std::uint64_t>(variable.alignment, 1));
      program_.parameters.push_back(
          {.name = variable.name, .offset = offset, .size = variable.size});
      program_.parameter_bytes = offset + variable.size;
      frame.places[parameter.index] = {.space = Space::kParam, .offset = offset};
    }
    if (!Body(entry, frame)) return false;
    operands_.PlaceDynamicShared();
    FindRuns();
    return true;
  }
  const base::Error& error() const { return operands_.error(); }

 private:
  // Decodes a function's instructions with `frame`'s registers and variables.
  bool Body(const Function& function, Frame& frame) {
    if (call_chain_.size() >= kMaxCallDepth) {
      return operands_.Fail(function.position, "calls are nested too deeply");
    }
    call_chain_.push_back(&function);
    const bool is_entry = call_chain_.size() == 1;
    std::vector<std::uint32_t> starts;      // Instruction to operation.
    std::vector<std::uint32_t> branches;    // Operations whose offset is an instruction.
    std::vector<std::uint32_t> returns;     // Operations that jump to the end.
    std::vector<std::size_t> target_lists;  // Lists of instructions, likewise.
    for (const Instruction& instruction : function.body) {
      starts.push_back(Here());
      if (program_.code.size() > kMaxOperations) {
        return operands_.Fail(instruction.position, "the kernel is too long");
      }
      std::string reason;
      const std::vector<Form> forms =
          MatchForms(instruction.opcode, instruction.modifiers, &reason);
      if (forms.empty()) {
        return operands_.Fail(instruction.position,
                              reason + " in '" + instruction.Mnemonic() + "'");
      }
      switch (forms[0].row->control) {
        case Control::kBranch:
        case Control::kIndexed:
          if (!Branch(function, frame, instruction, forms[0], branches, target_lists)) return false;
          break;
        case Control::kCall:
          if (!Call(frame, instruction, forms[0])) return false;
          break;
        case Control::kReturn:
          if (!is_entry) {
            returns.push_back(Here());
            Append(frame, instruction, forms[0], Control::kBranch);
          } else {
            Append(frame, instruction, forms[0], Control::kExit);
          }
          break;
        case Control::kExit:
        case Control::kTrap:
          Append(frame, instruction, forms[0], forms[0].row->control);
          break;
        default:
          if (!Ordinary(frame, instruction, forms)) return false;
      }
    }
    starts.push_back(Here());
    if (is_entry) {
      program_.code.push_back(operands_.Blank());
      program_.code.back().control = static_cast<std::uint8_t>(Control::kExit);
      program_.origins.push_back({});
    }
    const auto to_operation = [&](std::int64_t at) { return starts[static_cast<std::size_t>(at)]; };
    for (const std::uint32_t at : branches) {
      program_.code[at].offset = to_operation(program_.code[at].offset);
    }
    for (const std::uint32_t at : returns) program_.code[at].offset = starts.back();
    for (const std::size_t list : target_lists) {
      for (std::uint32_t& target : program_.branch_targets[list]) target = to_operation(target);
    }
    call_chain_.pop_back();
    return true;
  }

  std::uint32_t Here() const { return static_cast<std::uint32_t>(program_.code.size()); }

  Operation& Append(Frame& frame, const Instruction& instruction, const Form& form,
                    Control control) {
    Operation operation = operands_.Blank();
    operation.control = static_cast<std::uint8_t>(control);
    if (instruction.guard != kNoRegister) {
      operation.guard = operands_.RegisterOf(frame, instruction.guard);
      operation.guard_flip = instruction.guard_negated ? kAllLanes : 0;
    }
    program_.code.push_back(operation);
    program_.origins.push_back({.instruction = &instruction, .row = form.row});
    return program_.code.back();
  }

  bool Branch(const Function& function, Frame& frame, const Instruction& instruction,
              const Form& form, std::vector<std::uint32_t>& branches,
              std::vector<std::size_t>& target_lists) {
    const bool is_indexed = form.row->control == Control::kIndexed;
    const std::size_t label = is_indexed ? 1 : 0;
    if (instruction.operands.size() != label + 1 ||
        instruction.operands[label].kind != OperandKind::kLabel) {
      return operands_.Fail(instruction.position, "a branch needs a label");
    }
    const std::uint32_t target = instruction.operands[label].index;
    Operation& operation = Append(frame, instruction, form, form.row->control);
    operation.offset = target;
    if (!is_indexed) {
      branches.push_back(Here() - 1);
      return true;
    }
    if (target >= function.branch_targets.size()) {
      return operands_.Fail(instruction.position, "brx.idx needs a .branchtargets list");
    }
    operation.offset = static_cast<std::int64_t>(program_.branch_targets.size());
    target_lists.push_back(program_.branch_targets.size());
    program_.branch_targets.push_back(function.branch_targets[target]);
    Slot slot = 0;
    if (!operands_.Source(frame, instruction.operands[0], Type::kU32, false, slot)) return false;
    program_.code.back().operand[0] = slot;
    program_.origins.back().reads = 1;
    return true;
  }

  // call [(results),] function [, (arguments)]: the callee's body follows in place; a guard becomes
  // a branch around it.
  bool Call(Frame& frame, const Instruction& instruction, const Form& form) {
    const std::vector<Operand>& operands = instruction.operands;
    std::size_t at = 0;
    const Operand* results = nullptr;
    const Operand* arguments = nullptr;
    if (at < operands.size() && operands[at].kind == OperandKind::kList) results = &operands[at++];
    if (at == operands.size() || operands[at].kind != OperandKind::kFunction) {
      return operands_.Fail(instruction.position, "only direct calls are supported");
    }
    const std::string& name = operands[at++].text;
    if (at < operands.size() && operands[at].kind == OperandKind::kList) arguments = &operands[at];
    const Function* const callee = module_.FindFunction(name);
    if (callee == nullptr) {
      // Not known here (printf, a failed assertion): a fault if a thread comes to it.
      Append(frame, instruction, form, Control::kTrap);
      return true;
    }
    if (std::find(call_chain_.begin(), call_chain_.end(), callee) != call_chain_.end()) {
      return operands_.Fail(instruction.position, "'" + name + "' is recursive");
    }
    const std::uint32_t skip = Here();
    const bool is_guarded = instruction.guard != kNoRegister;
    if (is_guarded) Append(frame, instruction, form, Control::kBranch).guard_flip ^= kAllLanes;
    Frame inner = operands_.NewFrame(*callee);
    if (!Bind(frame, inner, instruction, form, arguments, callee->parameters, true)) return false;
    if (!Bind(frame, inner, instruction, form, results, callee->results, false)) return false;
    if (!Body(*callee, inner)) return false;
    if (!CopyResults(frame, inner, instruction, form, results, callee->results)) return false;
    if (is_guarded) program_.code[skip].offset = Here();
    return true;
  }

  // Ties the callee's formal parameters to the caller's operands: .param variables are the same
  // memory; .reg parameters are copied in.
  bool Bind(Frame& outer, Frame& inner, const Instruction& instruction, const Form& form,
            const Operand* actual, const std::vector<Parameter>& formal, bool copies_in) {
    const std::size_t count = actual == nullptr ? 0 : actual->elements.size();
    if (count != formal.size()) {
      return operands_.Fail(instruction.position, "the call has the wrong number of arguments");
    }
    for (std::size_t i = 0; i < count; ++i) {
      const Operand& operand = actual->elements[i];
      if (!formal[i].is_register) {
        if (operand.kind != OperandKind::kSymbol || operand.is_module_variable) {
          return operands_.Fail(instruction.position,
                                "a .param argument must be a .param variable");
        }
        inner.places[formal[i].index] = operands_.PlaceOf(outer, operand.index);
      } else if (copies_in &&
                 !Copy(outer, instruction, form, operand, inner, formal[i].index, true)) {
        return false;
      }
    }
    return true;
  }

  bool CopyResults(Frame& outer, Frame& inner, const Instruction& instruction, const Form& form,
                   const Operand* actual, const std::vector<Parameter>& formal) {
    for (std::size_t i = 0; i < formal.size(); ++i) {
      if (formal[i].is_register &&
          !Copy(outer, instruction, form, actual->elements[i], inner, formal[i].index, false)) {
        return false;
      }
    }
    return true;
  }

  bool Copy(Frame& outer, const Instruction& instruction, const Form& form, const Operand& operand,
            Frame& inner, std::uint32_t inner_register, bool into_inner) {
    const Type type = inner.function->registers[inner_register].type;
    const Slot inner_slot = operands_.RegisterOf(inner, inner_register);
    Slot outer_slot = 0;
    if (into_inner ? !operands_.Source(outer, operand, type, false, outer_slot)
                   : !operands_.Destination(outer, operand, type, false, outer_slot)) {
      return false;
    }
    Operation& operation = Append(outer, instruction, form, Control::kNone);
    operation.guard = kTrueSlot;
    operation.guard_flip = 0;
    operation.execute = ops::CopyOf(BitsOf(type));
    operation.operand[0] = into_inner ? inner_slot : outer_slot;
    operation.operand[1] = into_inner ? outer_slot : inner_slot;
    program_.origins.back().writes = 1;
    program_.origins.back().reads = 2;
    return true;
  }

  // The first form and alternative whose operands fit.
  bool Ordinary(Frame& frame, const Instruction& instruction, const std::vector<Form>& forms) {
    std::string problem;
    for (const Form& form : forms) {
      const Binding binding = form.row->bind(form);
      if (binding.execute == nullptr) {
        problem = "no form of '" + instruction.opcode + "' takes these modifiers together";
        continue;
      }
      for (const std::vector<OperandSpec>& specs : OperandSpecsOf(form)) {
        if (!OperandDecoder::CountFits(specs, instruction.operands.size())) continue;
        Operation& operation = Append(frame, instruction, form, form.row->control);
        operation.execute = binding.execute;
        operation.parameter = binding.parameter;
        if (form.row->control == Control::kBarrier) program_.barriers.emplace(Here() - 1, form);
        return operands_.Decode(frame, instruction, form, specs);
      }
      problem = "wrong number of operands";
    }
    return operands_.Fail(instruction.position, problem + " in '" + instruction.Mnemonic() + "'");
  }

  void FindRuns() {
    program_.run_end.resize(program_.code.size());
    std::uint32_t end = Here();
    for (std::size_t i = program_.code.size(); i-- > 0;) {
      if (program_.code[i].control != static_cast<std::uint8_t>(Control::kNone)) {
        end = static_cast<std::uint32_t>(i);
      }
      program_.run_end[i] = end;
    }
  }

  const Module& module_;
  Program& program_;
  OperandDecoder operands_;
  std::vector<const Function*> call_chain_;
};

}  // namespace

base::Result<Program> DecodeEntry(const Module& module, std::string_view entry,
                                  const DecodeOptions& options) {
  const Function* function = nullptr;
  std::vector<std::string_view> known;
  for (const Function& candidate : module.functions) {
    if (!candidate.is_entry || !candidate.is_defined) continue;
    known.push_back(candidate.name);
    if (candidate.name == entry) function = &candidate;
  }
  if (function == nullptr) {
    base::Error error = base::UnknownName("kernel", entry, known);
    error.file = module.file;
    return error;
  }
  Program program;
  Decoder decoder(module, program);
  if (!decoder.Run(*function)) return decoder.error();
  if (options.contract) program.contracted = ContractProducts(program);
  FindUninitialisedRegisters(program);
  return program;
}

}  // namespace ulproof::gpu::ptx
