// SPDX-License-Identifier: Apache-2.0
// What every command shares: the streams it talks on, what it knows of the terminal, and the exit
// code that it leaves behind. Each command is one file in cli/commands/ with one function that adds
// it to the CLI11 application; its callback does the work and reports through the context.
#ifndef ULPROOF_CLI_COMMAND_H_
#define ULPROOF_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <utility>

#include "base/result.h"

namespace ulproof::cli {

struct CommandContext {
  std::istream& in;
  std::ostream& out;  // Results.
  std::ostream& err;  // Messages and progress.
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool use_color = false;     // `out` is a terminal and NO_COLOR is not set.
  int terminal_columns = 80;  // Of the terminal on `err`, else 80.
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

// The context of this process: cin, cout, cerr, the terminal on them, NO_COLOR.
CommandContext ProcessContext();

// An option whose text a parser of ours reads: `parse` takes the text and returns base::Result<T>.
// What it says against the text becomes CLI11's usage error of that option (exit code 2).
template <typename T, typename Parse>
CLI::Option* AddParsedOption(CLI::App& command, const std::string& name, T& field, Parse parse,
                             const std::string& description) {
  return command
      .add_option_function<std::string>(
          name,
          [&field, parse = std::move(parse), name](const std::string& text) {
            auto parsed = parse(text);
            if (!parsed.ok()) throw CLI::ValidationError(name, parsed.error().ToString());
            field = std::move(parsed).value();
          },
          description)
      ->type_name("TEXT");
}

// Adds an option that takes an unsigned decimal number of at most `max`.
CLI::Option* AddUnsignedOption(CLI::App& command, const std::string& name, std::uint64_t& field,
                               const std::string& description, std::uint64_t max = UINT64_MAX);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_COMMAND_H_
