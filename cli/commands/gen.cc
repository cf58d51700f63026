// SPDX-License-Identifier: Apache-2.0
// ulproof gen: test cases as text lines for any program in any language; `ulproof check` judges
// what comes back (docs/protocol.md).
#include <memory>

#include "cli/commands/commands.h"
#include "reference/compare/protocol.h"

namespace ulproof::cli {
namespace {

using base::Status;

struct GenCommand {
  formats::Operation op;
  std::uint64_t level = 1;
  std::uint64_t seed = 1;
};

Status Run(const GenCommand& command, CommandContext& context) {
  std::uint64_t lines = 0;
  reference::GenerateLines(command.op, static_cast<int>(command.level), command.seed,
                           [&](const std::string& line) {
                             ++lines;
                             return static_cast<bool>(context.out << line << '\n');
                           });
  if (!context.out.flush()) return base::EnvironmentError("cannot write to standard output");
  return base::Done{};
}

}  // namespace

void AddGenCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("gen", "Print test inputs for a program of your own");
  const auto options = std::make_shared<GenCommand>();
  AddParsedOption(*command, "--op", options->op, formats::ParseOperation,
                  "The operation, as in 'cast from=float32 to=bfloat16'")
      ->required();
  command->add_option("--level", options->level, "1 (some thousand lines) or 2 (many more)")
      ->check(CLI::Range(1, 2))
      ->capture_default_str();
  AddUnsignedOption(*command, "--seed", options->seed, "Seed of the random cases (default 1)");
  command->footer(
      "Your program reads each line, and prints it again with its outputs appended:\n"
      "  ulproof gen --op 'cast from=float32 to=bfloat16' | your_program |\n"
      "    ulproof check --op 'cast from=float32 to=bfloat16'\n"
      "docs/protocol.md describes the lines of every operation, with a program in C.");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
