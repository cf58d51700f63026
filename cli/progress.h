// SPDX-License-Identifier: Apache-2.0
// A progress bar on a terminal, and nothing at all in a pipe or a log.
#ifndef ULPROOF_CLI_PROGRESS_H_
#define ULPROOF_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "cli/context.h"

namespace ulproof::cli {

// Draws "label [=====>    ]  42%  12 s left" on context.err, at most ten times a second, when that
// is a terminal. Erases itself on destruction. Thread-safe.
class ProgressBar {
 public:
  // `total` is what the work counts to, in any unit; 0 draws nothing.
  ProgressBar(const CommandContext& context, std::string label, std::uint64_t total);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Advance(std::uint64_t done);  // `done` more of the work is done.
  void SetLabel(std::string label);  // Redraws with another label.

 private:
  using Clock = std::chrono::steady_clock;
  void DrawIfDue();

  const CommandContext& context_;
  const bool enabled_;
  const std::uint64_t total_;
  const Clock::time_point start_ = Clock::now();
  std::mutex mutex_;
  std::string label_;
  std::uint64_t done_ = 0;
  Clock::time_point next_draw_ = start_;
  bool drawn_ = false;
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_PROGRESS_H_
