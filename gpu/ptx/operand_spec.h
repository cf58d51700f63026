// SPDX-License-Identifier: Apache-2.0
// The operands column of opcodes.def, taken apart.
#ifndef ULPROOF_GPU_PTX_OPERAND_SPEC_H_
#define ULPROOF_GPU_PTX_OPERAND_SPEC_H_

#include <optional>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "gpu/ptx/form.h"

namespace ulproof::gpu::ptx {

struct OperandSpec {
  enum class Role : std::uint8_t {
    kValue,      // a register or constant of `type`
    kVector,     // v0, q4: several of them
    kAddress,    // @
    kImmediate,  // i
    kMove,       // m
    kIgnored,    // x
    kLabel,      // L
    kFunction,   // F
  };
  Role role = Role::kValue;
  Type type = Type::kNone;
  int elements = 1;
  bool is_destination = false;
  bool may_be_wider = false;
  bool is_optional = false;
  bool has_pair = false;          // |p
  bool pair_is_optional = false;  // |p?
};

namespace internal {

inline Type DoubleWidth(Type type) {
  switch (type) {
    case Type::kU16:
      return Type::kU32;
    case Type::kS16:
      return Type::kS32;
    case Type::kU32:
      return Type::kU64;
    default:
      return Type::kS64;
  }
}

inline OperandSpec ParseOperandSpec(std::string_view word, const Form& form) {
  using Role = OperandSpec::Role;
  OperandSpec spec;
  if (word.front() == '=') {
    spec.is_destination = true;
    word.remove_prefix(1);
  }
  if (const std::size_t bar = word.find('|'); bar != std::string_view::npos) {
    spec.has_pair = true;
    spec.pair_is_optional = word.ends_with('?');
    word = word.substr(0, bar);
  }
  if (word.ends_with('?')) {
    spec.is_optional = true;
    word.remove_suffix(1);
  }
  if (word.ends_with('~')) {
    spec.may_be_wider = true;
    word.remove_suffix(1);
  }
  if (word == "@") {
    spec.role = Role::kAddress;
  } else if (word == "i") {
    spec.role = Role::kImmediate;
  } else if (word == "m") {
    spec.role = Role::kMove;
    spec.type = form.type();
  } else if (word == "x") {
    spec.role = Role::kIgnored;
  } else if (word == "L") {
    spec.role = Role::kLabel;
  } else if (word == "F") {
    spec.role = Role::kFunction;
  } else if (word == "v0" || word == "q4") {
    spec.role = Role::kVector;
    spec.elements = word == "q4" ? 4 : form.vector_length();
    spec.type = form.type(word == "q4" ? 1 : 0);
  } else if (word == "p") {
    spec.type = Type::kPred;
  } else if (word == "0" || word == "1") {
    spec.type = form.type(word == "0" ? 0 : 1);
  } else if (word == "w0") {
    spec.type = DoubleWidth(form.type());
  } else {
    const std::optional<Type> type = FindType(word);
    ULPROOF_CHECK(type.has_value(), "opcodes.def: unknown operand '" + std::string(word) + "'");
    spec.type = *type;
  }
  return spec;
}

}  // namespace internal

// The alternatives of the form's operands column.
inline std::vector<std::vector<OperandSpec>> OperandSpecsOf(const Form& form) {
  std::vector<std::vector<OperandSpec>> alternatives;
  for (const std::string_view alternative : base::Split(form.row->operands, ';')) {
    std::vector<OperandSpec>& specs = alternatives.emplace_back();
    for (const std::string_view word : base::Split(alternative, ' ')) {
      if (!word.empty()) specs.push_back(internal::ParseOperandSpec(word, form));
    }
  }
  return alternatives;
}

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_OPERAND_SPEC_H_
