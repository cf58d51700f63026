// SPDX-License-Identifier: Apache-2.0
// A command's result as a JSON record with a schema name and version. The record is made first;
// text and pictures are made from it, so that `report` shows later what the command showed then.
#ifndef ULPROOF_CLI_REPORT_RECORD_H_
#define ULPROOF_CLI_REPORT_RECORD_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/report/chart.h"

namespace CLI {
class App;
}  // namespace CLI

namespace ulproof::cli {

using Json = nlohmann::ordered_json;

// {"schema": "ulproof.<command>/<version>", "tool", "version", "command", "contract", "rerun" (the
// command line), "machine": {"processor", "threads"}}.
Json RecordHead(std::string_view command, int schema_version, const std::string& invocation);

// A number for JSON, which has no infinities: null for what is not finite.
Json JsonNumber(double x);
// The other way: NaN for null.
double NumberFrom(const Json& json);

// --json, --svg and --png of a command, the same everywhere.
struct RecordFiles {
  std::string json, svg, png;

  bool any_picture() const { return !svg.empty() || !png.empty(); }
};
void AddRecordOptions(CLI::App& command, RecordFiles& files);
// Writes what was asked for. Errors: the files'.
base::Status WriteRecord(const RecordFiles& files, const Json& record, const Picture& picture);

// "1.234e-05" or "0.12345": five digits, made for reading.
std::string Short(double x);
// The text as a field of a CSV file (RFC 4180), in quotes.
std::string CsvField(std::string_view text);
// "31.7 %"; "0" for exactly nothing; "n/a" when not finite.
std::string Percent(double rate);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_RECORD_H_
