// SPDX-License-Identifier: Apache-2.0
// What `ulproof anneal` shows of its record (schema ulproof.anneal/1).
#ifndef ULPROOF_CLI_REPORT_ANNEAL_REPORT_H_
#define ULPROOF_CLI_REPORT_ANNEAL_REPORT_H_

#include <array>
#include <string>
#include <string_view>

#include "cli/report/record.h"

namespace ulproof::cli {

// The curves that a picture may hold.
inline constexpr std::array<std::string_view, 4> kAnnealPanels = {"absorbed", "precision",
                                                                  "variance", "binades"};

// All throw nlohmann's exceptions on a record of another shape.
std::string AnnealText(const Json& record);
// `panel`: one of kAnnealPanels, or "" for all.
Picture AnnealPicture(const Json& record, std::string_view panel = "");

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_ANNEAL_REPORT_H_
