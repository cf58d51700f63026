// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/decode_operands.h"

#include <algorithm>
#include <bit>

#include "gpu/ptx/layout.h"
#include "gpu/ptx/ops/by_operand.h"
#include "gpu/ptx/ops/memory_access.h"

namespace ulproof::gpu::ptx {

using Role = OperandSpec::Role;

// The operation that is being filled.
struct OperandDecoder::Target {
  Frame& frame;
  const Form& form;
  Operation& operation;
  Program::Origin& origin;
  int next = 0;
  bool has_address = false;

  void Put(Slot slot, bool is_destination) {
    operation.operand[next] = slot;
    (is_destination ? origin.writes : origin.reads) |= static_cast<std::uint16_t>(1U << next);
    ++next;
  }
};

bool OperandDecoder::Fail(Position position, std::string message) {
  if (!error_) {
    error_ = base::Error{.message = std::move(message),
                         .file = module_.file,
                         .line = position.line,
                         .column = position.column};
  }
  return false;
}

Frame OperandDecoder::NewFrame(const Function& function) const {
  return {.function = &function,
          .registers = std::vector<Slot>(function.registers.size(), 0),
          .places = std::vector<Place>(function.variables.size())};
}

Operation OperandDecoder::Blank() {
  Operation operation{};
  operation.operand.fill(kSinkSlot);
  operation.guard = kTrueSlot;
  operation.is_wide_address = true;
  return operation;
}

Slot OperandDecoder::RegisterOf(Frame& frame, std::uint32_t index) {
  Slot& slot = frame.registers[index];
  const Register& reg = frame.function->registers[index];
  if (slot == 0) slot = file_.AddRegister(reg.type, reg.name);
  return slot;
}

Place OperandDecoder::PlaceOf(Frame& frame, std::uint32_t variable) {
  Place& place = frame.places[variable];
  if (place.space != Space::kGeneric) return place;
  const Variable& declared = frame.function->variables[variable];
  if (declared.space == Space::kShared) {
    const auto [found, is_new] = function_shared_.try_emplace({frame.function, variable}, 0);
    if (is_new) {
      found->second = RoundUp(program_.static_shared_bytes, declared.alignment);
      program_.static_shared_bytes = found->second + declared.size;
    }
    place = {.space = Space::kShared, .offset = found->second};
  } else {
    const std::uint64_t offset = RoundUp(program_.local_bytes, declared.alignment);
    program_.local_bytes = offset + declared.size;
    place = {.space = Space::kLocal, .offset = offset};
  }
  return place;
}

std::optional<std::uint64_t> OperandDecoder::SharedOffset(std::uint32_t module_variable) {
  const Variable& variable = module_.variables[module_variable];
  if (variable.size == 0) {
    dynamic_alignment_ = std::max(dynamic_alignment_, variable.alignment);
    return std::nullopt;
  }
  const auto [found, is_new] = shared_offsets_.try_emplace(module_variable, 0);
  if (is_new) {
    found->second = RoundUp(program_.static_shared_bytes, variable.alignment);
    program_.static_shared_bytes = found->second + variable.size;
  }
  return found->second;
}

void OperandDecoder::PlaceDynamicShared() {
  if (!dynamic_shared_.empty()) {
    program_.static_shared_bytes = RoundUp(program_.static_shared_bytes, dynamic_alignment_);
  }
  for (const auto& [index, offset] : dynamic_shared_) {
    program_.constants[index].value =
        program_.static_shared_bytes + static_cast<std::uint64_t>(offset);
  }
}

// The address of a variable within its space. With `offset` it may be split into a slot and an
// offset that the operation adds; without, the slot holds all of it.
Slot OperandDecoder::SymbolSlot(Frame& frame, const Operand& operand, bool is_wide, Space* space,
                                std::int64_t* offset) {
  std::uint64_t address = 0;
  if (operand.is_module_variable) {
    *space = module_.variables[operand.index].space;
    if (*space != Space::kShared) {
      if (offset == nullptr) return file_.ModuleAddress(operand.index, operand.offset);
      return file_.ModuleAddress(operand.index, 0);
    }
    const std::optional<std::uint64_t> place = SharedOffset(operand.index);
    if (!place) {
      const auto [slot, index] = file_.PendingConstant(is_wide);
      dynamic_shared_.emplace_back(index, offset == nullptr ? operand.offset : 0);
      return slot;
    }
    address = *place;
  } else {
    const Place place = PlaceOf(frame, operand.index);
    *space = place.space;
    address = place.offset;
  }
  if (offset == nullptr) {
    return file_.Constant(address + static_cast<std::uint64_t>(operand.offset), is_wide);
  }
  *offset += static_cast<std::int64_t>(address);
  return kZeroSlot;
}

// The bits of a literal as a value of `type`.
bool OperandDecoder::ConstantBits(const Operand& operand, Type type, std::uint64_t& bits) {
  const int width = BitsOf(type);
  bits = operand.value;
  if (operand.literal == Literal::kInteger) {
    if (IsFloat(type)) {
      return Fail(operand.position, "a floating-point operand needs 0f or 0d");
    }
    if (type == Type::kPred) {
      bits = operand.value != 0 ? 1 : 0;
      return true;
    }
    const auto as_signed = static_cast<std::int64_t>(operand.value);
    if (width < 64 && operand.value >> width != 0 && as_signed >> (width - 1) != -1) {
      return Fail(operand.position, "the constant does not fit " + std::to_string(width) + " bits");
    }
  } else if (operand.literal == Literal::kDecimal && type == Type::kF32) {
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(std::bit_cast<double>(operand.value)));
  } else {
    const int literal_width = operand.literal == Literal::kFloat32 ? 32 : 64;
    const Kind kind = InfoOf(type).kind;
    if (literal_width != width || (kind != Kind::kFloat && kind != Kind::kBits)) {
      return Fail(operand.position, "the floating-point constant does not fit the operand's type");
    }
  }
  if (width < 64) bits &= (std::uint64_t{1} << width) - 1;
  return true;
}

