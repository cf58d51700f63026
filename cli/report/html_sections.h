// SPDX-License-Identifier: Apache-2.0
// What each kind of record looks like on the report page.
#ifndef ULPROOF_CLI_REPORT_HTML_SECTIONS_H_
#define ULPROOF_CLI_REPORT_HTML_SECTIONS_H_

#include <string>

#include "cli/report/record.h"

namespace ulproof::cli {

// The body of a record's section: its picture and text, or its tables, or its plain values.
// `number` keeps the ids of pictures apart. Throws nlohmann::json::exception where keys of its
// command are missing or of another type.
std::string SectionHtml(const Json& record, std::size_t number);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_HTML_SECTIONS_H_
