// SPDX-License-Identifier: Apache-2.0
// What a mutation campaign is told as, and its shards' files: records in, text or JSON out.
#ifndef ULPROOF_CLI_REPORT_MUTATION_REPORT_H_
#define ULPROOF_CLI_REPORT_MUTATION_REPORT_H_

#include <map>
#include <string>

#include "cli/campaign_file.h"
#include "gpu/mutate/campaign.h"

namespace ulproof::cli {

// What survivors have as their note where no case comes to the changed instruction.
inline constexpr std::string_view kUnreached = "no case comes to it";

// Mutants by their place in the whole campaign.
using MutantsByPlace = std::map<std::uint64_t, gpu::Mutant>;

struct MutationRun {
  std::string operation;
  std::string file;         // As the command named it.
  std::uint64_t text_hash;  // Of its content: FNV-1a.
  std::string entry;
  std::uint64_t seed = 0;
  std::uint64_t count = 0;  // Asked for.
  double goal = 0;
  std::uint64_t cases = 0;
  std::uint64_t elements = 0;
  bool has_solver = false;  // What it proves does not count as a survivor.
  MutantsByPlace mutants = {};
  std::string invocation = {};  // The command line that makes the same run.

  gpu::Campaign campaign() const;
};

std::string MutationText(const MutationRun& run, bool list_all);
std::string MutationJson(const MutationRun& run);

// What the shards have in common, and the state of one.
Json MutationCampaign(const MutationRun& run);
Json MutationState(const MutationRun& run);
// Errors: as SweepFrom.
base::Result<MutationRun> MutationFrom(const CampaignFile& file);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_MUTATION_REPORT_H_
