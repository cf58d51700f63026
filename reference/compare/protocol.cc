// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/protocol.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>
#include <vector>

#include "base/text.h"
#include "reference/compare/inputs.h"

namespace ulproof::reference {
namespace {

using base::Result;
using base::UsageError;
using formats::Case;
using formats::Code;
using formats::ElementKind;
using formats::ElementType;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

// Lines are read by programs with fixed buffers: no line has more elements than this in any port.
constexpr std::uint64_t kMaxLineElements = 4096;

bool IsElementwise(OpKind kind) { return kind == OpKind::kCast || kind == OpKind::kScale; }

// The words of a line, one after another, with their places.
class Words {
 public:
  Words(std::string_view line, std::string_view rest, int line_number)
      : line_(line), rest_(rest), line_number_(line_number) {}

  // Errors: no word left; `what` says which was expected.
  Result<std::string_view> Next(std::string_view what) {
    const std::size_t begin = rest_.find_first_not_of(kBlanks);
    if (begin == rest_.npos) {
      word_ = {line_.data() + line_.size(), 0};
      return Fail(fmt::format("the line ends where {} should stand", what));
    }
    rest_.remove_prefix(begin);
    word_ = rest_.substr(0, std::min(rest_.find_first_of(kBlanks), rest_.size()));
    rest_.remove_prefix(word_.size());
    return word_;
  }
  Result<std::uint64_t> NextDecimal(std::string_view what, std::uint64_t max) {
    const auto word = Next(what);
    if (!word.ok()) return word.error();
    const auto value = base::ParseUnsigned(*word, what, max);
    return value.ok() ? value : Result<std::uint64_t>(Fail(value.error().message));
  }
  // An element: hexadecimal, int8 in signed decimal.
  Result<Code> NextElement(const ElementType& type, std::string_view what) {
    const auto word = Next(what);
    if (!word.ok()) return word.error();
    if (type.kind == ElementKind::kInt8) {
      std::int8_t value = 0;
      const char* end = word->data() + word->size();
      const auto [stop, code] = std::from_chars(word->data(), end, value);
      if (code != std::errc() || stop != end) {
        return Fail(fmt::format("{} '{}' is not a decimal number of 8 bits", what, *word));
      }
      return Code{static_cast<std::uint8_t>(value)};
    }
    const Code max = type.kind == ElementKind::kNibbleWord ? 0xFFFFFFFF : type.format.code_mask();
    const auto value = base::ParseHex(*word, what, max);
    return value.ok() ? value : Result<Code>(Fail(value.error().message));
  }
  // An error at the last word.
  base::Error Fail(std::string message) const {
    base::Error error = UsageError(std::move(message));
    error.line = line_number_;
    error.column = static_cast<int>(word_.data() - line_.data()) + 1;
    return error;
  }
  std::string_view rest() const { return rest_; }

