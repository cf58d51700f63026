// SPDX-License-Identifier: Apache-2.0
// ulproof quantizer: what quantizers do to weights. One subcommand a question.
#include "cli/commands/commands.h"

namespace ulproof::cli {

void AddQuantizerCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("quantizer", "Compare quantizers: exact errors, scales, group sizes");
  command->require_subcommand(1);
  AddQuantizerSnr(*command, context);
  AddQuantizerCrossover(*command, context);
  AddQuantizerFit(*command, context);
  command->footer(
      "Example:\n"
      "  ulproof quantizer snr --format int4,float4_e2m1fn --dist normal");
}

}  // namespace ulproof::cli
