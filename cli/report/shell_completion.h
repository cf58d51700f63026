// SPDX-License-Identifier: Apache-2.0
// Completion scripts for the shells: commands, their options, and the names that options take.
#ifndef ULPROOF_CLI_REPORT_SHELL_COMPLETION_H_
#define ULPROOF_CLI_REPORT_SHELL_COMPLETION_H_

#include <string>

#include "cli/command_tree.h"

namespace ulproof::cli {

// A script to source; it completes the program of this name, alone or after a path to it.
std::string BashCompletion(const CommandDescription& program);
// A script for a folder of $fpath, as _ulproof; zsh shows the descriptions too.
std::string ZshCompletion(const CommandDescription& program);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_SHELL_COMPLETION_H_
