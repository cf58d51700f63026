// SPDX-License-Identifier: Apache-2.0
// The options of commands that keep their state, and when a state is due to be written.
#ifndef ULPROOF_CLI_CHECKPOINT_OPTIONS_H_
#define ULPROOF_CLI_CHECKPOINT_OPTIONS_H_

#include <chrono>
#include <string>

#include "cli/command.h"

namespace ulproof::cli {

// --checkpoint FILE and --checkpoint-seconds N.
struct CheckpointOptions {
  std::string path;
  std::uint64_t seconds = 10;
};
void AddCheckpointOptions(CLI::App& command, CheckpointOptions& options);

// Says when the next state is due: at most one in so many seconds.
class CheckpointClock {
 public:
  explicit CheckpointClock(std::uint64_t seconds) : period_(seconds) {}
  bool IsDue() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < period_) return false;
    last_ = now;
    return true;
  }

 private:
  const std::chrono::seconds period_;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_CHECKPOINT_OPTIONS_H_
