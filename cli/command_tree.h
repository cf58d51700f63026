// SPDX-License-Identifier: Apache-2.0
// What the command line accepts, as data: the man page and the shell completions are made from it,
// so that neither can say anything that --help does not.
#ifndef ULPROOF_CLI_COMMAND_TREE_H_
#define ULPROOF_CLI_COMMAND_TREE_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace ulproof::cli {

struct OptionDescription {
  std::vector<std::string> names;  // "-h", "--help"; one bare word for a positional.
  std::string value;               // "FILE", "N"; "" for a flag.
  std::string text;
  std::vector<std::string> choices;  // Known values, where the option takes names of the catalogue.
  bool is_positional = false;
  bool is_required = false;
  bool repeats = false;
  bool takes_file = false;
};

struct CommandDescription {
  std::string name;
  std::string text;
  std::string footer;
  std::vector<OptionDescription> options;
  std::vector<CommandDescription> commands;
};

// The application with all commands that it has now, in their order.
CommandDescription DescribeCommands(const CLI::App& app);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_COMMAND_TREE_H_
