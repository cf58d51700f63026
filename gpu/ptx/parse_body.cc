// SPDX-License-Identifier: Apache-2.0
// Function bodies: scopes, registers, labels, instructions and their operands.
#include <algorithm>
#include <charconv>

#include "gpu/ptx/parser_state.h"

namespace ulproof::gpu::ptx {
namespace {

constexpr std::size_t kMaxScopeDepth = 200;
constexpr std::uint64_t kMaxRegisterRange = 1 << 24;
constexpr int kMaxOperandDepth = 4;

class BodyParser {
 public:
  BodyParser(Cursor& cursor, const std::unordered_map<std::string, Entity>& module_names,
             Scope outer, Function& function)
      : cursor_(cursor), module_names_(module_names), function_(function) {
    scopes_.push_back(std::move(outer));
  }

  bool Run() {
    while (!scopes_.empty()) {
      if (!Statement()) return false;
    }
    return true;
  }

 private:
  bool Statement() {
    const Token& token = cursor_.Peek();
    if (token.kind == TokenKind::kEnd) return cursor_.Fail("function is not closed");
    if (cursor_.Accept(';')) return true;
    if (cursor_.Accept('{')) {
      if (scopes_.size() >= kMaxScopeDepth) return cursor_.Fail("scopes are nested too deeply");
      scopes_.emplace_back();
      return true;
    }
    if (cursor_.Accept('}')) return CloseScope();
    if (token.kind == TokenKind::kDotWord) return Directive();
    if (token.kind == TokenKind::kWord && cursor_.Peek(1).Is(':')) return Label();
    return ParseInstruction();
  }

  // Labels used in the scope and not defined there belong to the scope around it.
  bool CloseScope() {
    Scope scope = std::move(scopes_.back());
    scopes_.pop_back();
    for (PendingLabel& pending : scope.pending) {
      if (const auto list = scope.target_lists.find(pending.name);
          list != scope.target_lists.end() && !pending.is_target_list) {
        function_.body[pending.instruction].operands[pending.operand].index = list->second;
      } else if (const auto label = scope.labels.find(pending.name); label != scope.labels.end()) {
        if (pending.is_target_list) {
          function_.branch_targets[pending.operand][pending.element] = label->second;
        } else {
          function_.body[pending.instruction].operands[pending.operand].index = label->second;
        }
      } else if (scopes_.empty()) {
        return cursor_.FailAt(pending.position, "'" + pending.name + "' is not defined");
      } else {
        scopes_.back().pending.push_back(std::move(pending));
      }
    }
    return true;
  }

  bool Label() {
    const Position position = cursor_.Peek().position;
    const std::string name(cursor_.Take().text);
    cursor_.Take();  // ':'
    if (cursor_.AcceptDot("branchtargets")) return BranchTargets(name, position);
    if (cursor_.AcceptDot("callprototype")) {
      // Only indirect calls use it, and those are refused when decoded.
      while (cursor_.Peek().kind != TokenKind::kEnd && !cursor_.Peek().Is(';')) cursor_.Take();
      return cursor_.Expect(';');
    }
    const auto here = static_cast<std::uint32_t>(function_.body.size());
    if (!scopes_.back().labels.emplace(name, here).second) {
      return cursor_.FailAt(position, "label '" + name + "' is defined twice");
    }
    return true;
  }

  bool BranchTargets(const std::string& name, Position position) {
    const auto list = static_cast<std::uint32_t>(function_.branch_targets.size());
    function_.branch_targets.emplace_back();
    if (!scopes_.back().target_lists.emplace(name, list).second) {
      return cursor_.FailAt(position, "label '" + name + "' is defined twice");
    }
    do {
      PendingLabel pending{
          .position = cursor_.Peek().position,
          .operand = list,
          .element = static_cast<std::uint32_t>(function_.branch_targets[list].size()),
          .is_target_list = true};
      if (!cursor_.ExpectWord(pending.name)) return false;
      function_.branch_targets[list].push_back(0);
      scopes_.back().pending.push_back(std::move(pending));
    } while (cursor_.Accept(','));
    return cursor_.Expect(';');
  }

