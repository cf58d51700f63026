// SPDX-License-Identifier: Apache-2.0
#include "cli/context.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace ulproof::cli {
namespace {

int TerminalColumns(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// The word as a shell reads it back.
std::string ShellWord(std::string_view word) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return quoted + "'";
}

// The program is "ulproof" wherever it lies: a record does not tell paths of the machine.
std::string Invocation(int argc, const char* const* argv) {
  std::string text = "ulproof";
  for (int i = 1; i < argc; ++i) text += " " + ShellWord(argv[i]);
  return text;
}

}  // namespace

CommandContext ProcessContext(int argc, const char* const* argv) {
  const bool out_is_terminal = isatty(STDOUT_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty.
  return {.in = std::cin,
          .out = std::cout,
          .err = std::cerr,
          .out_is_terminal = out_is_terminal,
          .err_is_terminal = isatty(STDERR_FILENO) == 1,
          .use_color = out_is_terminal && (no_color == nullptr || *no_color == '\0'),
          .terminal_columns = TerminalColumns(STDERR_FILENO),
          .invocation = Invocation(argc, argv)};
}

}  // namespace ulproof::cli
