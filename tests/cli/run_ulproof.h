// SPDX-License-Identifier: Apache-2.0
// Runs the real ulproof binary as a user does and hands back all that it said.
#ifndef ULPROOF_TESTS_CLI_RUN_ULPROOF_H_
#define ULPROOF_TESTS_CLI_RUN_ULPROOF_H_

#include <string>
#include <vector>

namespace ulproof::cli {

struct CommandResult {
  int exit_code = -1;  // -1 when a signal ended it.
  int signal = 0;
  std::string out;
  std::string err;
  long peak_memory_kib = 0;  // Largest resident set.
};

struct CommandSetup {
  std::string input = {};                     // Its standard input.
  std::string out_path = {};                  // Standard output goes to this file instead of `out`.
  std::vector<std::string> environment = {};  // Additional NAME=VALUE.
  std::string kill_when_exists = {};          // Send kill_signal when a file of this prefix ...
  std::string kill_in_directory = {};         // ... appears in this directory,
  long kill_after_ms = 0;                     // or after so long; 0 = never.
  int kill_signal = 15;                       // SIGTERM
  long max_file_bytes = 0;                    // Limit on the size of a written file; 0 = none.
};

// `arguments` follow the program's name.
CommandResult RunUlproof(const std::vector<std::string>& arguments, const CommandSetup& setup = {});

}  // namespace ulproof::cli

#endif  // ULPROOF_TESTS_CLI_RUN_ULPROOF_H_
