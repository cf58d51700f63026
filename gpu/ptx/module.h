// SPDX-License-Identifier: Apache-2.0
// A parsed PTX module: declarations and instructions with every name resolved, and nothing yet
// decided about what an instruction means (that is decode.h, from the table in opcodes.def).
#ifndef ULPROOF_GPU_PTX_MODULE_H_
#define ULPROOF_GPU_PTX_MODULE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gpu/ptx/lexer.h"
#include "gpu/ptx/type.h"

namespace ulproof::gpu::ptx {

// A bit of memory in an initialiser that holds the address of a module variable plus `addend`.
struct Relocation {
  std::uint64_t offset = 0;
  int bytes = 8;
  std::string symbol = {};
  std::int64_t addend = 0;
};

struct Variable {
  std::string name = {};
  Space space = Space::kGlobal;
  std::uint64_t alignment = 1;
  std::uint64_t size = 0;  // Bytes; 0 for `.extern .shared x[]`, whose size the launch gives.
  Position position = {};
  std::vector<std::uint8_t> initial = {};  // At most `size` bytes; the rest is zero.
  std::vector<Relocation> relocations = {};
};

struct Register {
  std::string name;
  Type type = Type::kNone;
};

enum class OperandKind : std::uint8_t {
  kRegister,   // index: Function::registers
  kSpecial,    // text: %tid.x ...
  kImmediate,  // value, literal
  kSymbol,     // the address of a variable: index, is_module_variable, offset
  kAddress,    // [base + offset]: elements[0] is the base (register, symbol) or there is none
  kVector,     // {a, b, ...}: elements
  kPair,       // d|p: two elements
  kList,       // (a, b) of a call: elements
  kSink,       // _
  kLabel,      // index: an instruction of Function::body
  kFunction,   // text: the name of a function
};

enum class Literal : std::uint8_t { kInteger, kFloat32, kFloat64, kDecimal };

struct Operand {
  OperandKind kind = OperandKind::kSink;
  Literal literal = Literal::kInteger;
  bool negated = false;             // !p
  bool is_module_variable = false;  // kSymbol: index into Module::variables, else Function's.
  std::uint32_t index = 0;
  std::uint64_t value = 0;
  std::int64_t offset = 0;
  std::string text = {};
  std::vector<Operand> elements = {};
  Position position = {};
};

inline constexpr std::uint32_t kNoRegister = UINT32_MAX;

struct Instruction {
  Position position;
  std::string opcode = {};                       // "add"
  std::vector<std::string_view> modifiers = {};  // "rn", "f32": views into Module::source
  std::vector<Operand> operands = {};
  std::uint32_t guard = kNoRegister;  // @p
  bool guard_negated = false;         // @!p
  int source_file = 0;                // .loc: index into Module::source_files; 0 = unknown
  int source_line = 0;

  // "add.rn.f32"
  std::string Mnemonic() const;
};

// A parameter or result of a function: a .param variable or a .reg register of it.
struct Parameter {
  bool is_register = false;
  std::uint32_t index = 0;
};

struct Function {
  std::string name = {};
  bool is_entry = false;
  bool is_defined = false;
  Position position = {};
  std::vector<Parameter> results = {};
  std::vector<Parameter> parameters = {};
  std::vector<Register> registers = {};
  std::vector<Variable> variables = {};
  std::vector<Instruction> body = {};
  std::vector<std::vector<std::uint32_t>> branch_targets = {};  // of brx.idx: lists of instructions
  std::array<std::uint32_t, 3> required_threads = {};           // .reqntid; zeros = not given
  std::array<std::uint32_t, 3> maximum_threads = {};            // .maxntid; zeros = not given
};

struct Module {
  std::string file;                           // As given to ParseModule, for messages.
  std::shared_ptr<const std::string> source;  // The text, alive as long as the module.
  std::string version;
  std::string target;
  std::vector<Variable> variables;
  std::vector<Function> functions;
  std::vector<std::string> source_files;  // .file, by number.

  // The defined function of that name, or null.
  const Function* FindFunction(std::string_view name) const;
  // The trimmed text of a line of `source`, for messages.
  std::string_view LineText(int line) const;
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_MODULE_H_
