// SPDX-License-Identifier: Apache-2.0
#include "tests/support/kat.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/text.h"

namespace ulproof::tests {
namespace {

using formats::Code;
using formats::Port;

base::Result<KnownAnswer> ParseLine(std::string_view line) {
  constexpr std::string_view kArrow = " -> ";
  const std::size_t arrow = line.find(kArrow);
  if (arrow == line.npos) return base::UsageError("no ' -> '");
  auto c = formats::ParseCase(line.substr(0, arrow));
  if (!c.ok()) return c.error();
  KnownAnswer answer = {.c = *std::move(c), .outputs = {}, .place = {}};
  const formats::Signature signature = SignatureOf(answer.c.op);
  for (const std::string_view word : base::Split(line.substr(arrow + kArrow.size()), ' ')) {
    const std::size_t equals = word.find('=');
    const auto port = std::ranges::find(signature.outputs, word.substr(0, equals), &Port::name);
    if (equals == word.npos || port == signature.outputs.end()) {
      return base::UsageError(fmt::format("'{}' is not an output of this operation", word));
    }
    KnownAnswer::Output output = {
        .port = static_cast<std::size_t>(port - signature.outputs.begin()), .codes = {}};
    for (const std::string_view element : base::Split(word.substr(equals + 1), ',')) {
      const auto code = base::ParseHex(element, port->name);
      if (!code.ok()) return code.error();
      output.codes.push_back(*code);
    }
    if (output.codes.size() != port->count) {
      return base::UsageError(
          fmt::format("{} has {} elements of {}", port->name, output.codes.size(), port->count));
    }
    answer.outputs.push_back(std::move(output));
  }
  return answer;
}

bool Same(const Port& port, Code actual, Code expected) {
  if (actual == expected) return true;
  const bool any_nan = port.type.kind == formats::ElementKind::kCode && !port.canonical_nan;
  return any_nan && port.type.format.IsNan(actual) && port.type.format.IsNan(expected);
}

}  // namespace

KnownAnswerFile ReadKnownAnswers(const std::string& name) {
  KnownAnswerFile result;
  std::ifstream file(std::string(ULPROOF_SOURCE_DIR) + "/tests/vectors/" + name);
  if (!file.is_open()) {
    result.unreadable.push_back("cannot open tests/vectors/" + name);
    return result;
  }
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    const std::string place = fmt::format("{}:{}", name, number);
    auto answer = ParseLine(line);
    if (!answer.ok()) {
      result.unreadable.push_back(place + ": " + answer.error().ToString());
      continue;
    }
    answer->place = place;
    result.answers.push_back(*std::move(answer));
  }
  if (result.answers.empty()) result.unreadable.push_back(name + ": no answers");
  return result;
}

std::string Mismatches(formats::Backend& backend, const KnownAnswer& answer) {
  const auto outputs = formats::RunCase(backend, answer.c);
  if (!outputs.ok()) return outputs.error().ToString();
  const formats::Signature signature = SignatureOf(answer.c.op);
  for (const KnownAnswer::Output& expected : answer.outputs) {
    const Port& port = signature.outputs[expected.port];
    for (std::uint64_t i = 0; i < port.count; ++i) {
      const Code actual = (*outputs)[expected.port].Get(i);
      if (Same(port, actual, expected.codes[i])) continue;
      return fmt::format("{}: {}: {}[{}] is {:x}, expected {:x}: {}", answer.place, backend.name(),
                         port.name, i, actual, expected.codes[i], CaseLine(answer.c));
    }
  }
  return {};
}

}  // namespace ulproof::tests
