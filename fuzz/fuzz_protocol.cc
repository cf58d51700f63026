// SPDX-License-Identifier: Apache-2.0
// The lines of `ulproof gen` and `ulproof check`: the first line of the input is an operation, the
// others are what a program under test might answer. Oracle: a line that parses prints and parses
// to the same case and outputs; the reference's own answers are right, and with one bit changed
// wrong.
#include <sstream>

#include "base/text.h"
#include "fuzz/backends.h"
#include "reference/compare/protocol.h"

namespace ulproof::fuzz {
namespace {

using formats::Case;
using formats::Operation;
using formats::Tensor;

constexpr std::uint64_t kMaxElements = 256;
constexpr int kMaxLines = 16;

// The right answer passes, and the same with one bit of one output changed does not.
void ExpectChecks(const Operation& op, const Case& c) {
  auto outputs = formats::RunCase(Reference(), c);
  ULPROOF_CHECK(outputs.ok(), outputs.error().ToString());
  const std::string input = reference::InputLine(op, c);
  std::istringstream right(input + reference::OutputText(c, *outputs) + "\n");
  const auto checked = reference::CheckLines(op, right, Reference(), std::nullopt);
  ULPROOF_CHECK(checked.ok(), checked.error().ToString() + ": " + input);
  ULPROOF_CHECK(checked->lines == 1 && checked->wrong_lines == 0, input);

  Tensor& changed = outputs->back();
  const formats::ElementType& type = changed.type();
  if (type.kind != formats::ElementKind::kCode) return;  // The judge may forgive noise.
  const formats::Code code = changed.Get(0) ^ 1;
  if (type.format.IsNan(code) || type.format.IsNan(changed.Get(0))) return;
  if (!formats::HasIntegerNoise(op.law) || op.law == formats::NoiseLaw::kBoxMuller) return;
  changed.Set(0, code);
  std::istringstream wrong(input + reference::OutputText(c, *outputs) + "\n");
  const auto found = reference::CheckLines(op, wrong, Reference(), std::nullopt);
  ULPROOF_CHECK(found.ok() && found->wrong_lines == 1 && found->first_wrong_line == 1, input);
}

}  // namespace

ULPROOF_FUZZ_TARGET(protocol) {
  const std::string_view text = TextOf(data);
  const std::size_t end = std::min(text.find('\n'), text.size());
  auto op = formats::ParseOperation(text.substr(0, end));
  if (!op.ok()) return;
  const std::string_view body = text.substr(std::min(end + 1, text.size()));
  const reference::LineLayout layout = reference::LayoutOf(*op);
  if (!layout.has_shape) op->shape = {};
  int number = 0;
  bool all_small = true;
  for (const std::string_view line : base::Split(body, '\n')) {
    if (++number > kMaxLines) break;
    std::string_view rest;
    const auto c = reference::ParseInputLine(*op, line, number, rest);
    if (!c.ok()) {
      ULPROOF_CHECK(c.error().line == number, c.error().ToString());
      ULPROOF_CHECK(c.error().column <= static_cast<int>(line.size()) + 1, c.error().ToString());
      continue;
    }
    std::string_view nothing;
    const std::string printed = reference::InputLine(*op, *c);
    const auto again = reference::ParseInputLine(*op, printed, number, nothing);
    ULPROOF_CHECK(again.ok() && *again == *c && nothing.empty(), printed);
    const auto outputs = reference::ParseOutputs(*c, line, rest, number);
    if (outputs.ok()) {
      const std::string output_text = reference::OutputText(*c, *outputs);
      const std::string whole = printed + output_text;
      const auto outputs_again = reference::ParseOutputs(
          *c, whole, std::string_view(whole).substr(printed.size()), number);
      ULPROOF_CHECK(outputs_again.ok() && *outputs_again == *outputs, whole);
    } else {
      ULPROOF_CHECK(outputs.error().line == number, outputs.error().ToString());
    }
    if (c->op.shape.count() > kMaxElements) {
      all_small = false;
    } else {
      ExpectChecks(*op, *c);
    }
  }
  if (!all_small || number > kMaxLines) return;
  std::istringstream lines{std::string(body)};
  const auto checked = reference::CheckLines(*op, lines, Reference(), std::nullopt);
  ULPROOF_CHECK(checked.ok() || checked.error().exit_code == base::ExitCode::kUsage);
}

}  // namespace ulproof::fuzz
