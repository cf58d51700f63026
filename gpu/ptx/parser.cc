// SPDX-License-Identifier: Apache-2.0
// Module level: directives, variables with initialisers, function signatures.
#include "gpu/ptx/parser.h"

#include <bit>
#include <limits>

#include "gpu/ptx/parser_state.h"

namespace ulproof::gpu::ptx {
namespace {

// No variable of a kernel comes near it, and sums of a few cannot overflow.
constexpr std::uint64_t kMaxVariableBytes = std::uint64_t{1} << 32;

// Appends `bytes` little-endian bytes.
void Append(std::vector<std::uint8_t>& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// One element of an initialiser: a number, or [generic(]symbol[)][+ addend].
bool ParseElement(Cursor& cursor, Type type, Variable& variable) {
  const int bytes = BytesOf(type);
  const Token token = cursor.Peek();
  if (token.kind == TokenKind::kWord) {
    Relocation relocation{.offset = variable.initial.size(), .bytes = bytes};
    const bool is_generic = token.text == "generic" && cursor.Peek(1).Is('(');
    if (is_generic) {
      cursor.Take();
      cursor.Take();
    }
    if (!cursor.ExpectWord(relocation.symbol)) return false;
    if (is_generic && !cursor.Expect(')')) return false;
    if (cursor.Accept('+')) {
      std::uint64_t addend = 0;
      if (!cursor.ExpectInteger(addend, kMaxVariableBytes)) return false;
      relocation.addend = static_cast<std::int64_t>(addend);
    }
    if (bytes != 8) {
      return cursor.FailAt(token.position, "an address needs a 64-bit element");
    }
    variable.relocations.push_back(relocation);
    Append(variable.initial, 0, bytes);
    return true;
  }
  const bool negative = cursor.Accept('-');
  const Token number = cursor.Take();
  std::uint64_t value = number.bits;
  if (number.kind == TokenKind::kInteger) {
    if (IsFloat(type)) {
      return cursor.FailAt(number.position, "a floating-point element needs 0f or 0d");
    }
    if (negative) value = ~value + 1;
  } else if (number.kind == TokenKind::kFloat32 && BytesOf(type) == 4 && !negative) {
  } else if (number.kind == TokenKind::kFloat64 && type == Type::kF64) {
    if (negative) value ^= std::uint64_t{1} << 63;
  } else if (number.kind == TokenKind::kFloat64 && number.is_decimal && type == Type::kF32) {
    const auto narrowed = static_cast<float>(std::bit_cast<double>(value));
    value = std::bit_cast<std::uint32_t>(negative ? -narrowed : narrowed);
  } else {
    return cursor.FailAt(number.position, "this initialiser is not supported");
  }
  Append(variable.initial, value, bytes);
  return true;
}

// Nested braces of an array initialiser; rows are packed one after another.
bool ParseInitialiser(Cursor& cursor, Type type, int depth, Variable& variable) {
  if (!cursor.Accept('{')) return ParseElement(cursor, type, variable);
  if (depth > 8) return cursor.Fail("initialiser is nested too deeply");
  if (cursor.Accept('}')) return true;
  do {
    if (!ParseInitialiser(cursor, type, depth + 1, variable)) return false;
  } while (cursor.Accept(','));
  return cursor.Expect('}');
}

// [n][m]... after a name. `elements` is 0 for [] (size unknown).
bool ParseDimensions(Cursor& cursor, std::uint64_t& elements, bool& is_unsized) {
  elements = 1;
  while (cursor.Accept('[')) {
    if (cursor.Accept(']')) {
      is_unsized = true;
      continue;
    }
    std::uint64_t dimension = 0;
    if (!cursor.ExpectInteger(dimension, kMaxVariableBytes) || !cursor.Expect(']')) return false;
    if (dimension != 0 && elements > kMaxVariableBytes / dimension) {
      return cursor.Fail("variable is too large");
    }
    elements *= dimension;
  }
  return true;
}

class ModuleParser {
 public:
  ModuleParser(std::vector<Token> tokens, std::string_view file)
      : cursor_(std::move(tokens), file) {}

  bool Run(Module& module) {
    module_ = &module;
    while (cursor_.Peek().kind != TokenKind::kEnd) {
      if (!Statement()) return false;
    }
    return true;
  }
  const base::Error& error() const { return *cursor_.error(); }

 private:
  bool Statement() {
    if (cursor_.Peek().kind != TokenKind::kDotWord) return cursor_.Fail("expected a directive");
    const Token directive = cursor_.Take();
    if (directive.text == "version") {
      module_->version = std::string(cursor_.Peek().text);
      cursor_.SkipLine();
      return true;
    }
    if (directive.text == "target") {
      module_->target = std::string(cursor_.Peek().text);
      cursor_.SkipLine();
      return true;
    }
    if (directive.text == "address_size") {
      std::uint64_t bits = 0;
      if (!cursor_.ExpectInteger(bits, 64)) return false;
      return bits == 64 || cursor_.FailAt(directive.position, "only 64-bit addresses are known");
    }
    if (directive.text == "file") return File();
    if (directive.text == "section") return Section();
    if (directive.text == "pragma") return Pragma();
    bool is_external = false;
    std::string_view word = directive.text;
    Position position = directive.position;
    while (word == "visible" || word == "extern" || word == "weak" || word == "common") {
      is_external = is_external || word == "extern";
      if (cursor_.Peek().kind != TokenKind::kDotWord) return cursor_.Fail("expected a directive");
      position = cursor_.Peek().position;
      word = cursor_.Take().text;
    }
    if (word == "entry" || word == "func") return FunctionSignature(word == "entry");
    for (const Space space : {Space::kGlobal, Space::kConst, Space::kShared}) {
      if (word == SpaceName(space)) return ModuleVariables(space, is_external);
    }
    return cursor_.FailAt(position, "unknown directive '." + std::string(word) + "'");
  }

  bool File() {
    std::uint64_t number = 0;
    if (!cursor_.ExpectInteger(number, 1 << 16)) return false;
    if (cursor_.Peek().kind != TokenKind::kString) return cursor_.Fail("expected a file name");
    if (module_->source_files.size() <= number) module_->source_files.resize(number + 1);
    module_->source_files[number] = std::string(cursor_.Take().text);
    cursor_.SkipLine();  // Optional time stamp and size.
    return true;
  }

  // Debug information holds no instruction: skipped to its closing brace.
  bool Section() {
    while (cursor_.Peek().kind == TokenKind::kDotWord) cursor_.Take();
    if (!cursor_.Expect('{')) return false;
    while (!cursor_.Peek().Is('}')) {
      if (cursor_.Peek().kind == TokenKind::kEnd) return cursor_.Fail("section is not closed");
      cursor_.Take();
    }
    return cursor_.Expect('}');
  }

  bool Pragma() {
    while (cursor_.Peek().kind == TokenKind::kString || cursor_.Peek().Is(',')) cursor_.Take();
    return cursor_.Expect(';');
  }

  bool ModuleVariables(Space space, bool is_external) {
    const std::size_t first = module_->variables.size();
    if (!ParseVariables(cursor_, space, false, module_->variables) || !cursor_.Expect(';')) {
      return false;
    }
    for (std::size_t i = first; i < module_->variables.size(); ++i) {
      const Variable& variable = module_->variables[i];
      if (variable.size == 0 && !(is_external && space == Space::kShared)) {
        return cursor_.FailAt(variable.position, "'" + variable.name + "' has no size");
      }
      const Entity entity{EntityKind::kModuleVariable, static_cast<std::uint32_t>(i)};
      if (!Declare(variable.name, variable.position, entity)) return false;
    }
    return true;
  }

  bool Declare(const std::string& name, Position position, Entity entity) {
    if (names_.emplace(name, entity).second) return true;
    return cursor_.FailAt(position, "'" + name + "' is declared twice");
  }

  bool FunctionSignature(bool is_entry) {
    Function function{.is_entry = is_entry};
    Scope scope;
    if (!is_entry && cursor_.Peek().Is('(') && !Parameters(function, scope, function.results)) {
      return false;
    }
    function.position = cursor_.Peek().position;
    if (!cursor_.ExpectWord(function.name)) return false;
    if (cursor_.Peek().Is('(') && !Parameters(function, scope, function.parameters)) return false;
    if (!Attributes(function)) return false;
    auto known = names_.find(function.name);
    if (known == names_.end()) {
      const Entity entity{EntityKind::kFunction,
                          static_cast<std::uint32_t>(module_->functions.size())};
      known = names_.emplace(function.name, entity).first;
      module_->functions.push_back({.name = function.name});
    }
    Function& slot = module_->functions[known->second.index];
    if (known->second.kind != EntityKind::kFunction || slot.is_defined) {
      return cursor_.FailAt(function.position, "'" + function.name + "' is declared twice");
    }
    if (cursor_.Accept(';')) {
      slot = std::move(function);
      return true;
    }
    if (!cursor_.Expect('{')) return false;
    function.is_defined = true;
    if (!ParseBody(cursor_, names_, std::move(scope), function)) return false;
    slot = std::move(function);
    return true;
  }

  // Performance hints between the signature and the body. Unknown ones are errors.
  bool Attributes(Function& function) {
    while (cursor_.Peek().kind == TokenKind::kDotWord) {
      const Token token = cursor_.Take();
      if (token.text == "maxntid" || token.text == "reqntid") {
        auto& limit =
            token.text == "reqntid" ? function.required_threads : function.maximum_threads;
        limit = {1, 1, 1};
        for (int i = 0; i < 3; ++i) {
          std::uint64_t value = 0;
          if (!cursor_.ExpectInteger(value, 1 << 20)) return false;
          limit[i] = static_cast<std::uint32_t>(value);
          if (!cursor_.Accept(',')) break;
        }
      } else if (token.text == "minnctapersm" || token.text == "maxnctapersm" ||
                 token.text == "maxnreg") {
        std::uint64_t value = 0;
        if (!cursor_.ExpectInteger(value, 1 << 20)) return false;
      } else if (token.text == "pragma") {
        if (!Pragma()) return false;
      } else if (token.text != "noreturn") {
        return cursor_.FailAt(token.position,
                              "unknown directive '." + std::string(token.text) + "'");
      }
    }
    return true;
  }

  bool Parameters(Function& function, Scope& scope, std::vector<Parameter>& list) {
    if (!cursor_.Expect('(')) return false;
    if (cursor_.Accept(')')) return true;
    do {
      const Position position = cursor_.Peek().position;
      std::string name;
      Entity entity{EntityKind::kRegister, 0};
      if (cursor_.AcceptDot("param")) {
        entity = {EntityKind::kVariable, static_cast<std::uint32_t>(function.variables.size())};
        if (!ParseVariables(cursor_, Space::kParam, true, function.variables)) return false;
        name = function.variables.back().name;
        list.push_back({.is_register = false, .index = entity.index});
      } else if (cursor_.AcceptDot("reg")) {
        const Token type_token = cursor_.Peek();
        const std::optional<Type> type = FindType(type_token.text);
        if (type_token.kind != TokenKind::kDotWord || !type) return cursor_.Fail("expected a type");
        cursor_.Take();
        if (!cursor_.ExpectWord(name)) return false;
        entity.index = static_cast<std::uint32_t>(function.registers.size());
        function.registers.push_back({name, *type});
        list.push_back({.is_register = true, .index = entity.index});
      } else {
        return cursor_.Fail("expected .param or .reg");
      }
      // Unnamed parameters of a prototype are all `_`.
      if (name != "_" && !scope.names.emplace(name, entity).second) {
        return cursor_.FailAt(position, "'" + name + "' is declared twice");
      }
    } while (cursor_.Accept(','));
    return cursor_.Expect(')');
  }

  Cursor cursor_;
  Module* module_ = nullptr;
  std::unordered_map<std::string, Entity> names_;
};

}  // namespace

bool ParseVariables(Cursor& cursor, Space space, bool is_parameter,
                    std::vector<Variable>& variables) {
  std::uint64_t alignment = 0;
  std::optional<Type> type;
  std::uint64_t vector_length = 1;
  while (cursor.Peek().kind == TokenKind::kDotWord) {
    const Token token = cursor.Take();
    if (token.text == "align") {
      if (!cursor.ExpectInteger(alignment, 1 << 20)) return false;
      if (!std::has_single_bit(alignment)) return cursor.Fail("alignment is not a power of two");
    } else if (token.text == "v2" || token.text == "v4") {
      vector_length = token.text == "v2" ? 2 : 4;
    } else if (const std::optional<Type> found = FindType(token.text)) {
      type = found;
    } else if (token.text == "ptr" && is_parameter) {
      // .ptr [.space] [.align n]: what the pointer points to, not the parameter itself.
      while (cursor.Peek().kind == TokenKind::kDotWord) {
        if (!cursor.Take().IsDot("align")) continue;
        std::uint64_t ignored = 0;
        if (!cursor.ExpectInteger(ignored, 1 << 20)) return false;
      }
    } else {
      return cursor.FailAt(token.position,
                           "unknown word '." + std::string(token.text) + "' in a declaration");
    }
  }
  if (!type || *type == Type::kPred) return cursor.Fail("expected the type of a variable");
  const std::uint64_t element_bytes = static_cast<std::uint64_t>(BytesOf(*type)) * vector_length;
  if (alignment == 0) alignment = element_bytes;
  do {
    Variable variable{.space = space, .alignment = alignment, .position = cursor.Peek().position};
    if (!cursor.ExpectWord(variable.name)) return false;
    std::uint64_t elements = 1;
    bool is_unsized = false;
    if (!ParseDimensions(cursor, elements, is_unsized)) return false;
    if (elements > kMaxVariableBytes / element_bytes) return cursor.Fail("variable is too large");
    variable.size = is_unsized ? 0 : elements * element_bytes;
    if (cursor.Accept('=')) {
      if (space != Space::kGlobal && space != Space::kConst) {
        return cursor.Fail("only .global and .const variables have initial values");
      }
      if (!ParseInitialiser(cursor, *type, 0, variable)) return false;
      if (is_unsized) variable.size = variable.initial.size();
      if (variable.initial.size() > variable.size) {
        return cursor.FailAt(variable.position,
                             "'" + variable.name + "' has more initial values than elements");
      }
    }
    variables.push_back(std::move(variable));
  } while (!is_parameter && cursor.Accept(','));
  return true;
}

base::Result<Module> ParseModule(std::string_view text, std::string_view file) {
  Module module;
  module.file = std::string(file);
  module.source = std::make_shared<const std::string>(text);
  base::Result<std::vector<Token>> tokens = Tokenize(*module.source, module.file);
  if (!tokens) return tokens.error();
  ModuleParser parser(std::move(*tokens), file);
  if (!parser.Run(module)) return parser.error();
  return module;
}

}  // namespace ulproof::gpu::ptx