bool OperandDecoder::Source(Frame& frame, const Operand& operand, Type type, bool may_be_wider,
                            Slot& slot) {
  const int width = BitsOf(type);
  Type found = Type::kNone;
  switch (operand.kind) {
    case OperandKind::kRegister:
      found = frame.function->registers[operand.index].type;
      slot = RegisterOf(frame, operand.index);
      break;
    case OperandKind::kSpecial: {
      const std::optional<Slot> special = file_.SpecialRegister(operand.text, &found);
      if (!special) {
        return Fail(operand.position, "'" + operand.text +
                                          "' is neither declared nor a special register that the "
                                          "simulator has");
      }
      slot = *special;
      may_be_wider = false;
      break;
    }
    case OperandKind::kImmediate: {
      std::uint64_t bits = 0;
      if (!ConstantBits(operand, type, bits)) return false;
      slot = type == Type::kPred ? file_.PredicateConstant(bits != 0)
                                 : file_.Constant(bits, width == 64);
      return true;
    }
    case OperandKind::kSymbol: {
      Space space = Space::kGeneric;
      if (width < 32) return Fail(operand.position, "an address needs 32 or 64 bits");
      slot = SymbolSlot(frame, operand, width == 64, &space, nullptr);
      if (width == 32 && (space == Space::kGlobal || space == Space::kConst)) {
        return Fail(operand.position, "this address needs 64 bits");
      }
      return true;
    }
    default:
      return Fail(operand.position, "expected a register or a constant");
  }
  if (found == Type::kPred || type == Type::kPred) {
    return found == type || Fail(operand.position, "predicates and values do not mix");
  }
  if (may_be_wider ? BitsOf(found) < width : BitsOf(found) != width) {
    return Fail(operand.position, "the register has " + std::to_string(BitsOf(found)) +
                                      " bits where the instruction needs " + std::to_string(width));
  }
  return true;
}

bool OperandDecoder::Destination(Frame& frame, const Operand& operand, Type type, bool may_be_wider,
                                 Slot& slot) {
  if (operand.kind == OperandKind::kSink) {
    slot = type == Type::kPred ? kSinkPredicateSlot : kSinkSlot;
    return true;
  }
  if (operand.kind == OperandKind::kSpecial) {
    return Fail(operand.position, "'" + operand.text + "' is not declared");
  }
  if (operand.kind != OperandKind::kRegister) {
    return Fail(operand.position, "expected a register to write to");
  }
  return Source(frame, operand, type, may_be_wider, slot);
}

bool OperandDecoder::CountFits(const std::vector<OperandSpec>& specs, std::size_t operands) {
  const auto required = static_cast<std::size_t>(std::count_if(
      specs.begin(), specs.end(), [](const OperandSpec& spec) { return !spec.is_optional; }));
  return operands >= required && operands <= specs.size();
}

int OperandDecoder::RegisterBytes(const Frame& frame, const Operand& operand) const {
  if (operand.kind != OperandKind::kRegister) return 0;
  return (BitsOf(frame.function->registers[operand.index].type) + 7) / 8;
}

