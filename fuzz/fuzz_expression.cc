// SPDX-License-Identifier: Apache-2.0
// The integer expressions of manifests. Oracle: a second evaluator, which reads the text itself, in
// 128 bits, says what is an expression, what it is worth, and when it has no value.
#include <optional>

#include "fuzz/target.h"
#include "gpu/user_kernel/expression.h"
#include "gpu/user_kernel/manifest.h"

namespace ulproof::fuzz {
namespace {

__extension__ typedef unsigned __int128 Wide;

// What a part is worth: `is_syntax` false ends everything; no value is the error of a computation.
struct Worth {
  bool is_syntax = true;
  std::optional<std::uint64_t> value = {};
};

// Precedence climbing, where gpu/user_kernel/expression.cc makes a postfix list.
class Evaluator {
 public:
  Evaluator(std::string_view text, std::span<const std::uint64_t> values)
      : rest_(text), values_(values) {}

  Worth Evaluate() {
    const Worth worth = Binary(0);
    Blanks();
    return rest_.empty() ? worth : Worth{.is_syntax = false};
  }

 private:
  static constexpr int kMaxDepth = 64;

  void Blanks() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
  }
  bool Take(char c) {
    Blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  static int LevelOf(char c) { return c == '+' || c == '-' ? 1 : 2; }

  static std::optional<std::uint64_t> Compute(char op, const Worth& left, const Worth& right) {
    if (!left.value || !right.value) return std::nullopt;
    const Wide a = *left.value;
    const Wide b = *right.value;
    Wide result = 0;
    switch (op) {
      case '+':
        result = a + b;
        break;
      case '-':
        if (a < b) return std::nullopt;
        result = a - b;
        break;
      case '*':
        result = a * b;
        break;
      default:
        if (b == 0) return std::nullopt;
        result = op == '%' ? a % b : op == '/' ? a / b : (a + b - 1) / b;
    }
    if (result >> 64 != 0) return std::nullopt;
    return static_cast<std::uint64_t>(result);
  }

  Worth Binary(int above) {
    Worth left = Primary();
    for (;;) {
      Blanks();
      if (!left.is_syntax || rest_.empty()) return left;
      const char op = rest_.front();
      if (std::string_view("+-*/%").find(op) == std::string_view::npos || LevelOf(op) <= above) {
        return left;
      }
      rest_.remove_prefix(1);
      const Worth right = Binary(LevelOf(op));
      if (!right.is_syntax) return right;
      left.value = Compute(op, left, right);
    }
  }

  Worth Nested() {
    if (++depth_ >= kMaxDepth) return {.is_syntax = false};
    const Worth worth = Binary(0);
    --depth_;
    return worth;
  }

  Worth Primary() {
    if (Take('(')) {
      const Worth inner = Nested();
      return inner.is_syntax && Take(')') ? inner : Worth{.is_syntax = false};
    }
    std::size_t length = 0;
    const auto is_word = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    const std::string_view word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    if (word.empty()) return {.is_syntax = false};
    if (word[0] >= '0' && word[0] <= '9') return Number(word);
    Blanks();
    if (rest_.starts_with('(')) return Call(word);
    for (std::size_t i = 0; i < gpu::kFieldCount; ++i) {
      if (gpu::kFieldNames[i] == word) return {.value = values_[i]};
    }
    return {.is_syntax = false};
  }

  static Worth Number(std::string_view word) {
    const bool is_hex = word.starts_with("0x");
    if (is_hex) word.remove_prefix(2);
    if (word.empty()) return {.is_syntax = false};
    Wide value = 0;
    for (const char c : word) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : 99;
      if (digit >= (is_hex ? 16 : 10)) return {.is_syntax = false};
      value = value * (is_hex ? 16 : 10) + static_cast<unsigned>(digit);
      if (value >> 64 != 0) return {.is_syntax = false};
    }
    return {.value = static_cast<std::uint64_t>(value)};
  }

  Worth Call(std::string_view function) {
    Take('(');
    if (function != "ceil_div" && function != "min" && function != "max") {
      return {.is_syntax = false};
    }
    const Worth a = Nested();
    if (!a.is_syntax || !Take(',')) return {.is_syntax = false};
    const Worth b = Nested();
    if (!b.is_syntax || !Take(')')) return {.is_syntax = false};
    if (function == "ceil_div") return {.value = Compute('c', a, b)};
    if (!a.value || !b.value) return {};
    return {.value = (*a.value < *b.value) == (function == "min") ? a.value : b.value};
  }

  std::string_view rest_;
  const std::span<const std::uint64_t> values_;
  int depth_ = 0;
};

}  // namespace

ULPROOF_FUZZ_TARGET(expression) {
  const std::string_view text = TextOf(data);
  const auto parsed = gpu::Expression::Parse(text, gpu::kFieldNames);
  constexpr std::array<std::array<std::uint64_t, gpu::kFieldCount>, 3> kValues = {{
      {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0},
      {33, 1000, 33000, 64, 2079, 1001, 7, 9, 5, 3, 1, 1, 2},
      {1ull << 40, 3, 3ull << 40, 1ull << 35, 1ull << 36, ~0ull, ~0ull, 1ull << 63, ~0ull - 4, 1, 1,
       0, 3},
  }};
  for (const auto& values : kValues) {
    const Worth worth = Evaluator(text, values).Evaluate();
    ULPROOF_CHECK(parsed.ok() == worth.is_syntax, std::string(text));
    if (!parsed.ok()) continue;
    const auto value = parsed->Evaluate(values);
    ULPROOF_CHECK(value.ok() == worth.value.has_value(), std::string(text));
    ULPROOF_CHECK(!value.ok() || *value == *worth.value, std::string(text));
  }
}

}  // namespace ulproof::fuzz
