// SPDX-License-Identifier: Apache-2.0
// The records of a suite's checks as JSON and JUnit, for every command that runs checks.
#ifndef ULPROOF_CLI_REPORT_CHECK_RECORDS_H_
#define ULPROOF_CLI_REPORT_CHECK_RECORDS_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "reference/compare/conform.h"

namespace ulproof::cli {

// Keys as in docs/reports.md.
nlohmann::ordered_json RecordJson(const reference::CheckRecord& record);

// One test suite a backend, one test case a check; skipped checks say why. `replay` makes a
// failing case's line the command that shows it again.
std::string RecordsJunit(std::string_view name, std::span<const reference::CheckRecord> records,
                         std::span<const std::string> backends,
                         const std::function<std::string(const std::string& line)>& replay);

// "ulproof replay 'LINE'".
std::string ReplayCommand(const std::string& line);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_CHECK_RECORDS_H_
