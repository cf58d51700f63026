// SPDX-License-Identifier: Apache-2.0
// What `ulproof hist` shows of its record (schema ulproof.hist/1).
#ifndef ULPROOF_CLI_REPORT_HIST_REPORT_H_
#define ULPROOF_CLI_REPORT_HIST_REPORT_H_

#include <string>

#include "cli/report/record.h"

namespace ulproof::cli {

// For a terminal of that width. Both throw nlohmann's exceptions on a record of another shape.
std::string HistText(const Json& record, int columns, bool use_color);
Picture HistPicture(const Json& record);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_HIST_REPORT_H_
