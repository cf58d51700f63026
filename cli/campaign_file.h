// SPDX-License-Identifier: Apache-2.0
// The file of a campaign's shard: what is being done, which part of it, how far it has come, and
// what was found. A killed shard goes on from it; `ulproof merge` puts the shards together. One
// head for every kind of campaign (docs/campaigns.md), and the body of each kind.
#ifndef ULPROOF_CLI_CAMPAIGN_FILE_H_
#define ULPROOF_CLI_CAMPAIGN_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/report/record.h"
#include "cli/report/sweep_report.h"
#include "reference/compare/shard.h"

namespace ulproof::cli {

// One shard's file, read or to be written.
struct CampaignFile {
  std::string path;  // In messages.
  std::string kind;  // The command: "exhaustive", "conform", "mutate".
  std::string version = ULPROOF_VERSION;
  int contract = 1;
  Json campaign = {};  // What all shards have in common, an object: operation, backend, seed ...
  reference::Shard shard = {};
  bool is_complete = false;
  Json result = {};  // An object, by kind.
};

// Writes the file whole or not at all. Errors (exit code 3): the path cannot be written.
base::Status WriteCampaign(const CampaignFile& file);

// Errors: cannot be read (3); not the file of a campaign, with what is wrong in it (2).
base::Result<CampaignFile> ReadCampaign(const std::string& path);

// Nothing, if there is no file at `path` yet. Errors: ReadCampaign's; a file of another campaign or
// shard than `mine`, with the first thing that differs (2).
base::Result<std::optional<CampaignFile>> ReadCheckpoint(const CampaignFile& mine);

// Done, if both are of one campaign: kind, version, contract and all of `campaign`. The error names
// both files and the first thing that differs.
base::Status CheckSameCampaign(const CampaignFile& a, const CampaignFile& b);

// The fields of an object of such a file, each with an error that names it. A field that is not as
// it should be reads as empty; the caller asks for the first error once, at the end.
class Fields {
 public:
  // An object; anything else has no field.
  Fields(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  std::string Text(const char* key);
  std::uint64_t Number(const char* key, std::uint64_t max = UINT64_MAX);
  double Real(const char* key);  // Not negative.
  bool Truth(const char* key);
  std::uint64_t Hex(const char* key, std::uint64_t max = UINT64_MAX);
  Json Part(const char* key, Json::value_t type);  // An object or an array.
  void Fail(std::string_view key, std::string_view what);
  const std::optional<base::Error>& error() const { return error_; }

 private:
  const Json* Find(const char* key);

  const Json& json_;
  const std::string path_;
  std::optional<base::Error> error_;
};

// --- The body of an exhaustive sweep
// --------------------------------------------------------------

// What a sweep of these has in common with its other shards.
Json SweepCampaign(const SweepRun& run);
// The state of a sweep that has come to run.result.end.
Json SweepState(const SweepRun& run);
// The sweep that a file holds. Errors: a field that is missing, malformed or does not agree with
// the others (so that a damaged file is not believed).
base::Result<SweepRun> SweepFrom(const CampaignFile& file);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_CAMPAIGN_FILE_H_
