// SPDX-License-Identifier: Apache-2.0
// An instruction form: opcode and modifiers, matched against a row of opcodes.def. The row says
// which operands the form takes, what runs it, and what its result promises.
#ifndef ULPROOF_GPU_PTX_FORM_H_
#define ULPROOF_GPU_PTX_FORM_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/ptx/operation.h"
#include "gpu/ptx/type.h"

namespace ulproof::gpu::ptx {

// What a form's result does not promise; a form without flags gives the same bits on every chip.
enum Tag : std::uint8_t {
  kExact = 0,
  kNanBits = 1,       // The bits of a NaN result are unspecified.
  kContractable = 2,  // ptxas may fuse it with a neighbour into an FMA.
  kApproximate = 4,   // Specified only to an error bound, or depends on the order of threads.
};

struct FormRow;

// A matched mnemonic. The views point into the instruction or the table.
struct Form {
  const FormRow* row = nullptr;
  std::string_view opcode;
  std::vector<std::string_view> modifiers;  // In the order written.
  std::vector<Type> types;                  // The modifiers that are types, in the order written.

  bool Has(std::string_view modifier) const;
  // The first modifier that is one of `names`; its index in `names`, or `fallback` if none is.
  int Find(std::span<const std::string_view> names, int fallback = -1) const;
  Type type(std::size_t i = 0) const { return i < types.size() ? types[i] : Type::kNone; }
  // 1, 2, 4 or 8: the .v2, .v4, .v8 modifier.
  int vector_length() const;
};

// What runs a form: the code, and a word that it may use as it likes (flags, a look-up table).
struct Binding {
  Execute execute = nullptr;
  std::uint64_t parameter = 0;
};
using Binder = Binding (*)(const Form& form);

// How control flow treats a form (see interpreter.h).
enum class Control : std::uint8_t {
  kNone,     // An ordinary lane-wise or warp-wise operation.
  kBranch,   // bra
  kIndexed,  // brx.idx
  kCall,     // call: expanded when decoded
  kReturn,   // ret
  kExit,     // exit
  kTrap,     // trap
  kBarrier,  // bar.sync and its kin: waits for other warps
  kMembers,  // waits for the lanes of its member mask, then runs as an ordinary operation
};

struct FormRow {
  std::string_view pattern;   // "add rn|rz? ftz? f32": opcode, then groups; ? = optional
  std::string_view operands;  // see opcodes.def
  std::string_view family;
  Control control;
  Binder bind;
  std::uint8_t tags;
};

// All rows of opcodes.def in order.
std::span<const FormRow> FormTable();

// The rows that fit: those of the opcode that have a group for every modifier, each group used at
// most once and every group without ? used; modifiers may stand in any order. Rows that differ only
// in their operands are all returned, in table order. None: `reason` says what is unknown.
std::vector<Form> MatchForms(std::string_view opcode, std::span<const std::string_view> modifiers,
                             std::string* reason);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_FORM_H_
