// SPDX-License-Identifier: Apache-2.0
// What `ulproof formats-for` shows of its record (schema ulproof.formats-for/1).
#ifndef ULPROOF_CLI_REPORT_FORMATS_FOR_REPORT_H_
#define ULPROOF_CLI_REPORT_FORMATS_FOR_REPORT_H_

#include <string>

#include "cli/report/record.h"

namespace ulproof::cli {

// Both throw nlohmann's exceptions on a record of another shape.
std::string FormatsForText(const Json& record);
Picture FormatsForPicture(const Json& record);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_FORMATS_FOR_REPORT_H_
