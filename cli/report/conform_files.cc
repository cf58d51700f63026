// SPDX-License-Identifier: Apache-2.0
// The JSON and JUnit renderings of a conformance run.
#include <fmt/format.h>

#include "cli/report/check_records.h"
#include "cli/report/conform_report.h"
#include "cli/report/record.h"

namespace ulproof::cli {

std::string ConformJson(const ConformRun& run) {
  const std::uint64_t mismatches = run.report.mismatches();
  Json json = RecordHead("conform", 1, run.invocation);
  json["machine"] = {{"processor", run.processor}, {"threads", run.threads}};
  json.update({{"level", run.level},
               {"shard", fmt::format("{}/{}", run.shard.index, run.shard.count)},
               {"truth", run.truth},
               {"backends", run.backends},
               {"weights", run.weights},
               {"checks", run.report.checks},
               {"seconds", run.report.seconds},
               {"mismatches", mismatches},
               {"verdict", mismatches == 0 ? "pass" : "fail"},
               {"records", Json::array()}});
  for (const reference::CheckRecord& record : run.report.records)
    json["records"].push_back(RecordJson(record));
  // Names of tensors may hold any bytes.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string ConformJunit(const ConformRun& run) {
  std::vector<std::string> backends = {run.truth};
  for (const std::string& name : run.backends) {
    if (name != run.truth) backends.push_back(name);
  }
  return RecordsJunit("ulproof conform", run.report.records, backends,
                      [](const std::string& line) { return ReplayCommand(line); });
}

}  // namespace ulproof::cli
