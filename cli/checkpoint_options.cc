// SPDX-License-Identifier: Apache-2.0
#include "cli/checkpoint_options.h"

namespace ulproof::cli {

void AddCheckpointOptions(CLI::App& command, CheckpointOptions& options) {
  command
      .add_option("--checkpoint", options.path,
                  "Keep the state in FILE, and go on from it after an interruption; the finished "
                  "file is for `ulproof merge`")
      ->type_name("FILE");
  AddUnsignedOption(command, "--checkpoint-seconds", options.seconds,
                    "Write the state at most once in N seconds (default 10)", 86'400);
}

}  // namespace ulproof::cli
