// SPDX-License-Identifier: Apache-2.0
// PTX text to tokens. Total: any byte sequence gives tokens or one error with line and column.
#ifndef ULPROOF_GPU_PTX_LEXER_H_
#define ULPROOF_GPU_PTX_LEXER_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ulproof::gpu::ptx {

// 1-based; columns count bytes.
struct Position {
  int line = 0;
  int column = 0;
};

enum class TokenKind : std::uint8_t {
  kEnd,
  kWord,         // name, %register, $label: letters, digits, _ $ %
  kDotWord,      // .name, also .L1::no_allocate; text excludes the dot
  kInteger,      // decimal, 0x, 0b, octal; optional U suffix; value in `bits`
  kFloat32,      // 0fXXXXXXXX; bits of a binary32 in `bits`
  kFloat64,      // 0dXXXXXXXXXXXXXXXX or a decimal literal; bits of a binary64 in `bits`
  kString,       // "..." without the quotes
  kPunctuation,  // one character
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text = {};  // A view into the lexed text.
  std::uint64_t bits = 0;
  Position position;
  bool is_decimal = false;  // A decimal floating-point literal: the use decides its width.

  bool Is(char punctuation) const {
    return kind == TokenKind::kPunctuation && text[0] == punctuation;
  }
  bool IsDot(std::string_view name) const { return kind == TokenKind::kDotWord && text == name; }
};

// All tokens of `text`, comments left out, closed by one kEnd. The tokens view `text`. Errors: a
// character that PTX has not, an unclosed comment or string, a malformed or too large number.
base::Result<std::vector<Token>> Tokenize(std::string_view text, std::string_view file);

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_GPU_PTX_LEXER_H_
