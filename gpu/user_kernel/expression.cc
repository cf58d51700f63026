// SPDX-License-Identifier: Apache-2.0
#include "gpu/user_kernel/expression.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/text.h"

namespace ulproof::gpu {

using base::Error;
using base::Result;
using base::Status;

// Recursive descent; each production appends its steps.
class ExpressionParser {
 public:
  ExpressionParser(std::string_view text, std::span<const std::string_view> names)
      : text_(text), names_(names) {}

  Result<Expression> Parse() {
    Status parsed = Sum();
    if (!parsed.ok()) return parsed.error();
    SkipBlanks();
    if (at_ < text_.size()) return Wrong("expected an operator");
    expression_.text_ = text_;
    return std::move(expression_);
  }

 private:
  using Kind = Expression::Kind;
  // A manifest is outside input: nesting must not exhaust the stack.
  static constexpr int kMaxDepth = 64;

  Error Wrong(const std::string& message) const {
    return base::UsageError("expression '" + std::string(text_) + "', column " +
                            std::to_string(at_ + 1) + ": " + message);
  }

  void SkipBlanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view TakeWord() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) {
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }
  void Append(Kind kind, std::uint64_t value = 0) { expression_.steps_.push_back({kind, value}); }

  Status Sum() {
    if (++depth_ > kMaxDepth) return Wrong("nested too deeply");
    Status term = Product();
    while (term.ok()) {
      const std::optional<Kind> kind = Take('+')   ? std::optional(Kind::kAdd)
                                       : Take('-') ? std::optional(Kind::kSubtract)
                                                   : std::nullopt;
      if (!kind) break;
      term = Product();
      Append(*kind);
    }
    --depth_;
    return term;
  }

  Status Product() {
    Status factor = Factor();
    while (factor.ok()) {
      const std::optional<Kind> kind = Take('*')   ? std::optional(Kind::kMultiply)
                                       : Take('/') ? std::optional(Kind::kDivide)
                                       : Take('%') ? std::optional(Kind::kRemainder)
                                                   : std::nullopt;
      if (!kind) break;
      factor = Factor();
      Append(*kind);
    }
    return factor;
  }

  Status Factor() {
    SkipBlanks();
    if (Take('(')) {
      Status inner = Sum();
      if (!inner.ok()) return inner;
      return Take(')') ? Status(base::Done{}) : Wrong("expected ')'");
    }
    const std::size_t begin = at_;
    const std::string_view word = TakeWord();
    if (word.empty()) return Wrong("expected a number, a name or '('");
    if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      const auto number = word.starts_with("0x") ? base::ParseHex(word, "number")
                                                 : base::ParseUnsigned(word, "number");
      if (number.ok()) {
        Append(Kind::kNumber, *number);
        return base::Done{};
      }
      at_ = begin;
      return Wrong(number.error().message);
    }
    SkipBlanks();
    if (at_ < text_.size() && text_[at_] == '(') return Call(word, begin);
    const auto found = std::ranges::find(names_, word);
    if (found == names_.end()) {
      at_ = begin;
      return Wrong(base::UnknownName("name", word, names_).message);
    }
    Append(Kind::kName, static_cast<std::uint64_t>(found - names_.begin()));
    return base::Done{};
  }

  Status Call(std::string_view function, std::size_t begin) {
    static constexpr std::array<std::string_view, 3> kFunctions = {"ceil_div", "min", "max"};
    static constexpr std::array<Kind, 3> kKinds = {Kind::kCeilDiv, Kind::kMin, Kind::kMax};
    const auto found = std::ranges::find(kFunctions, function);
    if (found == kFunctions.end()) {
      at_ = begin;
      return Wrong(base::UnknownName("function", function, kFunctions).message);
    }
    Take('(');
    Status first = Sum();
    if (!first.ok()) return first;
    if (!Take(',')) return Wrong("expected ','");
    Status second = Sum();
    if (!second.ok()) return second;
    Append(kKinds[static_cast<std::size_t>(found - kFunctions.begin())]);
    return Take(')') ? Status(base::Done{}) : Wrong("expected ')'");
  }

  const std::string_view text_;
  const std::span<const std::string_view> names_;
  std::size_t at_ = 0;
  int depth_ = 0;
  Expression expression_;
};

Result<Expression> Expression::Parse(std::string_view text,
                                     std::span<const std::string_view> names) {
  return ExpressionParser(text, names).Parse();
}

Expression Expression::Constant(std::uint64_t value) {
  Expression expression;
  expression.text_ = std::to_string(value);
  expression.steps_.push_back({Kind::kNumber, value});
  return expression;
}

Result<std::uint64_t> Expression::Apply(Kind kind, std::uint64_t a, std::uint64_t b) {
  std::uint64_t result = 0;
  switch (kind) {
    case Kind::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return base::UsageError("a sum beyond 64 bits");
      return result;
    case Kind::kSubtract:
      if (a < b) return base::UsageError("a difference below zero");
      return a - b;
    case Kind::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) {
        return base::UsageError("a product beyond 64 bits");
      }
      return result;
    case Kind::kMin:
      return std::min(a, b);
    case Kind::kMax:
      return std::max(a, b);
    case Kind::kDivide:
    case Kind::kRemainder:
    case Kind::kCeilDiv:
      if (b == 0) return base::UsageError("division by zero");
      return kind == Kind::kRemainder ? a % b : a / b + (kind == Kind::kCeilDiv && a % b != 0);
    case Kind::kNumber:
    case Kind::kName:
      break;
  }
  ULPROOF_CHECK(false, "not an operator");
  return result;
}

Result<std::uint64_t> Expression::Evaluate(std::span<const std::uint64_t> values) const {
  std::vector<std::uint64_t> stack;
  for (const Step& step : steps_) {
    if (step.kind == Kind::kNumber) {
      stack.push_back(step.value);
    } else if (step.kind == Kind::kName) {
      ULPROOF_CHECK(step.value < values.size());
      stack.push_back(values[step.value]);
    } else {
      const std::uint64_t b = stack.back();
      stack.pop_back();
      auto result = Apply(step.kind, stack.back(), b);
      if (!result.ok()) {
        return base::UsageError("expression '" + text_ + "': " + result.error().message);
      }
      stack.back() = *result;
    }
  }
  ULPROOF_CHECK(stack.size() == 1);
  return stack.back();
}

bool Expression::Uses(std::size_t index) const {
  return std::ranges::any_of(
      steps_, [=](const Step& step) { return step.kind == Kind::kName && step.value == index; });
}

}  // namespace ulproof::gpu
