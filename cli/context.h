// SPDX-License-Identifier: Apache-2.0
// What every command shares: the streams it talks on, what it knows of the terminal, and the exit
// code that it leaves behind.
#ifndef ULPROOF_CLI_CONTEXT_H_
#define ULPROOF_CLI_CONTEXT_H_

#include <istream>
#include <ostream>
#include <string>

#include "base/result.h"

namespace ulproof::cli {

struct CommandContext {
  std::istream& in;
  std::ostream& out;  // Results.
  std::ostream& err;  // Messages and progress.
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool use_color = false;       // `out` is a terminal and NO_COLOR is not set.
  int terminal_columns = 80;    // Of the terminal on `err`, else 80.
  std::string invocation = {};  // The command line, fit to be pasted into a shell.
  base::ExitCode exit_code = base::ExitCode::kOk;

  // Prints "ulproof: <error>" on err and keeps the exit code of the first failure.
  void Fail(const base::Error& error) {
    err << "ulproof: " << error.ToString() << '\n';
    SetExitCode(error.exit_code);
  }
  // Fail, when the status is an error.
  void Report(const base::Status& status) {
    if (!status.ok()) Fail(status.error());
  }
  void SetExitCode(base::ExitCode code) {
    if (exit_code == base::ExitCode::kOk) exit_code = code;
  }
};

// The context of this process: cin, cout, cerr, the terminal on them, NO_COLOR, main's arguments.
CommandContext ProcessContext(int argc, const char* const* argv);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_CONTEXT_H_
