// SPDX-License-Identifier: Apache-2.0
// A report's text as a file that appears whole or not at all.
#ifndef ULPROOF_CLI_REPORT_FILE_H_
#define ULPROOF_CLI_REPORT_FILE_H_

#include <string>
#include <string_view>

#include "base/result.h"

namespace ulproof::cli {

// Errors (exit code 3): the path cannot be written.
base::Status WriteReport(const std::string& path, std::string_view text);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_FILE_H_
