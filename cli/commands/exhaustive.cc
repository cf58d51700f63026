// SPDX-License-Identifier: Apache-2.0
// ulproof exhaustive: one cast over every code of its source, and the hash of contract section 11.
#include "reference/compare/exhaustive.h"

#include <chrono>
#include <memory>
#include <optional>

#include "base/text.h"
#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/report/file.h"
#include "cli/report/sweep_report.h"

namespace ulproof::cli {
namespace {

using base::Status;

struct ExhaustiveCommand {
  formats::Operation op = {.kind = formats::OpKind::kCast};
  std::string backend;
  reference::Shard shard;
  std::string json;
};

Status Run(const ExhaustiveCommand& command, CommandContext& context) {
  const formats::Operation& op = command.op;
  if (Status valid = formats::ValidateOperation(op); !valid.ok()) return valid;
  if (op.rounding.is_stochastic() && !op.random) {
    return base::UsageError("a stochastic mode needs --random: one r for all inputs");
  }
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  const auto subject = BackendFor(command.backend, op);
  if (!subject.ok()) return subject.error();

  SweepRun run = {
      .op = op, .backend = std::string((*subject)->name()), .shard = command.shard, .result = {}};
  std::optional<reference::IntervalOracle> oracle;
  if (op.to.storage_bits() <= reference::IntervalOracle::kMaxTargetBits) {
    const auto start = std::chrono::steady_clock::now();
    auto made = reference::IntervalOracle::Make(op);
    if (!made.ok()) return made.error();
    oracle = std::move(made).value();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    run.oracle_seconds = elapsed.count();
    run.oracle_runs = oracle->runs().size();
  }
  {
    const std::uint64_t total = op.from.code_mask() + 1;
    ProgressBar bar(context, "exhaustive", command.shard.End(total) - command.shard.Begin(total));
    reference::SweepOptions options;
    options.shard = command.shard;
    options.progress = [&](std::uint64_t done) { bar.Advance(done); };
    auto swept = reference::Sweep(**subject, **truth, op, oracle ? &*oracle : nullptr, options);
    if (!swept.ok()) return swept.error();
    run.result = std::move(swept).value();
  }
  context.out << SweepText(run, context.use_color) << std::flush;
  if (run.result.mismatches > 0) context.SetExitCode(base::ExitCode::kMismatch);
  if (!command.json.empty()) return WriteReport(command.json, SweepJson(run));
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
  command->add_option("--json", options->json, "Write the result to FILE")->type_name("FILE");
  command->footer(
      "Prints the number of mismatches and one hash over all outputs, so that two implementations\n"
      "anywhere can be compared by one number. Exit code 1 if an output differs.\n"
      "Examples:\n"
      "  ulproof exhaustive --from float32 --to float8_e4m3fn --overflow sat\n"
      "  ulproof exhaustive --from bfloat16 --to float8_e5m2 --round sra8 --random 100\n"
      "  ulproof exhaustive --from float32 --to bfloat16 --shard 2/4 --json part2.json");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
