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

// Records of hist, underflow, anneal, formats-for and compare come with their text and picture,
// those of conform and verify with their table; of any other record the plain values are shown.
// Errors: a record that is not what its command writes, with its file.
base::Result<std::string> HtmlReport(const std::string& title,
                                     const std::vector<ReportInput>& inputs);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_HTML_REPORT_H_
