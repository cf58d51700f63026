// SPDX-License-Identifier: Apache-2.0
// What `ulproof underflow` shows of its record (schema ulproof.underflow/1).
#ifndef ULPROOF_CLI_REPORT_UNDERFLOW_REPORT_H_
#define ULPROOF_CLI_REPORT_UNDERFLOW_REPORT_H_

#include <cstdint>
#include <string>

#include "cli/report/record.h"

namespace ulproof::cli {

// How the table is ordered and cut; the record has all tensors in the order of the files.
struct UnderflowView {
  std::string sort = "name";  // "name", "snr" or a counter; the worst first.
  std::uint64_t top = 0;      // The first so many of each setting; 0 = all.
  int columns = 80;
  bool use_color = false;
};

// All throw nlohmann's exceptions on a record of another shape.
std::string UnderflowText(const Json& record, const UnderflowView& view);
std::string UnderflowCsv(const Json& record);
Picture UnderflowPicture(const Json& record);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_UNDERFLOW_REPORT_H_