bool OperandDecoder::One(Target& target, const Operand& operand, const OperandSpec& spec) {
  Slot slot = 0;
  const bool fits = spec.is_destination
                        ? Destination(target.frame, operand, spec.type, spec.may_be_wider, slot)
                        : Source(target.frame, operand, spec.type, spec.may_be_wider, slot);
  if (!fits) return false;
  if (operand.negated) {
    if (spec.type != Type::kPred || spec.is_destination) {
      return Fail(operand.position, "'!' needs a predicate source");
    }
    target.operation.negated |= static_cast<std::uint16_t>(1U << target.next);
  }
  if (target.next < 2) {
    const int bytes = RegisterBytes(target.frame, operand);
    target.operation.register_bytes[target.next] =
        static_cast<std::uint8_t>(bytes != 0 ? bytes : BytesOf(spec.type));
  }
  target.Put(slot, spec.is_destination);
  return true;
}

bool OperandDecoder::Pair(Target& target, const Operand& operand, const OperandSpec& spec) {
  OperandSpec first = spec;
  first.has_pair = false;
  OperandSpec second = first;
  second.type = Type::kPred;
  if (operand.kind == OperandKind::kPair) {
    return One(target, operand.elements[0], first) && One(target, operand.elements[1], second);
  }
  if (!spec.pair_is_optional) return Fail(operand.position, "expected two destinations: d|p");
  return One(target, operand, first) && One(target, Operand{}, second);
}

bool OperandDecoder::Vector(Target& target, const Operand& operand, const OperandSpec& spec) {
  const bool is_vector = operand.kind == OperandKind::kVector;
  const std::size_t count = is_vector ? operand.elements.size() : 1;
  if (count != static_cast<std::size_t>(spec.elements)) {
    return Fail(operand.position, "expected " + std::to_string(spec.elements) + " registers here");
  }
  target.operation.count = static_cast<std::uint8_t>(count);
  OperandSpec element = spec;
  element.role = Role::kValue;
  int bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Operand& each = is_vector ? operand.elements[i] : operand;
    if (!One(target, each, element)) return false;
    const int each_bytes = RegisterBytes(target.frame, each);
    if (each_bytes != 0 && bytes != 0 && each_bytes != bytes) {
      return Fail(operand.position, "registers of one vector must have one width");
    }
    if (each_bytes != 0) bytes = each_bytes;
  }
  target.operation.register_bytes[0] =
      static_cast<std::uint8_t>(bytes != 0 ? bytes : BytesOf(spec.type));
  return true;
}

bool OperandDecoder::Address(Target& target, const Operand& operand) {
  if (operand.kind != OperandKind::kAddress) return Fail(operand.position, "expected an address");
  std::int64_t offset = operand.offset;
  bool is_wide = true;
  Slot slot = kZeroSlot;
  Space space = ops::SpaceOfForm(target.form);
  if (!operand.elements.empty()) {
    const Operand& base = operand.elements[0];
    if (base.kind == OperandKind::kSymbol) {
      // A variable names its own space; a function's .param variables are local memory.
      slot = SymbolSlot(target.frame, base, true, &space, &offset);
    } else {
      const int bits = BitsOf(target.frame.function->registers[base.index].type);
      if (bits != 32 && bits != 64) return Fail(base.position, "an address has 32 or 64 bits");
      is_wide = bits == 64;
      slot = RegisterOf(target.frame, base.index);
    }
  }
  if (!target.has_address) {
    target.operation.offset = offset;
    target.operation.is_wide_address = is_wide;
    target.operation.space = space;
    target.has_address = true;
  } else {
    if (!is_wide) return Fail(operand.position, "a global address has 64 bits");
    target.operation.parameter |= static_cast<std::uint64_t>(offset) << 8;
  }
  target.Put(slot, false);
  return true;
}

bool OperandDecoder::Immediate(Target& target, const Operand& operand) {
  if (operand.kind != OperandKind::kImmediate || operand.literal != Literal::kInteger ||
      operand.value > 0xFF) {
    return Fail(operand.position, "expected a constant from 0 to 255");
  }
  if (target.has_address && !std::has_single_bit(operand.value & 0x1C)) {
    return Fail(operand.position, "a copy has 4, 8 or 16 bytes");
  }
  target.operation.parameter |= operand.value;
  return true;
}