 private:
  static constexpr std::string_view kBlanks = " \t\r";
  std::string_view line_;
  std::string_view rest_;
  std::string_view word_ = line_.substr(0, 0);
  int line_number_;
};

void AppendElement(const ElementType& type, Code code, std::string& text) {
  text += type.kind == ElementKind::kInt8 ? fmt::format("{}", static_cast<std::int8_t>(code))
                                          : fmt::format("{:0{}x}", code, type.hex_digits());
}

// The op of one line: elementwise ones work on one element.
Operation LineOperation(Operation op) {
  op.shape.index_stride = 0;
  if (IsElementwise(op.kind)) op.shape = {};
  return op;
}

void GenerateCasts(const Operation& op, int level, Rng& rng,
                   const std::function<bool(const Case&)>& emit) {
  const bool has_random = LayoutOf(op).has_random;
  const std::uint32_t last_r = has_random ? ~0u >> (32 - op.rounding.random_bits) : 0;
  const auto emit_code = [&](Code x) {
    Case c = formats::EmptyCase(op);
    c.inputs[0].Set(0, x);
    if (!has_random) return emit(c);
    for (const std::uint32_t r :
         {0u, last_r, last_r / 2, static_cast<std::uint32_t>(rng.Next()) & last_r}) {
      c.op.random = r;
      if (!emit(c)) return false;
    }
    return true;
  };
  if (level >= 2 && op.from.storage_bits() <= 16) {
    for (Code x = 0; x <= op.from.code_mask(); ++x) {
      if (!emit_code(x)) return;
    }
    return;
  }
  for (const Code x : RoundingEdges(op.from, op.to)) {
    if (!emit_code(x)) return;
  }
  for (int i = level >= 2 ? 100'000 : 10'000; i > 0; --i) {
    if (!emit_code(WeightedCodeNear(op.from, op.to, rng))) return;
  }
}

}  // namespace

LineLayout LayoutOf(const Operation& op) {
  LineLayout layout;
  layout.has_shape = !IsElementwise(op.kind);
  layout.has_offset =
      op.kind == OpKind::kNoise || op.kind == OpKind::kSample || op.kind == OpKind::kBackward ||
      op.kind == OpKind::kPerturb ||
      (op.kind == OpKind::kFakeBackward && op.estimator != formats::Estimator::kLsq);
  layout.has_random = op.kind == OpKind::kCast && op.rounding.is_stochastic() && !op.random;
  return layout;
}

std::string InputLine(const Operation& op, const Case& c) {
  const LineLayout layout = LayoutOf(op);
  std::string line;
  if (layout.has_shape) line = fmt::format("{} {}", c.op.shape.rows, c.op.shape.cols);
  if (layout.has_offset) line += fmt::format(" {}", c.op.key.offset);
  for (const Tensor& input : c.inputs) {
    for (std::uint64_t i = 0; i < input.count(); ++i) {
      if (!line.empty()) line += ' ';
      AppendElement(input.type(), input.Get(i), line);
    }
  }
  if (layout.has_random) line += fmt::format(" {}", *c.op.random);
  return line;
}

Result<Case> ParseInputLine(const Operation& op, std::string_view line, int line_number,
                            std::string_view& rest) {
  const LineLayout layout = LayoutOf(op);
  Words words(line, line, line_number);
  Operation line_op = LineOperation(op);
  if (layout.has_shape) {
    const auto rows = words.NextDecimal("the number of rows", kMaxLineElements);
    if (!rows.ok()) return rows.error();
    const auto cols = words.NextDecimal("the number of columns", kMaxLineElements);
    if (!cols.ok()) return cols.error();
    line_op.shape = {.rows = *rows, .cols = *cols};
    if (line_op.shape.count() > kMaxLineElements) {
      return words.Fail(fmt::format("more than {} elements", kMaxLineElements));
    }
  }
  if (layout.has_offset) {
    const auto offset = words.NextDecimal("the offset", UINT64_MAX);
    if (!offset.ok()) return offset.error();
    line_op.key.offset = *offset;
  }
  if (const base::Status valid = formats::ValidateOperation(line_op); !valid.ok()) {
    return words.Fail(valid.error().message);
  }
  Case c = formats::EmptyCase(line_op);
  const formats::Signature signature = formats::SignatureOf(line_op);
  for (std::size_t p = 0; p < c.inputs.size(); ++p) {
    const formats::Port& port = signature.inputs[p];
    for (std::uint64_t i = 0; i < port.count; ++i) {
      const auto code = words.NextElement(port.type, fmt::format("{}[{}]", port.name, i));
      if (!code.ok()) return code.error();
      c.inputs[p].Set(i, *code);
    }
  }
  if (layout.has_random) {
    const std::uint32_t max = ~0u >> (32 - op.rounding.random_bits);
    const auto random = words.NextDecimal("r", max);
    if (!random.ok()) return random.error();
    c.op.random = static_cast<std::uint32_t>(*random);
  }
  rest = words.rest();
  return c;
}

Result<std::vector<Tensor>> ParseOutputs(const Case& c, std::string_view line,
                                         std::string_view rest, int line_number) {
  Words words(line, rest, line_number);
  std::vector<Tensor> outputs;
  for (const formats::Port& port : formats::SignatureOf(c.op).outputs) {
    Tensor& output = outputs.emplace_back(port.type, port.count);
    for (std::uint64_t i = 0; i < port.count; ++i) {
      const auto code = words.NextElement(port.type, fmt::format("{}[{}]", port.name, i));
      if (!code.ok()) return code.error();
      output.Set(i, *code);
    }
  }
  if (const auto extra = words.Next("nothing"); extra.ok()) {
    return words.Fail(fmt::format("'{}' stands after the last output", *extra));
  }
  return outputs;
}

std::string OutputText(const Case& c, std::span<const Tensor> outputs) {
  std::string text;
  const formats::Signature signature = formats::SignatureOf(c.op);
  for (std::size_t p = 0; p < outputs.size(); ++p) {
    for (std::uint64_t i = 0; i < outputs[p].count(); ++i) {
      text += ' ';
      AppendElement(signature.outputs[p].type, outputs[p].Get(i), text);
    }
  }
  return text;
}

void GenerateLines(const Operation& op, int level, std::uint64_t seed,
                   const std::function<bool(const std::string& line)>& emit) {
  const LineLayout layout = LayoutOf(op);
  const auto emit_case = [&](const Case& c) { return emit(InputLine(op, c)); };
  Rng rng(seed);
  const Operation line_op = LineOperation(op);
  if (op.kind == OpKind::kCast) return GenerateCasts(line_op, level, rng, emit_case);
  const bool is_scale = op.kind == OpKind::kScale;
  const int lines = (level >= 2 ? 10 : 1) * (is_scale ? 10'000 : 200);
  for (int i = 0; i < lines;) {
    Operation random = line_op;
    if (!is_scale) {
      // Shapes and offsets of any operation of the kind.
      const Operation any = RandomOperation(op.kind, rng);
      if (any.shape.count() > kMaxLineElements) continue;
      random.shape = {.rows = any.shape.rows, .cols = any.shape.cols};
      if (layout.has_offset) random.key.offset = any.key.offset;
      if (!formats::ValidateOperation(random).ok()) continue;
    }
    if (!emit_case(RandomCase(random, rng))) return;
    ++i;
  }
}

Result<CheckedLines> CheckLines(const Operation& op, std::istream& in, formats::Backend& truth,
                                const std::optional<Generated>& generated) {
  CheckedLines checked;
  std::optional<base::Error> error;
  std::string line;
  // One line; false at the end or at an error. `sent` is what the line has to begin with, if known.
  const auto check_line = [&](const std::string* sent) {
    if (!std::getline(in, line)) return false;
    const int number = static_cast<int>(++checked.lines);
    const auto fail = [&](base::Error e) {
      error = std::move(e);
      return false;
    };
    const auto place = [&](std::string message, std::size_t column) {
      base::Error e = UsageError(std::move(message));
      e.line = number;
      e.column = static_cast<int>(column) + 1;
      return e;
    };
    // A cut number would still be a number: a line without its newline cannot be trusted.
    if (in.eof())
      return fail(place("the line has no newline at its end (truncated?)", line.size()));
    std::string_view rest;
    const auto c = ParseInputLine(op, line, number, rest);
    if (!c.ok()) return fail(c.error());
    if (sent != nullptr && InputLine(op, *c) != *sent) {
      return fail(
          place(fmt::format("this is not line {} of what gen sends: '{}'", number, *sent), 0));
    }
    const auto got = ParseOutputs(*c, line, rest, number);
    if (!got.ok()) return fail(got.error());
    const auto expected = formats::RunCase(truth, *c);
    if (!expected.ok()) return fail(expected.error());
    const Comparison comparison = CompareOutputs(*c, *expected, *got);
    if (!comparison.ok()) {
      if (checked.wrong_lines++ == 0) {
        checked.first_wrong_line = number;
        checked.first_input = formats::CaseLine(*c);
      }
    }
    checked.comparison.Add(comparison);
    return true;
  };
  if (generated) {
    std::uint64_t sent_lines = 0;
    GenerateLines(op, generated->level, generated->seed, [&](const std::string& sent) {
      if (error) return false;
      ++sent_lines;
      if (!check_line(&sent) && !error) {
        error =
            UsageError(fmt::format("the input ends after line {}: gen sends more", checked.lines));
      }
      return !error.has_value();
    });
    if (!error && std::getline(in, line)) {
      error = UsageError(fmt::format("more than the {} lines that gen sends", sent_lines));
    }
  } else {
    while (check_line(nullptr)) {
    }
    if (!error && checked.lines == 0) error = UsageError("no lines: nothing was checked");
  }
  if (error) return *error;
  return checked;
}

}  // namespace ulproof::reference
