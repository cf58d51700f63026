// SPDX-License-Identifier: Apache-2.0
// What `ulproof compare` shows of its record (schema ulproof.compare/1).
#ifndef ULPROOF_CLI_REPORT_COMPARE_REPORT_H_
#define ULPROOF_CLI_REPORT_COMPARE_REPORT_H_

#include <string>

#include "cli/report/record.h"

namespace ulproof::cli {

// Both throw nlohmann's exceptions on a record of another shape.
std::string CompareText(const Json& record, bool use_color);
Picture ComparePicture(const Json& record);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_COMPARE_REPORT_H_