  bool Directive() {
    const Token directive = cursor_.Take();
    if (directive.text == "reg") return Registers();
    if (directive.text == "loc") return Location();
    if (directive.text == "pragma") {
      while (cursor_.Peek().kind == TokenKind::kString || cursor_.Peek().Is(',')) cursor_.Take();
      return cursor_.Expect(';');
    }
    for (const Space space :
         {Space::kLocal, Space::kShared, Space::kParam, Space::kGlobal, Space::kConst}) {
      if (directive.text == SpaceName(space)) return Variables(space, directive.position);
    }
    return cursor_.FailAt(directive.position,
                          "unknown directive '." + std::string(directive.text) + "'");
  }

  bool Variables(Space space, Position position) {
    if (space == Space::kGlobal || space == Space::kConst) {
      return cursor_.FailAt(position, "." + std::string(SpaceName(space)) +
                                          " variables inside a function are not supported");
    }
    const std::size_t first = function_.variables.size();
    if (!ParseVariables(cursor_, space, false, function_.variables)) return false;
    for (std::size_t i = first; i < function_.variables.size(); ++i) {
      const Variable& variable = function_.variables[i];
      if (variable.size == 0) {
        return cursor_.FailAt(variable.position, "'" + variable.name + "' has no size");
      }
      const Entity entity{EntityKind::kVariable, static_cast<std::uint32_t>(i)};
      if (!Declare(variable.name, variable.position, entity)) return false;
    }
    return cursor_.Expect(';');
  }

  bool Registers() {
    const Token type_token = cursor_.Peek();
    const std::optional<Type> type = FindType(type_token.text);
    if (type_token.kind != TokenKind::kDotWord || !type || InfoOf(*type).kind == Kind::kPacked) {
      if (type != Type::kF16x2 && type != Type::kBf16x2) {
        return cursor_.Fail("expected the type of a register");
      }
    }
    cursor_.Take();
    do {
      const Position position = cursor_.Peek().position;
      std::string name;
      if (!cursor_.ExpectWord(name)) return false;
      if (cursor_.Accept('<')) {
        std::uint64_t count = 0;
        if (!cursor_.ExpectInteger(count, kMaxRegisterRange) || !cursor_.Expect('>')) return false;
        scopes_.back().ranges.push_back({std::move(name), count, *type});
      } else {
        const auto index = static_cast<std::uint32_t>(function_.registers.size());
        function_.registers.push_back({name, *type});
        if (!Declare(name, position, {EntityKind::kRegister, index})) return false;
      }
    } while (cursor_.Accept(','));
    return cursor_.Expect(';');
  }

  // .loc file line column[, function_name label[+n], inlined_at file line column]: ends with its
  // line of text, not with a semicolon.
  bool Location() {
    std::uint64_t file = 0;
    std::uint64_t line = 0;
    if (!cursor_.ExpectInteger(file, 1 << 16) || !cursor_.ExpectInteger(line, INT32_MAX)) {
      return false;
    }
    source_file_ = static_cast<int>(file);
    source_line_ = static_cast<int>(line);
    cursor_.SkipLine();
    return true;
  }

  bool Declare(const std::string& name, Position position, Entity entity) {
    if (scopes_.back().names.emplace(name, entity).second) return true;
    return cursor_.FailAt(position, "'" + name + "' is declared twice in this scope");
  }

  std::optional<Entity> Find(const std::string& name) {
    for (std::size_t i = scopes_.size(); i-- > 0;) {
      Scope& scope = scopes_[i];
      if (const auto found = scope.names.find(name); found != scope.names.end()) {
        return found->second;
      }
      if (std::optional<Entity> made = FindInRanges(scope, name)) return made;
    }
    const auto found = module_names_.find(name);
    if (found == module_names_.end()) return std::nullopt;
    return found->second;
  }

