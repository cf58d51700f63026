// SPDX-License-Identifier: Apache-2.0
// ulproof completion and ulproof man: what the shell and man(1) want to know of this program.
#include <memory>

#include "cli/command_tree.h"
#include "cli/commands/commands.h"
#include "cli/report/man_page.h"
#include "cli/report/shell_completion.h"

namespace ulproof::cli {

void AddCompletionCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->footer(
      "Examples:\n"
      "  source <(ulproof completion bash)\n"
      "  ulproof completion zsh > ~/.zfunc/_ulproof");
  command->callback([shell, &app, &context] {
    const CommandDescription program = DescribeCommands(app);
    context.out << (*shell == "bash" ? BashCompletion(program) : ZshCompletion(program));
  });
}

void AddManCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page, in roff");
  command->footer("Example:\n  ulproof man | man -l -");
  command->callback(
      [&app, &context] { context.out << ManPage(DescribeCommands(app), ULPROOF_VERSION); });
}

}  // namespace ulproof::cli
