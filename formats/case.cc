// SPDX-License-Identifier: Apache-2.0
#include "formats/case.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace ulproof::formats {
namespace {

using base::Result;
using base::UsageError;

std::string ElementsText(const ConstBuffer& elements) {
  std::string text;
  for (std::uint64_t i = 0; i < elements.count;) {
    const Code code = elements.Get(i);
    std::uint64_t end = i + 1;
    while (end < elements.count && elements.Get(end) == code) ++end;
    if (i > 0) text += ',';
    text += end - i > 1 ? fmt::format("{:x}*{}", code, end - i) : fmt::format("{:x}", code);
    i = end;
  }
  return text;
}

Code LargestElement(const ElementType& type) {
  return type.kind == ElementKind::kCode ? type.format.code_mask()
                                         : (Code{1} << 8 * type.bytes()) - 1;
}

// Fills `tensor` from "V,V*N,...". The error has no place yet.
base::Status ParseElements(std::string_view text, const Port& port, Tensor& tensor) {
  std::uint64_t filled = 0;
  for (const std::string_view piece : base::Split(text, ',')) {
    const std::size_t star = piece.find('*');
    const auto code =
        base::ParseHex(piece.substr(0, star), fmt::format("element {} of {}", filled, port.name),
                       LargestElement(port.type));
    if (!code.ok()) return code.error();
    std::uint64_t repeat = 1;
    if (star != piece.npos) {
      const auto parsed = base::ParseUnsigned(piece.substr(star + 1), "repeat count", port.count);
      if (!parsed.ok()) return parsed.error();
      repeat = *parsed;
    }
    if (repeat > port.count - filled) {
      return UsageError(
          fmt::format("{} has more than the {} elements of the shape", port.name, port.count));
    }
    for (; repeat > 0; --repeat) tensor.Set(filled++, *code);
  }
  if (filled != port.count) {
    return UsageError(
        fmt::format("{} has {} elements, the shape has {}", port.name, filled, port.count));
  }
  return base::Done{};
}

}  // namespace

std::string CaseLine(const Case& c) {
  const Signature signature = SignatureOf(c.op);
  std::string line = OperationName(c.op);
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    line += fmt::format("{} {}={}", i == 0 ? " |" : "", signature.inputs[i].name,
                        ElementsText(c.inputs[i].view()));
  }
  return line;
}

Result<Case> ParseCase(std::string_view line) {
  const std::size_t bar = line.find('|');
  auto op = ParseOperation(line.substr(0, bar));
  if (!op.ok()) return op.error();
  const auto at_column = [](base::Error error, std::size_t index) {
    error.line = 1;
    error.column = static_cast<int>(index) + 1;
    return error;
  };
  const Signature signature = SignatureOf(*op);
  // A line is typed or printed by us: more elements than this never stand on one.
  constexpr std::uint64_t kMaxLineElements = std::uint64_t{1} << 24;
  for (const Port& port : signature.inputs) {
    if (port.count > kMaxLineElements) {
      return at_column(UsageError(fmt::format("{} has {} elements; a case line takes at most {}",
                                              port.name, port.count, kMaxLineElements)),
                       0);
    }
  }
  Case c = EmptyCase(*op);
  std::vector<bool> given(c.inputs.size());
  std::size_t begin = bar == line.npos ? line.size() : bar + 1;
  while ((begin = line.find_first_not_of(' ', begin)) != line.npos) {
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    const std::string_view word = line.substr(begin, end - begin);
    const std::size_t equals = word.find('=');
    if (equals == word.npos)
      return at_column(UsageError(fmt::format("'{}' is not input=elements", word)), begin);
    const auto port = std::ranges::find(signature.inputs, word.substr(0, equals), &Port::name);
    if (port == signature.inputs.end()) {
      std::vector<std::string_view> known;
      for (const Port& p : signature.inputs) known.push_back(p.name);
      return at_column(base::UnknownName("input", word.substr(0, equals), known), begin);
    }
    const std::size_t index = port - signature.inputs.begin();
    if (given[index])
      return at_column(UsageError(fmt::format("input '{}' is given twice", port->name)), begin);
    given[index] = true;
    const base::Status parsed = ParseElements(word.substr(equals + 1), *port, c.inputs[index]);
    if (!parsed.ok()) return at_column(parsed.error(), begin + equals + 1);
    begin = end;
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!given[i])
      return at_column(UsageError(fmt::format("input '{}' is missing", signature.inputs[i].name)),
                       line.size());
  }
  return c;
}

Result<std::vector<Tensor>> RunCase(Backend& backend, const Case& c) {
  std::vector<ConstBuffer> inputs;
  for (const Tensor& tensor : c.inputs) inputs.push_back(tensor.view());
  std::vector<Tensor> outputs;
  for (const Port& port : SignatureOf(c.op).outputs) outputs.emplace_back(port.type, port.count);
  std::vector<Buffer> views;
  for (Tensor& tensor : outputs) views.push_back(tensor.view());
  const base::Status status = backend.Run(c.op, inputs, views);
  if (!status.ok()) return status.error();
  return outputs;
}

Case EmptyCase(const Operation& op) {
  Case c;
  c.op = op;
  for (const Port& port : SignatureOf(op).inputs) c.inputs.emplace_back(port.type, port.count);
  return c;
}

}  // namespace ulproof::formats
