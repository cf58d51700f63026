// SPDX-License-Identifier: Apache-2.0
// A picture as a file: SVG by ourselves, PNG by librsvg's rsvg-convert where it is installed.
#ifndef ULPROOF_CLI_REPORT_PICTURE_FILE_H_
#define ULPROOF_CLI_REPORT_PICTURE_FILE_H_

#include <string>

#include "base/result.h"
#include "cli/report/chart.h"

namespace ulproof::cli {

// Each file appears whole or not at all. Errors (exit code 3): the path cannot be written.
base::Status WriteSvg(const std::string& path, const Picture& picture);
// At two pixels a unit, in the light dress. Errors (exit code 3): no rsvg-convert, or it failed.
base::Status WritePng(const std::string& path, const Picture& picture);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_PICTURE_FILE_H_
