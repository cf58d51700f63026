// SPDX-License-Identifier: Apache-2.0
// What an exhaustive sweep is told as.
#ifndef ULPROOF_CLI_REPORT_SWEEP_REPORT_H_
#define ULPROOF_CLI_REPORT_SWEEP_REPORT_H_

#include <string>

#include "formats/operation.h"
#include "reference/compare/exhaustive.h"

namespace ulproof::cli {

struct SweepRun {
  formats::Operation op;
  std::string backend;
  reference::Shard shard;
  std::uint64_t oracle_runs = 0;  // 0: compared with the reference code by code.
  double oracle_seconds = 0;
  reference::SweepResult result;
  std::string invocation = {};  // The command line that makes the same run.
};

// "cast from=... to=... round=... overflow=...", without the shape, which is the sweep's.
std::string SweepName(const SweepRun& run);

std::string SweepText(const SweepRun& run, bool use_color);
// Keys as in docs/reports.md. The hash of a shard comes as its affine map (factor, sum), from which
// the whole hash is put together.
std::string SweepJson(const SweepRun& run);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_SWEEP_REPORT_H_