  std::optional<Entity> FindInRanges(Scope& scope, const std::string& name) {
    const std::size_t prefix_size = name.find_last_not_of("0123456789") + 1;
    if (prefix_size == name.size() || (name[prefix_size] == '0' && prefix_size + 1 < name.size())) {
      return std::nullopt;
    }
    std::uint64_t number = 0;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data() + prefix_size, end, number).ptr != end) return std::nullopt;
    for (const Scope::Range& range : scope.ranges) {
      if (number >= range.count || name.compare(0, prefix_size, range.prefix) != 0) continue;
      const Entity entity{EntityKind::kRegister,
                          static_cast<std::uint32_t>(function_.registers.size())};
      function_.registers.push_back({name, range.type});
      scope.names.emplace(name, entity);
      return entity;
    }
    return std::nullopt;
  }

  bool ParseInstruction() {
    Instruction instruction{.position = cursor_.Peek().position,
                            .source_file = source_file_,
                            .source_line = source_line_};
    if (cursor_.Accept('@')) {
      instruction.guard_negated = cursor_.Accept('!');
      const Position position = cursor_.Peek().position;
      std::string name;
      if (!cursor_.ExpectWord(name)) return false;
      const std::optional<Entity> entity = Find(name);
      if (!entity || entity->kind != EntityKind::kRegister ||
          function_.registers[entity->index].type != Type::kPred) {
        return cursor_.FailAt(position, "'" + name + "' is not a predicate register");
      }
      instruction.guard = entity->index;
      instruction.position = cursor_.Peek().position;
    }
    if (cursor_.Peek().kind != TokenKind::kWord) return cursor_.Fail("expected an instruction");
    instruction.opcode = std::string(cursor_.Take().text);
    while (cursor_.Peek().kind == TokenKind::kDotWord) {
      instruction.modifiers.push_back(cursor_.Take().text);
    }
    if (!cursor_.Accept(';')) {
      do {
        Operand operand;
        if (!ParseOperand(instruction, 0, operand)) return false;
        instruction.operands.push_back(std::move(operand));
      } while (cursor_.Accept(','));
      if (!cursor_.Expect(';')) return false;
    }
    function_.body.push_back(std::move(instruction));
    return true;
  }

  bool ParseOperand(const Instruction& instruction, int depth, Operand& operand) {
    if (!ParsePrimary(instruction, depth, operand)) return false;
    if (!cursor_.Accept('|')) return true;
    Operand pair{.kind = OperandKind::kPair, .position = operand.position};
    pair.elements.push_back(std::move(operand));
    pair.elements.emplace_back();
    if (!ParsePrimary(instruction, depth + 1, pair.elements[1])) return false;
    operand = std::move(pair);
    return true;
  }

  bool ParsePrimary(const Instruction& instruction, int depth, Operand& operand) {
    operand.position = cursor_.Peek().position;
    if (depth > kMaxOperandDepth) return cursor_.Fail("operand is nested too deeply");
    if (cursor_.Accept('{')) return List(instruction, depth, '}', OperandKind::kVector, operand);
    if (cursor_.Accept('(')) return List(instruction, depth, ')', OperandKind::kList, operand);
    if (cursor_.Accept('[')) return Address(operand);
    if (cursor_.Accept('!')) {
      if (!ParsePrimary(instruction, depth + 1, operand)) return false;
      operand.negated = true;
      return operand.kind == OperandKind::kRegister ||
             cursor_.FailAt(operand.position, "'!' needs a predicate register");
    }
    if (cursor_.Peek().kind == TokenKind::kWord) return Name(instruction, operand);
    return Number(operand);
  }

  bool List(const Instruction& instruction, int depth, char close, OperandKind kind,
            Operand& operand) {
    operand.kind = kind;
    if (cursor_.Accept(close)) return true;
    do {
      operand.elements.emplace_back();
      if (!ParseOperand(instruction, depth + 1, operand.elements.back())) return false;
    } while (cursor_.Accept(','));
    return cursor_.Expect(close);
  }

