// SPDX-License-Identifier: Apache-2.0
// Any text as PTX. Oracle: a module, or an error whose place is inside the text; the module's
// tokens printed with other blanks and comments parse to the same module; and whatever parses can
// be linted and run for a few thousand instructions, to an end, a fault or an error, never to a
// crash.
#include "fuzz/target.h"
#include "gpu/ptx/launch.h"
#include "gpu/ptx/lint.h"

namespace ulproof::fuzz {
namespace {

using gpu::ptx::Function;
using gpu::ptx::Instruction;
using gpu::ptx::Module;
using gpu::ptx::Operand;
using gpu::ptx::Token;
using gpu::ptx::TokenKind;
using gpu::ptx::Variable;

constexpr std::uint64_t kMaxVariableBytes = 1 << 14;
constexpr std::size_t kMaxText = 1 << 14;

void ExpectPlaceInside(const base::Error& error, std::string_view text) {
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  ULPROOF_CHECK(!error.message.empty() && error.line >= 1 && error.line <= lines, error.ToString());
  std::string_view line = text;
  for (int i = 1; i < error.line; ++i) line.remove_prefix(line.find('\n') + 1);
  const std::size_t length = std::min(line.find('\n'), line.size());
  ULPROOF_CHECK(error.column >= 1 && error.column <= static_cast<int>(length) + 1,
                error.ToString());
}

// The tokens on their lines (directives end with theirs), with other blanks between.
std::string Reprint(std::span<const Token> tokens) {
  std::string text;
  int line = 1;
  for (const Token& token : tokens) {
    while (line < token.position.line) {
      text += " // a line\n";
      ++line;
    }
    text += " /*/ between */\t";
    if (token.kind == TokenKind::kDotWord) text += '.';
    if (token.kind == TokenKind::kString) text += '"';
    text += token.text;
    if (token.kind == TokenKind::kString) text += '"';
  }
  return text;
}

// Everything of a module but places.
class Dump {
 public:
  explicit Dump(const Module& module) {
    Add(module.version, module.target);
    for (const Variable& variable : module.variables) AddVariable(variable);
    for (const std::string& file : module.source_files) Add(file);
    for (const Function& function : module.functions) AddFunction(function);
  }
  const std::string& text() const { return text_; }

 private:
  void Add(std::string_view word) {
    text_ += word;
    text_ += ' ';
  }
  template <typename Number>
  requires std::is_arithmetic_v<Number> || std::is_enum_v<Number>
  void Add(Number number) {
    Add(std::string_view(std::to_string(static_cast<std::uint64_t>(number))));
  }
  template <typename First, typename Second, typename... Rest>
  void Add(const First& first, const Second& second, const Rest&... rest) {
    Add(first);
    Add(second, rest...);
  }
  void AddVariable(const Variable& variable) {
    Add(variable.name, variable.space, variable.alignment, variable.size, variable.initial.size());
    for (const std::uint8_t byte : variable.initial) Add(byte);
    for (const gpu::ptx::Relocation& relocation : variable.relocations) {
      Add(relocation.offset, relocation.bytes, relocation.symbol, relocation.addend);
    }
    text_ += '\n';
  }
  void AddOperand(const Operand& operand) {
    Add(operand.kind, operand.literal, operand.negated, operand.is_module_variable, operand.index,
        operand.value, operand.offset, operand.text, operand.elements.size());
    for (const Operand& element : operand.elements) AddOperand(element);
  }
  void AddFunction(const Function& function) {
    Add(function.name, function.is_entry, function.is_defined);
    for (const auto* list : {&function.results, &function.parameters}) {
      Add(list->size());
      for (const gpu::ptx::Parameter& parameter : *list)
        Add(parameter.is_register, parameter.index);
    }
    for (const gpu::ptx::Register& reg : function.registers) Add(reg.name, reg.type);
    for (const Variable& variable : function.variables) AddVariable(variable);
    for (const Instruction& instruction : function.body) {
      Add(instruction.Mnemonic(), instruction.guard, instruction.guard_negated,
          instruction.source_file, instruction.source_line);
      for (const Operand& operand : instruction.operands) AddOperand(operand);
      text_ += '\n';
    }
    for (const auto& targets : function.branch_targets) {
      for (const std::uint32_t target : targets) Add(target);
    }
    for (const auto& threads : {function.required_threads, function.maximum_threads}) {
      for (const std::uint32_t count : threads) Add(count);
    }
  }

  std::string text_;
};

bool IsSmall(const std::vector<Variable>& variables) {
  std::uint64_t bytes = 0;
  for (const Variable& variable : variables) bytes += variable.size;
  return bytes <= kMaxVariableBytes;
}

// Runs an entry on a few threads; pointers are the one buffer's address, small numbers else.
void Run(const Module& module, const Function& entry) {
  const auto kernel = gpu::ptx::Kernel::Prepare(module, entry.name);
  const auto findings = gpu::ptx::Lint(module, entry.name);
  ULPROOF_CHECK(findings.ok() == kernel.ok(), entry.name);
  if (!kernel.ok()) return ExpectPlaceInside(kernel.error(), *module.source);
  bool is_small = IsSmall(module.variables);
  for (const Function& function : module.functions) {
    is_small = is_small && IsSmall(function.variables);
  }
  if (!is_small) return;
  gpu::ptx::Memory memory;
  std::vector<std::uint8_t> content(1024, 3);
  const gpu::ptx::DeviceAddress address = memory.Upload("buffer", content);
  gpu::ptx::Arguments arguments;
  for (const auto& slot : kernel->program().parameters) {
    std::vector<std::uint8_t> bytes(slot.size, 0);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const std::uint64_t value = slot.size >= 8 ? address : 7;
      bytes[i] = static_cast<std::uint8_t>(value >> (8 * (i % 8)));
    }
    arguments.AddBytes(std::move(bytes));
  }
  const auto& wanted = entry.required_threads;
  const gpu::ptx::LaunchShape shape = {
      .grid = {1},
      .block =
          wanted[0] == 0 ? gpu::ptx::Dim3{40} : gpu::ptx::Dim3{wanted[0], wanted[1], wanted[2]},
      .dynamic_shared_bytes = 64};
  const gpu::ptx::LaunchOptions options = {.check_races = true,
                                           .count_sectors = true,
                                           .instruction_budget = 4000,
                                           .single_threaded = true};
  const auto report = kernel->Launch(shape, arguments, memory, options);
  ULPROOF_CHECK(report.ok() || !report.error().message.empty());
}

}  // namespace

ULPROOF_FUZZ_TARGET(ptx_parse) {
  if (data.size() > kMaxText) return;
  const std::string_view text = TextOf(data);
  const auto module = gpu::ptx::ParseModule(text, "t.ptx");
  if (!module.ok()) return ExpectPlaceInside(module.error(), text);
  const auto tokens = gpu::ptx::Tokenize(text, "t.ptx");
  ULPROOF_CHECK(tokens.ok());
  const std::string printed = Reprint(*tokens);
  const auto again = gpu::ptx::ParseModule(printed, "t.ptx");
  ULPROOF_CHECK(again.ok(), again.error().ToString() + "\n" + printed);
  const Dump dump(*module);
  ULPROOF_CHECK(dump.text() == Dump(*again).text(), printed);
  for (const Function& function : module->functions) {
    if (function.is_entry && function.is_defined) Run(*module, function);
  }
}

}  // namespace ulproof::fuzz
