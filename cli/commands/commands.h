// SPDX-License-Identifier: Apache-2.0
// The list of commands. Each adds one subcommand whose callback works through the context; the
// context must outlive the application.
#ifndef ULPROOF_CLI_COMMANDS_COMMANDS_H_
#define ULPROOF_CLI_COMMANDS_COMMANDS_H_

#include "cli/command.h"

namespace ulproof::cli {

void AddFormatsCommand(CLI::App& app, CommandContext& context);
void AddCastCommand(CLI::App& app, CommandContext& context);
void AddNoiseCommand(CLI::App& app, CommandContext& context);
void AddSampleCommand(CLI::App& app, CommandContext& context);
void AddQuantizeCommand(CLI::App& app, CommandContext& context);
void AddDequantizeCommand(CLI::App& app, CommandContext& context);
void AddQuantizerCommand(CLI::App& app, CommandContext& context);
void AddConformCommand(CLI::App& app, CommandContext& context);
void AddExhaustiveCommand(CLI::App& app, CommandContext& context);
void AddReplayCommand(CLI::App& app, CommandContext& context);
void AddGenCommand(CLI::App& app, CommandContext& context);
void AddCheckCommand(CLI::App& app, CommandContext& context);
void AddHistCommand(CLI::App& app, CommandContext& context);
void AddMergeCommand(CLI::App& app, CommandContext& context);
void AddMutateCommand(CLI::App& app, CommandContext& context);
void AddSimulateCommand(CLI::App& app, CommandContext& context);
void AddParityCommand(CLI::App& app, CommandContext& context);
void AddTrainCommand(CLI::App& app, CommandContext& context);
void AddUnderflowCommand(CLI::App& app, CommandContext& context);
void AddVerifyCommand(CLI::App& app, CommandContext& context);
void AddAnnealCommand(CLI::App& app, CommandContext& context);
void AddProveCommand(CLI::App& app, CommandContext& context);
void AddFormatsForCommand(CLI::App& app, CommandContext& context);
void AddCompareCommand(CLI::App& app, CommandContext& context);
void AddReportCommand(CLI::App& app, CommandContext& context);
void AddCompletionCommand(CLI::App& app, CommandContext& context);
void AddManCommand(CLI::App& app, CommandContext& context);
void AddVersionCommand(CLI::App& app, CommandContext& context);

// The subcommands of quantizer.
void AddQuantizerSnr(CLI::App& quantizer, CommandContext& context);
void AddQuantizerCrossover(CLI::App& quantizer, CommandContext& context);
void AddQuantizerFit(CLI::App& quantizer, CommandContext& context);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_COMMANDS_COMMANDS_H_