  bool Number(Operand& operand) {
    const bool negative = cursor_.Accept('-');
    const Token token = cursor_.Peek();
    operand.kind = OperandKind::kImmediate;
    operand.value = token.bits;
    switch (token.kind) {
      case TokenKind::kInteger:
        operand.literal = Literal::kInteger;
        if (negative) operand.value = ~operand.value + 1;
        break;
      case TokenKind::kFloat32:
        operand.literal = Literal::kFloat32;
        if (negative) operand.value ^= std::uint64_t{1} << 31;
        break;
      case TokenKind::kFloat64:
        operand.literal = token.is_decimal ? Literal::kDecimal : Literal::kFloat64;
        if (negative) operand.value ^= std::uint64_t{1} << 63;
        break;
      default:
        return cursor_.Fail("expected an operand");
    }
    cursor_.Take();
    return true;
  }

  // Registers, special registers, variables (+ offset), functions, labels.
  bool Name(const Instruction& instruction, Operand& operand) {
    std::string name(cursor_.Take().text);
    if (name == "_") {
      operand.kind = OperandKind::kSink;
      return true;
    }
    if (name == "WARP_SZ") {
      operand.kind = OperandKind::kImmediate;
      operand.value = 32;
      return true;
    }
    if (const std::optional<Entity> entity = Find(name)) {
      operand.index = entity->index;
      switch (entity->kind) {
        case EntityKind::kRegister:
          operand.kind = OperandKind::kRegister;
          return true;
        case EntityKind::kFunction:
          operand.kind = OperandKind::kFunction;
          operand.text = std::move(name);
          return true;
        case EntityKind::kModuleVariable:
          operand.is_module_variable = true;
          [[fallthrough]];
        case EntityKind::kVariable:
          operand.kind = OperandKind::kSymbol;
          return Offset(operand);
      }
    }
    if (name[0] == '%') {
      if (cursor_.Peek().kind == TokenKind::kDotWord) {
        name += '.';
        name += cursor_.Take().text;
      }
      operand.kind = OperandKind::kSpecial;
      operand.text = std::move(name);
      return true;
    }
    if (instruction.opcode != "bra" && instruction.opcode != "brx" &&
        instruction.opcode != "call") {
      return cursor_.FailAt(operand.position, "'" + name + "' is not declared");
    }
    operand.kind = OperandKind::kLabel;
    scopes_.back().pending.push_back(
        {.name = std::move(name),
         .position = operand.position,
         .instruction = static_cast<std::uint32_t>(function_.body.size()),
         .operand = static_cast<std::uint32_t>(instruction.operands.size())});
    return true;
  }

  // [+ n], [+ -n], [- n]
  bool Offset(Operand& operand) {
    const bool plus = cursor_.Accept('+');
    const bool minus = cursor_.Accept('-');
    if (!plus && !minus) return true;
    std::uint64_t value = 0;
    if (!cursor_.ExpectInteger(value, INT64_MAX)) return false;
    operand.offset = minus ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
    return true;
  }

  bool Address(Operand& operand) {
    operand.kind = OperandKind::kAddress;
    if (cursor_.Peek().kind == TokenKind::kWord) {
      Operand base{.position = cursor_.Peek().position};
      if (!Name({}, base)) return false;
      if (base.kind != OperandKind::kRegister && base.kind != OperandKind::kSymbol) {
        return cursor_.FailAt(base.position, "an address needs a register or a variable");
      }
      operand.offset = base.offset;
      base.offset = 0;
      operand.elements.push_back(std::move(base));
      if (operand.elements[0].kind == OperandKind::kRegister && !Offset(operand)) return false;
    } else {
      Operand number;
      if (!Number(number)) return false;
      if (number.literal != Literal::kInteger) return cursor_.Fail("expected an address");
      operand.offset = static_cast<std::int64_t>(number.value);
    }
    return cursor_.Expect(']');
  }

  Cursor& cursor_;
  const std::unordered_map<std::string, Entity>& module_names_;
  Function& function_;
  std::vector<Scope> scopes_;
  int source_file_ = 0;
  int source_line_ = 0;
};

}  // namespace

bool ParseBody(Cursor& cursor, const std::unordered_map<std::string, Entity>& module_names,
               Scope outer, Function& function) {
  return BodyParser(cursor, module_names, std::move(outer), function).Run();
}

}  // namespace ulproof::gpu::ptx
