// SPDX-License-Identifier: Apache-2.0
// What the verification of a user's kernel is told as: terminal, JSON, JUnit.
#ifndef ULPROOF_CLI_REPORT_VERIFY_REPORT_H_
#define ULPROOF_CLI_REPORT_VERIFY_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "cli/kernel_under_test.h"
#include "reference/compare/conform.h"
#include "reference/compare/explain.h"

namespace ulproof::cli {

// How the kernel fares when multiplications and additions are fused, as ptxas may.
struct Contraction {
  std::uint64_t cases = 0;
  std::uint64_t changed = 0;  // Cases with other bits than without.
  std::string line;           // One of them.
};

// The smallest of all failing cases.
struct FirstFailure {
  std::string check;
  std::string backend;
  reference::Failure failure;
};

struct VerifyRun {
  std::string kernel;       // Path.
  std::string description;  // KernelUnderTest::description.
  std::string operation;
  std::vector<std::string> backends;
  std::vector<std::string> restrictions;
  std::string level;
  std::string processor;
  int threads = 1;
  // "ulproof verify mine.ptx --op '...'", to which --case adds a line.
  std::string command;
  std::string invocation = {};  // The command line as it was given.
  reference::ConformReport report;
  std::optional<FirstFailure> first;
  std::optional<reference::ExplainReport> explanation;
  std::optional<SimulatedWork> work;  // Nothing where nothing was simulated.
  std::optional<Contraction> contraction;
};

// Stands above the work while it is going on.
std::string VerifyHeading(const VerifyRun& run);
// The verdict, the smallest failing case in words, why, and what ran.
std::string VerifyText(const VerifyRun& run, bool use_color);
// Keys as in docs/verify.md. Ends with a newline.
std::string VerifyJson(const VerifyRun& run);
std::string VerifyJunit(const VerifyRun& run);

// `command` --case 'LINE'; the command alone for a failure that is no case (an empty call).
std::string VerifyReplay(const VerifyRun& run, const std::string& line);

// Passed, failed, or nothing was checked.
enum class Verdict : std::uint8_t { kPass, kFail, kNothing };
Verdict VerdictOf(const VerifyRun& run);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_VERIFY_REPORT_H_
