// SPDX-License-Identifier: Apache-2.0
// Integer expressions of a manifest: grid, block, shared memory and scalar arguments as functions
// of the shape and the key, as in "min(ceil_div(count, 256), 8192)".
#ifndef ULPROOF_GPU_USER_KERNEL_EXPRESSION_H_
#define ULPROOF_GPU_USER_KERNEL_EXPRESSION_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ulproof::gpu {

// Unsigned 64-bit numbers, names, + - * / %, parentheses, ceil_div(a, b), min(a, b), max(a, b);
// the usual precedence, left to right. Numbers are decimal or 0x hexadecimal.
class Expression {
 public:
  // `names` are the variables; Evaluate takes their values in that order. Errors: syntax and
  // unknown names, with the column in `text`.
  static base::Result<Expression> Parse(std::string_view text,
                                        std::span<const std::string_view> names);
  static Expression Constant(std::uint64_t value);

  // Exact: a sum or product beyond 64 bits, a difference below zero and a division by zero are
  // errors that name the expression. Precondition: a value for each name.
  base::Result<std::uint64_t> Evaluate(std::span<const std::uint64_t> values) const;

  // Whether the value depends on names[index].
  bool Uses(std::size_t index) const;
  const std::string& text() const { return text_; }

 private:
  friend class ExpressionParser;

  enum class Kind : std::uint8_t {
    kNumber,
    kName,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kRemainder,
    kCeilDiv,
    kMin,
    kMax,
  };
  // In postfix order.
  struct Step {
    Kind kind;
    std::uint64_t value = 0;  // The number, or the index of the name.
  };

  static base::Result<std::uint64_t> Apply(Kind kind, std::uint64_t a, std::uint64_t b);

  std::string text_;
  std::vector<Step> steps_;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_USER_KERNEL_EXPRESSION_H_
