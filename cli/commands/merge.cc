// SPDX-License-Identifier: Apache-2.0
// ulproof merge: the shards of a campaign, run anywhere, as the one run that they make together.
#include <memory>
#include <vector>

#include "base/parallel.h"
#include "cli/campaign_file.h"
#include "cli/commands/commands.h"
#include "cli/report/conform_campaign.h"
#include "cli/report/file.h"
#include "cli/report/mutation_report.h"
#include "reference/compare/campaign.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

struct MergeCommand {
  std::vector<std::string> files;
  std::string json;
};

// The files in the order of their shards, all of one campaign that this program can merge.
Result<std::vector<CampaignFile>> ReadShards(const std::vector<std::string>& paths) {
  std::vector<CampaignFile> files;
  std::vector<reference::NamedShard> shards;
  for (const std::string& path : paths) {
    auto file = ReadCampaign(path);
    if (!file.ok()) return file.error();
    if (!files.empty()) {
      if (Status same = CheckSameCampaign(*file, files.front()); !same.ok()) return same.error();
    }
    shards.push_back({path, file->shard, file->is_complete});
    files.push_back(std::move(file).value());
  }
  const auto order = reference::OrderOfShards(shards);
  if (!order.ok()) return order.error();
  std::vector<CampaignFile> sorted;
  for (const std::size_t i : *order) sorted.push_back(std::move(files[i]));
  return sorted;
}

// All shards say that they are complete, and yet something of the campaign is missing.
base::Error Incomplete(const CampaignFile& first, std::uint64_t count, const std::string& what) {
  base::Error error = base::UsageError("the files hold only " + std::to_string(count) + " " + what +
                                       " of the campaign that begins here");
  error.file = first.path;
  return error;
}

Status MergeSweeps(const std::vector<CampaignFile>& files, const MergeCommand& command,
                   CommandContext& context) {
  SweepRun whole;
  for (const CampaignFile& file : files) {
    auto part = SweepFrom(file);
    if (!part.ok()) return part.error();
    if (&file == &files.front()) {
      whole = std::move(part).value();
      whole.shard = {};
    } else {
      AppendSweep(whole.result, part->result);
      whole.oracle_seconds += part->oracle_seconds;
    }
  }
  whole.invocation = context.invocation;
  context.out << SweepText(whole, context.use_color) << std::flush;
  if (whole.result.mismatches > 0) context.SetExitCode(base::ExitCode::kMismatch);
  if (command.json.empty()) return base::Done{};
  return WriteReport(command.json, SweepJson(whole));
}

Status MergeMutants(const std::vector<CampaignFile>& files, const MergeCommand& command,
                    CommandContext& context) {
  MutationRun whole;
  for (const CampaignFile& file : files) {
    auto part = MutationFrom(file);
    if (!part.ok()) return part.error();
    part->mutants.merge(whole.mutants);
    whole = std::move(part).value();
  }
  // The places count from 0: what a damaged file lost shows as a hole.
  if (!whole.mutants.empty() && whole.mutants.rbegin()->first + 1 != whole.mutants.size()) {
    return Incomplete(files.front(), whole.mutants.size(), "mutants");
  }
  whole.invocation = context.invocation;
  context.out << MutationText(whole, false) << std::flush;
  if (whole.campaign().KillRate() < whole.goal) context.SetExitCode(base::ExitCode::kMismatch);
  if (command.json.empty()) return base::Done{};
  return WriteReport(command.json, MutationJson(whole));
}

Status MergeConform(const std::vector<CampaignFile>& files, const MergeCommand& command,
                    CommandContext& context) {
  auto run = ConformRunFrom(files.front());
  if (!run.ok()) return run.error();
  run->invocation = context.invocation;
  run->processor = ProcessorName();
  run->threads = base::ThreadCount();
  ConformState whole;
  for (const CampaignFile& file : files) {
    auto part = ConformStateFrom(file);
    if (!part.ok()) return part.error();
    whole.records.merge(part->records);
    whole.checks += part->checks;
    whole.seconds += part->seconds;
  }
  if (whole.checks != files.front().campaign["checks"]) {
    return Incomplete(files.front(), whole.checks, "checks");
  }
  if (Status filled = FillReport(whole, files.front().path, *run); !filled.ok()) return filled;
  context.out << ConformTable(*run, context.use_color) << std::flush;
  if (run->report.mismatches() > 0) context.SetExitCode(base::ExitCode::kMismatch);
  if (command.json.empty()) return base::Done{};
  return WriteReport(command.json, ConformJson(*run, whole));
}

Status Run(const MergeCommand& command, CommandContext& context) {
  const auto files = ReadShards(command.files);
  if (!files.ok()) return files.error();
  const CampaignFile& first = files->front();
  if (first.version != ULPROOF_VERSION) {
    base::Error error =
        base::UsageError("made by ulproof " + first.version + "; this is " + ULPROOF_VERSION);
    error.file = first.path;
    return error;
  }
  if (first.kind == "exhaustive") return MergeSweeps(*files, command, context);
  if (first.kind == "conform") return MergeConform(*files, command, context);
  if (first.kind == "mutate") return MergeMutants(*files, command, context);
  base::Error error = base::UsageError("a campaign of an unknown kind, " + first.kind);
  error.file = first.path;
  return error;
}

}  // namespace

void AddMergeCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("merge", "Put the shards of a campaign together into one result");
  const auto options = std::make_shared<MergeCommand>();
  command->add_option("FILE", options->files, "The --checkpoint files of all shards, in any order")
      ->required();
  command->add_option("--json", options->json, "Write the result to FILE, as one run would have")
      ->type_name("FILE");
  command->footer(
      "Prints what one run of the whole campaign prints, with the same counts and the same hash.\n"
      "Refuses, with exit code 2, shards that are missing, overlap, are not complete, or are of\n"
      "different campaigns or versions. Exit code 1: the campaign found a mismatch.\n"
      "Examples:\n"
      "  ulproof merge part-*.json\n"
      "  ulproof merge part-1.json part-2.json --json whole.json");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
