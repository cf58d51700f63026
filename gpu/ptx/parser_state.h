// SPDX-License-Identifier: Apache-2.0
// What the parser's parts share: a cursor over the tokens that remembers the first error, and the
// names that are in scope. Internal to the parser.
#ifndef ULPROOF_GPU_PTX_PARSER_STATE_H_
#define ULPROOF_GPU_PTX_PARSER_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "gpu/ptx/module.h"

namespace ulproof::gpu::ptx {

// Every Parse... member returns false after it has set the error, and nothing runs past that.
class Cursor {
 public:
  Cursor(std::vector<Token> tokens, std::string_view file)
      : tokens_(std::move(tokens)), file_(file) {}

  const Token& Peek(std::size_t ahead = 0) const {
    const std::size_t at = at_ + ahead;
    return tokens_[at < tokens_.size() ? at : tokens_.size() - 1];
  }
  Token Take() {
    const Token token = Peek();
    if (token.kind != TokenKind::kEnd) ++at_;
    return token;
  }
  bool Accept(char punctuation) {
    if (!Peek().Is(punctuation)) return false;
    Take();
    return true;
  }
  bool AcceptDot(std::string_view name) {
    if (!Peek().IsDot(name)) return false;
    Take();
    return true;
  }
  bool Expect(char punctuation) {
    return Accept(punctuation) || Fail(std::string("expected '") + punctuation + "'");
  }
  bool ExpectWord(std::string& name) {
    if (Peek().kind != TokenKind::kWord) return Fail("expected a name");
    name = std::string(Take().text);
    return true;
  }
  bool ExpectInteger(std::uint64_t& value, std::uint64_t maximum) {
    if (Peek().kind != TokenKind::kInteger) return Fail("expected an integer");
    if (Peek().bits > maximum) return Fail("number is too large here");
    value = Take().bits;
    return true;
  }
  void SkipLine() {
    const int line = tokens_[at_ == 0 ? 0 : at_ - 1].position.line;
    while (Peek().kind != TokenKind::kEnd && Peek().position.line == line) ++at_;
  }

  // Sets the error at the next token, with what stands there.
  bool Fail(std::string message) {
    const Token& token = Peek();
    message += token.kind == TokenKind::kEnd
                   ? " (found the end of the text)"
                   : " (found '" + std::string(token.text.substr(0, 40)) + "')";
    return FailAt(token.position, std::move(message));
  }
  bool FailAt(Position position, std::string message) {
    if (!error_) {
      error_ = base::Error{.message = std::move(message),
                           .file = std::string(file_),
                           .line = position.line,
                           .column = position.column};
    }
    return false;
  }
  const std::optional<base::Error>& error() const { return error_; }

 private:
  std::vector<Token> tokens_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::optional<base::Error> error_;
};

enum class EntityKind : std::uint8_t { kRegister, kVariable, kModuleVariable, kFunction };

struct Entity {
  EntityKind kind;
  std::uint32_t index;
};

// A label that was used before its scope said where it is: operand `operand` of an instruction,
// or an entry of a branch target list (operand = that list, element = which).
struct PendingLabel {
  std::string name = {};
  Position position;
  std::uint32_t instruction = 0;
  std::uint32_t operand = 0;
  std::uint32_t element = 0;
  bool is_target_list = false;
};

// One { } of a function body.
struct Scope {
  struct Range {  // .reg .b32 %r<100>: %r0 to %r99, made when first used.
    std::string prefix;
    std::uint64_t count;
    Type type;
  };
  std::unordered_map<std::string, Entity> names;
  std::vector<Range> ranges;
  std::unordered_map<std::string, std::uint32_t> labels;
  std::unordered_map<std::string, std::uint32_t> target_lists;
  std::vector<PendingLabel> pending;
};

// Parses the body of `function` up to and with its closing brace; the opening one has been taken.
// `outer` holds the parameters. Module-level names are looked up in `module_names`.
bool ParseBody(Cursor& cursor, const std::unordered_map<std::string, Entity>& module_names,
               Scope outer, Function& function);

// Parses one declaration after its state space word: [.align n] .type name[size] [= initialiser].
// Leaves the terminator (';', ',' or ')') to the caller. Adds several for a list of names.
bool ParseVariables(Cursor& cursor, Space space, bool is_parameter,
                    std::vector<Variable>& variables);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_PARSER_STATE_H_
