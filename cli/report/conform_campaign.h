// SPDX-License-Identifier: Apache-2.0
// A conformance run in shards: the records of a shard's file, by the place of their check in the
// whole suite, and the run that all of them make.
#ifndef ULPROOF_CLI_REPORT_CONFORM_CAMPAIGN_H_
#define ULPROOF_CLI_REPORT_CONFORM_CAMPAIGN_H_

#include <map>
#include <string>
#include <vector>

#include "cli/campaign_file.h"
#include "cli/report/conform_report.h"

namespace ulproof::cli {

struct ConformState {
  std::uint64_t rounds = 0;  // Of the shard, done.
  std::uint64_t checks = 0;
  double seconds = 0;
  std::multimap<std::uint64_t, Json> records = {};  // RecordJson by the place of the check.
};

// What the shards have in common; `checks` are the names of all of the suite.
Json ConformCampaign(const ConformRun& run, const reference::ConformOptions& options,
                     const std::vector<std::string>& checks);

Json StateJson(const ConformState& state);
// Errors: as SweepFrom.
base::Result<ConformState> ConformStateFrom(const CampaignFile& file);

// A run with what `campaign` says of it and without records, shard 1/1. Errors: as SweepFrom.
base::Result<ConformRun> ConformRunFrom(const CampaignFile& file);

// Fills the run's report from a state. Errors: a record that is malformed.
base::Status FillReport(const ConformState& state, const std::string& path, ConformRun& run);
// ConformJson with the state's records as they are.
std::string ConformJson(const ConformRun& run, const ConformState& state);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_CONFORM_CAMPAIGN_H_
