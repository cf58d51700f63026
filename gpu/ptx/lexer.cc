// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/lexer.h"

#include <bit>
#include <charconv>
#include <optional>
#include <string>
#include <system_error>

namespace ulproof::gpu::ptx {
namespace {

constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsWordStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '%';
}
constexpr bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }

class Lexer {
 public:
  Lexer(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  base::Result<std::vector<Token>> Run() {
    std::vector<Token> tokens;
    tokens.reserve(text_.size() / 4);
    for (;;) {
      if (!SkipBlanks()) return Fail(comment_, "comment is not closed");
      Token token{.position = here()};
      if (at_ == text_.size()) {
        tokens.push_back(token);
        return tokens;
      }
      start_ = at_;
      if (std::optional<std::string> problem = Next(token)) {
        return Fail(token.position, std::move(*problem));
      }
      tokens.push_back(token);
    }
  }

 private:
  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  Position here() const { return {line_, static_cast<int>(at_ - line_start_) + 1}; }

  base::Error Fail(Position position, std::string message) const {
    return {.message = std::move(message),
            .file = std::string(file_),
            .line = position.line,
            .column = position.column};
  }

  void Advance() {
    if (text_[at_++] == '\n') {
      ++line_;
      line_start_ = at_;
    }
  }

  // False when a comment has no end.
  bool SkipBlanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        Advance();
      } else if (c == '/' && Peek(1) == '/') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == '/' && Peek(1) == '*') {
        comment_ = here();
        at_ += 2;
        while (at_ < text_.size() && !(text_[at_] == '*' && Peek(1) == '/')) Advance();
        if (at_ == text_.size()) return false;
        at_ += 2;
      } else {
        break;
      }
    }
    return true;
  }

  // Reads one token at at_; a message when there is none.
  std::optional<std::string> Next(Token& token) {
    const char c = Peek();
    if (IsWordStart(c)) {
      while (IsWordPart(Peek())) ++at_;
      return Finish(token, TokenKind::kWord);
    }
    if (IsDigit(c)) return Number(token);
    if (c == '.' && IsWordPart(Peek(1))) {
      ++at_;
      while (IsWordPart(Peek()) || (Peek() == ':' && Peek(1) == ':')) {
        at_ += Peek() == ':' ? 2 : 1;
      }
      Finish(token, TokenKind::kDotWord);
      token.text.remove_prefix(1);
      return std::nullopt;
    }
    if (c == '"') {
      std::size_t end = at_ + 1;
      while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') ++end;
      if (end == text_.size() || text_[end] != '"') return "string is not closed";
      at_ = end + 1;
      Finish(token, TokenKind::kString);
      token.text = token.text.substr(1, token.text.size() - 2);
      return std::nullopt;
    }
    if (std::string_view("()[]{}<>,;:+-*/=!@|.").find(c) == std::string_view::npos) {
      constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte >= 0x7F) {
        return std::string("unexpected byte 0x") + kHex[byte >> 4] + kHex[byte & 15];
      }
      return std::string("unexpected character '") + c + "'";
    }
    ++at_;
    return Finish(token, TokenKind::kPunctuation);
  }

  std::optional<std::string> Finish(Token& token, TokenKind kind) const {
    token.kind = kind;
    token.text = text_.substr(start_, at_ - start_);
    return std::nullopt;
  }

  std::optional<std::string> Number(Token& token) {
    while (IsWordPart(Peek())) ++at_;
    std::string_view word = text_.substr(start_, at_ - start_);
    if (word.size() >= 2 && word[0] == '0' && (word[1] | 0x20) == 'f') {
      if (word.size() != 10 || !Parse(word.substr(2), 16, token.bits)) {
        return "0f needs eight hexadecimal digits";
      }
      return Finish(token, TokenKind::kFloat32);
    }
    if (word.size() >= 2 && word[0] == '0' && (word[1] | 0x20) == 'd') {
      if (word.size() != 18 || !Parse(word.substr(2), 16, token.bits)) {
        return "0d needs sixteen hexadecimal digits";
      }
      return Finish(token, TokenKind::kFloat64);
    }
    const bool is_hex = word.size() >= 2 && word[0] == '0' && (word[1] | 0x20) == 'x';
    if (!is_hex && (Peek() == '.' || word.find_first_of("eE") != std::string_view::npos)) {
      return DecimalFloat(token);
    }
    if (word.back() == 'U' || word.back() == 'u') word.remove_suffix(1);
    int radix = 10;
    if (is_hex) {
      radix = 16;
      word.remove_prefix(2);
    } else if (word.size() >= 2 && word[0] == '0' && (word[1] | 0x20) == 'b') {
      radix = 2;
      word.remove_prefix(2);
    } else if (word.size() >= 2 && word[0] == '0') {
      radix = 8;
      word.remove_prefix(1);
    }
    if (!Parse(word, radix, token.bits)) return "malformed or too large number";
    return Finish(token, TokenKind::kInteger);
  }

  std::optional<std::string> DecimalFloat(Token& token) {
    double value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + start_, text_.data() + text_.size(), value);
    if (error != std::errc()) return "malformed floating-point number";
    at_ = static_cast<std::size_t>(end - text_.data());
    if (at_ < text_.size() && IsWordPart(Peek())) return "malformed floating-point number";
    token.bits = std::bit_cast<std::uint64_t>(value);
    token.is_decimal = true;
    return Finish(token, TokenKind::kFloat64);
  }

  static bool Parse(std::string_view digits, int radix, std::uint64_t& value) {
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, radix);
    return error == std::errc() && end == digits.data() + digits.size();
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  Position comment_;  // Where the comment began that is being skipped.
};

}  // namespace

base::Result<std::vector<Token>> Tokenize(std::string_view text, std::string_view file) {
  return Lexer(text, file).Run();
}

}  // namespace ulproof::gpu::ptx
