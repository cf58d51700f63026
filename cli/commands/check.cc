// SPDX-License-Identifier: Apache-2.0
// ulproof check: judges the lines that a user's program made of `ulproof gen`'s.
#include <fmt/ostream.h>

#include <memory>
#include <optional>

#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/report/conform_report.h"
#include "reference/compare/protocol.h"

namespace ulproof::cli {
namespace {

using base::Status;

struct CheckCommand {
  formats::Operation op;
  std::uint64_t level = 0;  // 0: not given.
  std::uint64_t seed = 1;
};

Status Run(const CheckCommand& command, CommandContext& context) {
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  std::optional<reference::Generated> generated;
  if (command.level > 0) generated = {static_cast<int>(command.level), command.seed};
  const auto checked = reference::CheckLines(command.op, context.in, **truth, generated);
  if (!checked.ok()) {
    base::Error error = checked.error();
    error.file = "stdin";
    return error;
  }
  const reference::Comparison& comparison = checked->comparison;
  fmt::print(context.out, "{} lines, {} elements, {} mismatches on {} lines\n",
             Grouped(checked->lines), Grouped(comparison.elements), Grouped(comparison.mismatches),
             Grouped(checked->wrong_lines));
  if (comparison.near_boundary > 0) {
    fmt::print(context.out, "{} elements near a decision boundary were allowed to differ\n",
               Grouped(comparison.near_boundary));
  }
  if (comparison.ok()) return base::Done{};
  fmt::print(context.out, "first  line {}: {}\n", checked->first_wrong_line,
             reference::MismatchText(*comparison.first));
  fmt::print(context.out, "worst  {}\n", reference::MismatchText(*comparison.worst));
  fmt::print(context.out, "ulproof replay '{}'\n", checked->first_input);
  context.SetExitCode(base::ExitCode::kMismatch);
  return base::Done{};
}

}  // namespace

void AddCheckCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("check", "Judge the output lines of a program of your own");
  const auto options = std::make_shared<CheckCommand>();
  AddParsedOption(*command, "--op", options->op, formats::ParseOperation,
                  "The operation, exactly as it was given to gen")
      ->required();
  command
      ->add_option("--level", options->level,
                   "The level given to gen: also checks that no line is missing or changed")
      ->check(CLI::Range(1, 2));
  AddUnsignedOption(*command, "--seed", options->seed, "The seed given to gen (default 1)");
  command->footer(
      "Exit code 0: all outputs are right; 1: some are not; 2: a line is malformed, cut or "
      "missing.\n"
      "Example:\n"
      "  ulproof gen --op 'cast from=float32 to=bfloat16' --level 2 | your_program |\n"
      "    ulproof check --op 'cast from=float32 to=bfloat16' --level 2");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
