// SPDX-License-Identifier: Apache-2.0
// The ulproof command: options that all commands share, the list of commands, and the one place
// where errors become exit codes (0 fine, 1 mismatch found, 2 usage, 3 environment or I/O).
#include <algorithm>
#include <iostream>
#include <vector>

#include "base/exact_math_check.h"
#include "base/parallel.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/commands/commands.h"
#include "io/atomic_file.h"

namespace ulproof::cli {
namespace {

constexpr std::uint64_t kMaxThreads = 1024;

void AddCommands(CLI::App& app, CommandContext& context) {
  AddConformCommand(app, context);
  AddExhaustiveCommand(app, context);
  AddReplayCommand(app, context);
  AddGenCommand(app, context);
  AddCheckCommand(app, context);
  AddFormatsCommand(app, context);
  AddCastCommand(app, context);
  AddNoiseCommand(app, context);
  AddSampleCommand(app, context);
  AddQuantizeCommand(app, context);
  AddDequantizeCommand(app, context);
  AddQuantizerCommand(app, context);
  AddHistCommand(app, context);
  AddMergeCommand(app, context);
  AddMutateCommand(app, context);
  AddSimulateCommand(app, context);
  AddParityCommand(app, context);
  AddTrainCommand(app, context);
  AddUnderflowCommand(app, context);
  AddVerifyCommand(app, context);
  AddAnnealCommand(app, context);
  AddProveCommand(app, context);
  AddFormatsForCommand(app, context);
  AddCompareCommand(app, context);
  AddReportCommand(app, context);
  AddCompletionCommand(app, context);
  AddManCommand(app, context);
  AddVersionCommand(app, context);
}

// The error for a command line without a command that we know.
base::Error UnknownCommand(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  return base::UnknownName("command", word, views);
}

// What CLI11 found wrong, as an error of ours; help and version print here and return success.
base::Status ReportParseError(const CLI::App& app, const CLI::ParseError& error,
                              CommandContext& context) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error, context.out, context.err);
    return base::Done{};
  }
  if (app.get_subcommands().empty()) {
    const std::vector<std::string> rest = app.remaining();
    const auto word = std::find_if(rest.begin(), rest.end(),
                                   [](const std::string& text) { return !text.starts_with('-'); });
    if (word != rest.end()) return UnknownCommand(app, *word);
  }
  std::string command = "ulproof";
  for (const CLI::App* chosen : app.get_subcommands()) command += " " + chosen->get_name();
  return base::UsageError(std::string(error.what()) + " (see " + command + " --help)");
}

int Main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  io::RemovePartialFilesOnSignals();
  CommandContext context = ProcessContext(argc, argv);
  if (const base::Status exact = base::CheckExactMath(); !exact.ok()) {
    context.Fail(exact.error());
    return static_cast<int>(context.exit_code);
  }
  CLI::App app("Bit-exact verification of Gaussian weight sampling and low-precision casting.",
               "ulproof");
  app.set_version_flag("--version", "ulproof " ULPROOF_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // --threads may stand after the command too.
  std::uint64_t threads = 0;
  AddUnsignedOption(app, "--threads", threads,
                    "Threads to use (default: ULPROOF_THREADS, else every processor)", kMaxThreads);
  app.parse_complete_callback([&] { base::SetThreadCount(static_cast<int>(threads)); });
  app.footer(
      "Exit codes: 0 fine, 1 mismatch found, 2 usage or bad input, 3 environment or I/O.\n"
      "Examples:\n"
      "  ulproof conform\n"
      "  ulproof cast --from float32 --to bfloat16 3f8ccccd\n"
      "  ulproof <command> --help");
  AddCommands(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    context.Report(ReportParseError(app, error, context));
  }
  if (!context.out.flush()) {
    context.Fail(base::EnvironmentError("cannot write to standard output"));
  }
  return static_cast<int>(context.exit_code);
}

}  // namespace
}  // namespace ulproof::cli

int main(int argc, char** argv) { return ulproof::cli::Main(argc, argv); }
