// SPDX-License-Identifier: Apache-2.0
#include "cli/command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "base/text.h"

namespace ulproof::cli {
namespace {

int TerminalColumns(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

CommandContext ProcessContext() {
  const bool out_is_terminal = isatty(STDOUT_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty.
  return {.in = std::cin,
          .out = std::cout,
          .err = std::cerr,
          .out_is_terminal = out_is_terminal,
          .err_is_terminal = isatty(STDERR_FILENO) == 1,
          .use_color = out_is_terminal && (no_color == nullptr || *no_color == '\0'),
          .terminal_columns = TerminalColumns(STDERR_FILENO)};
}

CLI::Option* AddUnsignedOption(CLI::App& command, const std::string& name, std::uint64_t& field,
                               const std::string& description, std::uint64_t max) {
  return AddParsedOption(
             command, name, field,
             [max](const std::string& text) { return base::ParseUnsigned(text, "number", max); },
             description)
      ->type_name("N");
}

}  // namespace ulproof::cli
