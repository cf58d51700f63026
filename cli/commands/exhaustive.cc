// SPDX-License-Identifier: Apache-2.0
// ulproof exhaustive: one cast over every code of its source, and the hash of contract section 11.
#include "reference/compare/exhaustive.h"

#include <chrono>
#include <memory>
#include <optional>

#include "base/parallel.h"
#include "base/text.h"
#include "cli/backends.h"
#include "cli/campaign_file.h"
#include "cli/checkpoint_options.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report/file.h"
#include "cli/report/sweep_report.h"
#include "reference/compare/campaign.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

struct ExhaustiveCommand {
  formats::Operation op = {.kind = formats::OpKind::kCast};
  std::string backend;
  reference::Shard shard;
  std::string json;
  CheckpointOptions checkpoint;
};

// Between two looks at the clock: enough that every thread of the sweep has a whole turn, little
// enough (well below a second on a fast backend) that not much is lost.
std::uint64_t CodesInOneGo() {
  constexpr std::uint64_t kCodesOfAThread = std::uint64_t{1} << 22;
  return kCodesOfAThread * static_cast<std::uint64_t>(base::ThreadCount());
}

// A run at the start of its shard, or where its checkpoint left it.
Result<SweepRun> StartOrResume(SweepRun run, CampaignFile& file) {
  const reference::CodeRange range = RangeOf(run.shard, run.op.from);
  run.result.begin = run.result.end = range.begin;
  if (file.path.empty()) return run;
  file.shard = run.shard;
  file.campaign = SweepCampaign(run);
  const auto earlier = ReadCheckpoint(file);
  if (!earlier.ok()) return earlier.error();
  if (!*earlier) return run;
  file.is_complete = (*earlier)->is_complete;
  return SweepFrom(**earlier);
}

Status Write(const SweepRun& run, CampaignFile& file) {
  file.is_complete = run.result.end == RangeOf(run.shard, run.op.from).end;
  file.result = SweepState(run);
  return WriteCampaign(file);
}

Status Run(const ExhaustiveCommand& command, CommandContext& context) {
  const formats::Operation& op = command.op;
  if (Status valid = formats::ValidateOperation(op); !valid.ok()) return valid;
  if (op.rounding.is_stochastic() && !op.random) {
    return base::UsageError("a stochastic mode needs --random: one r for all inputs");
  }
  if (op.from.storage_bits() > 32) {
    return base::UsageError(formats::FormatName(op.from) + " has too many codes to sweep");
  }
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  const auto subject = BackendFor(command.backend, op);
  if (!subject.ok()) return subject.error();

  SweepRun fresh = {
      .op = op, .backend = std::string((*subject)->name()), .shard = command.shard, .result = {}};
  std::optional<reference::IntervalOracle> oracle;
  if (op.to.storage_bits() <= reference::IntervalOracle::kMaxTargetBits) {
    const auto start = std::chrono::steady_clock::now();
    auto made = reference::IntervalOracle::Make(op);
    if (!made.ok()) return made.error();
    oracle = std::move(made).value();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    fresh.oracle_seconds = elapsed.count();
    fresh.oracle_runs = oracle->runs().size();
  }
  CampaignFile file = {.path = command.checkpoint.path, .kind = "exhaustive"};
  auto run = StartOrResume(std::move(fresh), file);
  if (!run.ok()) return run.error();
  run->invocation = context.invocation;
  const std::uint64_t end = RangeOf(command.shard, op.from).end;
  if (!file.path.empty() && run->result.inputs() > 0) {
    context.err << "ulproof: " << file.path << ": "
                << (file.is_complete ? "complete already" : "going on from its checkpoint") << '\n';
  }
  {
    ProgressBar bar(context, "exhaustive", end - run->result.begin);
    bar.Advance(run->result.inputs());
    reference::SweepOptions options;
    options.progress = [&](std::uint64_t done) { bar.Advance(done); };
    CheckpointClock clock(command.checkpoint.seconds);
    // Without a checkpoint there is nothing to stop for.
    const std::uint64_t step = file.path.empty() ? end : CodesInOneGo();
    while (run->result.end < end) {
      const std::uint64_t begin = run->result.end;
      options.range = {.begin = begin, .end = begin + std::min(step, end - begin)};
      auto swept = reference::Sweep(**subject, **truth, op, oracle ? &*oracle : nullptr, options);
      if (!swept.ok()) return swept.error();
      reference::AppendSweep(run->result, *swept);
      if (!file.path.empty() && (run->result.end == end || clock.IsDue())) {
        if (Status written = Write(*run, file); !written.ok()) return written;
      }
    }
    // A shard may hold no code at all.
    if (!file.path.empty() && !file.is_complete) {
      if (Status written = Write(*run, file); !written.ok()) return written;
    }
  }
  context.out << SweepText(*run, context.use_color) << std::flush;
  if (run->result.mismatches > 0) context.SetExitCode(base::ExitCode::kMismatch);
  if (!command.json.empty()) return WriteReport(command.json, SweepJson(*run));
  return base::Done{};
}

}  // namespace

void AddExhaustiveCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("exhaustive", "Check all inputs of one cast against the oracle");
  const auto options = std::make_shared<ExhaustiveCommand>();
  AddFormatOption(*command, "--from", options->op.from, "Format of the input, at most 32 bits")
      ->required();
  AddFormatOption(*command, "--to", options->op.to, "Format of the output")->required();
  AddRoundingOptions(*command, options->op);
  AddParsedOption(
      *command, "--random", options->op.random,
      [](const std::string& text) -> base::Result<std::optional<std::uint32_t>> {
        const auto r = base::ParseUnsigned(text, "number", UINT32_MAX);
        if (!r.ok()) return r.error();
        return std::optional(static_cast<std::uint32_t>(*r));
      },
      "Stochastic modes: the r of every input")
      ->type_name("R");
  AddBackendOption(*command, options->backend);
  AddParsedOption(*command, "--shard", options->shard, reference::ParseShard,
                  "Only part k of n of the inputs")
      ->type_name("K/N");
  AddCheckpointOptions(*command, options->checkpoint);
  command->add_option("--json", options->json, "Write the result to FILE")->type_name("FILE");
  command->footer(
      "Prints the number of mismatches and one hash over all outputs, so that two implementations\n"
      "anywhere can be compared by one number. Exit code 1 if an output differs.\n"
      "Examples:\n"
      "  ulproof exhaustive --from float32 --to float8_e4m3fn --overflow sat\n"
      "  ulproof exhaustive --from bfloat16 --to float8_e5m2 --round sra8 --random 100\n"
      "  ulproof exhaustive --from float32 --to bfloat16 --shard 2/4 --checkpoint part2.json");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
