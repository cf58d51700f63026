// SPDX-License-Identifier: Apache-2.0
// What a conformance run is told as: records in, text out. Three renderings of the same records,
// none of which knows how they were made.
#ifndef ULPROOF_CLI_REPORT_CONFORM_REPORT_H_
#define ULPROOF_CLI_REPORT_CONFORM_REPORT_H_

#include <string>
#include <vector>

#include "cli/report/terminal_text.h"
#include "reference/compare/conform.h"

namespace ulproof::cli {

// A finished run and where it ran.
struct ConformRun {
  reference::ConformReport report;
  std::vector<std::string> backends;  // The subjects, in order.
  // Backends that this machine lacks, with the reason; only where nobody asked for them by name.
  std::vector<std::pair<std::string, std::string>> unavailable = {};
  std::string truth;
  std::string level;
  reference::Shard shard;
  std::vector<std::string> weights;  // Names of the user's tensors.
  std::string processor;
  int threads = 1;
  std::string invocation = {};  // The command line that makes the same run.
};

// What stands above the work while it is going on: what is checked against what, and where.
std::string ConformHeading(const ConformRun& run);

// The table (operation x backend), what was forgiven and skipped and why, the failures with the
// lines that replay them, and the verdict. `use_color` adds ANSI colours.
std::string ConformTable(const ConformRun& run, bool use_color);

// docs/reports.md lists the keys. Ends with a newline.
std::string ConformJson(const ConformRun& run);

// One test suite a backend, one test case a check; skipped checks say why.
std::string ConformJunit(const ConformRun& run);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_CONFORM_REPORT_H_
