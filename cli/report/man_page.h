// SPDX-License-Identifier: Apache-2.0
// The manual page, in the man macros of roff.
#ifndef ULPROOF_CLI_REPORT_MAN_PAGE_H_
#define ULPROOF_CLI_REPORT_MAN_PAGE_H_

#include <string>

#include "cli/command_tree.h"

namespace ulproof::cli {

// One page for the program and all of its commands; the same text on every run.
std::string ManPage(const CommandDescription& program, const std::string& version);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_MAN_PAGE_H_
