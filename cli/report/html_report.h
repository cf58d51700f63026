// SPDX-License-Identifier: Apache-2.0
// One self-contained page from the records of several commands: inline pictures, no scripts, no
// network, light and dark, fit for print.
#ifndef ULPROOF_CLI_REPORT_HTML_REPORT_H_
#define ULPROOF_CLI_REPORT_HTML_REPORT_H_

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/report/record.h"

namespace ulproof::cli {

struct ReportInput {
  std::string file;  // Shown, and named in errors.
  Json record;
};

// One section a record: where it comes from and how to make it again, then its picture and text
// (hist, underflow, anneal, formats-for, compare, train, parity), its table (conform, verify,
// prove), or its plain values. A baseline adds what changed to the record of the same command (the
// first to the first, where a command has several). Errors: a record that is not what its command
// writes, with its file; a baseline without a record.
base::Result<std::string> HtmlReport(const std::string& title,
                                     const std::vector<ReportInput>& inputs,
                                     const std::vector<ReportInput>& baselines = {});

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_HTML_REPORT_H_
