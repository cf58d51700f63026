// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/known_answers.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ulproof::reference {
namespace {

using base::UsageError;
using formats::Port;
using formats::Tensor;

// The text of tests/vectors/contract_cases.kat, made by CMake.
constexpr std::string_view kContractCases =
#include "reference/compare/contract_cases.inc"
    ;

constexpr std::string_view kArrow = " -> ";

base::Result<Tensor> ParseOutput(const Port& port, std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == word.npos || word.substr(0, equals) != port.name) {
    return UsageError(fmt::format("'{}' is not the output {}=...", word, port.name));
  }
  const auto texts = base::Split(word.substr(equals + 1), ',');
  if (texts.size() != port.count) {
    return UsageError(
        fmt::format("{} has {} elements, not {}", port.name, texts.size(), port.count));
  }
  Tensor tensor(port.type, port.count);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto code = base::ParseHex(texts[i], port.name);
    if (!code.ok()) return code.error();
    tensor.Set(i, *code);
  }
  return tensor;
}

}  // namespace

base::Result<KnownAnswer> ParseKnownAnswer(std::string_view line) {
  const std::size_t arrow = line.find(kArrow);
  if (arrow == line.npos) return UsageError("a known answer is CASE -> outputs");
  auto c = formats::ParseCase(line.substr(0, arrow));
  if (!c.ok()) return c.error();
  KnownAnswer answer = {std::move(c).value(), {}};
  const auto ports = formats::SignatureOf(answer.c.op).outputs;
  const auto words = base::Split(line.substr(arrow + kArrow.size()), ' ');
  if (words.size() != ports.size()) {
    return UsageError(fmt::format("{} outputs, not {}", words.size(), ports.size()));
  }
  for (std::size_t p = 0; p < ports.size(); ++p) {
    auto output = ParseOutput(ports[p], words[p]);
    if (!output.ok()) {
      base::Error error = output.error();
      error.line = 1;
      error.column = static_cast<int>(words[p].data() - line.data()) + 1;
      return error;
    }
    answer.outputs.push_back(std::move(output).value());
  }
  return answer;
}

const std::vector<KnownAnswer>& ContractKnownAnswers() {
  static const std::vector<KnownAnswer> answers = [] {
    std::vector<KnownAnswer> parsed;
    for (const std::string_view line : base::Split(kContractCases, '\n')) {
      if (line.empty() || line.starts_with('#')) continue;
      auto answer = ParseKnownAnswer(line);
      ULPROOF_CHECK(answer.ok(), answer.error().ToString() + " in " + std::string(line));
      parsed.push_back(std::move(answer).value());
    }
    return parsed;
  }();
  return answers;
}

}  // namespace ulproof::reference
