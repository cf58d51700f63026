// SPDX-License-Identifier: Apache-2.0
// What differs between two records of the same command, value by value.
#ifndef ULPROOF_CLI_REPORT_RECORD_CHANGES_H_
#define ULPROOF_CLI_REPORT_RECORD_CHANGES_H_

#include <string>
#include <vector>

#include "cli/report/record.h"

namespace ulproof::cli {

struct RecordChange {
  std::string place;   // "claims/3/verdict"
  Json before, after;  // Null where the record has no such value.
};

// All values of either record that are not in both alike, in the order of `after`. What changes
// with every run says nothing and is left out: times, rates, and the machine. Rows of a list belong
// together by what names them ("id", "name", "check" with "backend", ...), else by position.
std::vector<RecordChange> RecordChanges(const Json& before, const Json& after);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_RECORD_CHANGES_H_