// mov copies, takes a register apart, or puts one together.
bool OperandDecoder::Move(Target& target, const Instruction& instruction) {
  const Operand& to = instruction.operands[0];
  const Operand& from = instruction.operands[1];
  const Type type = target.form.type();
  Operation& operation = target.operation;
  const OperandSpec whole_to{.type = type, .is_destination = true};
  const OperandSpec whole_from{.type = type};
  if (to.kind != OperandKind::kVector && from.kind != OperandKind::kVector) {
    return One(target, to, whole_to) && One(target, from, whole_from);
  }
  const bool unpacks = to.kind == OperandKind::kVector;
  const Operand& parts = unpacks ? to : from;
  const auto count = static_cast<int>(parts.elements.size());
  if (parts.kind != OperandKind::kVector || (unpacks && from.kind == OperandKind::kVector) ||
      (count != 2 && count != 4) || BitsOf(type) < 8 * count) {
    return Fail(instruction.position, "these operands do not fit mov");
  }
  const int part_bits = BitsOf(type) / count;
  const Type part = part_bits == 8 ? Type::kB8 : part_bits == 16 ? Type::kB16 : Type::kB32;
  if (!unpacks && !One(target, to, whole_to)) return false;
  for (const Operand& each : parts.elements) {
    if (!One(target, each, {.type = part, .is_destination = unpacks})) return false;
  }
  if (unpacks && !One(target, from, whole_from)) return false;
  operation.execute = unpacks ? ops::UnpackLanes : ops::PackLanes;
  operation.count = static_cast<std::uint8_t>(count);
  const auto part_bytes = static_cast<std::uint8_t>(part_bits / 8);
  const auto whole_bytes = static_cast<std::uint8_t>(BytesOf(type));
  operation.register_bytes = {unpacks ? part_bytes : whole_bytes,
                              unpacks ? whole_bytes : part_bytes};
  return true;
}

// Whether a load from a constant address in parameter space is one that needs no check.
bool OperandDecoder::IsWithinParameters(const Operation& operation) const {
  const auto bytes = static_cast<std::uint64_t>(BytesOf(operation.type));
  const auto offset = static_cast<std::uint64_t>(operation.offset);
  return offset <= program_.parameter_bytes && bytes <= program_.parameter_bytes - offset &&
         offset % bytes == 0;
}

// Picks faster code where the operands allow it.
void OperandDecoder::Specialise(Target& target, const Instruction& instruction) {
  Operation& operation = target.operation;
  const std::string& opcode = instruction.opcode;
  if (opcode == "lop3" && instruction.operands.size() == 5) {
    operation.execute = ops::Lop3WithTable(static_cast<std::uint8_t>(operation.parameter));
  } else if ((opcode == "shl" || opcode == "shr") &&
             instruction.operands[2].kind == OperandKind::kImmediate) {
    operation.execute = ops::ShiftByConstantOf(target.form);
  } else if (opcode == "cvt" && target.form.row->family == "convert") {
    const bool own_widths =
        operation.register_bytes[0] == BytesOf(target.form.type(0)) &&
        (operation.register_bytes[1] == 8) == (BytesOf(target.form.type(1)) == 8);
    const Execute fast = own_widths ? ops::FastConversion(target.form) : nullptr;
    if (fast != nullptr) operation.execute = fast;
  } else if (opcode == "ld" && operation.space == Space::kParam && operation.count == 1 &&
             operation.operand[1] == kZeroSlot && IsWithinParameters(operation)) {
    // A parameter is a constant of the launch.
    operation.operand[1] = file_.Parameter(static_cast<std::uint64_t>(operation.offset),
                                           operation.type, operation.register_bytes[0]);
    operation.execute = ops::CopyOf(8 * operation.register_bytes[0] == 64 ? 64 : 32);
  } else if ((opcode == "ld" || opcode == "ldu" || opcode == "st") &&
             operation.register_bytes[0] == 8) {
    operation.execute = opcode == "st" ? ops::WideStore(target.form) : ops::WideLoad(target.form);
  }
}

bool OperandDecoder::Decode(Frame& frame, const Instruction& instruction, const Form& form,
                            const std::vector<OperandSpec>& specs) {
  Target target{.frame = frame,
                .form = form,
                .operation = program_.code.back(),
                .origin = program_.origins.back()};
  target.operation.type = form.type();
  if (!specs.empty() && specs[0].role == Role::kMove) return Move(target, instruction);
  std::size_t at = 0;
  for (const OperandSpec& spec : specs) {
    if (at == instruction.operands.size()) break;  // The rest are optional.
    const Operand& operand = instruction.operands[at++];
    bool fits = true;
    switch (spec.role) {
      case Role::kAddress:
        fits = Address(target, operand);
        break;
      case Role::kImmediate:
        fits = Immediate(target, operand);
        break;
      case Role::kVector:
        fits = Vector(target, operand, spec);
        break;
      case Role::kIgnored:
        break;
      default:
        fits = spec.has_pair ? Pair(target, operand, spec) : One(target, operand, spec);
    }
    if (!fits) return false;
  }
  if (form.row->control == Control::kMembers) {
    target.operation.count = static_cast<std::uint8_t>(target.next - 1);
  }
  Specialise(target, instruction);
  return true;
}

}  // namespace ulproof::gpu::ptx
