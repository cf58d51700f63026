// SPDX-License-Identifier: Apache-2.0
// ulproof mutate: changes one instruction of one of our kernels at random, many times over, and
// counts how many of the changes the kernel's cases notice: a measure of the tests.
#include <memory>
#include <mutex>
#include <set>

#include "cli/campaign_file.h"
#include "cli/checkpoint_options.h"
#include "cli/commands/commands.h"
#include "cli/mutation_suite.h"
#include "cli/report/file.h"
#include "cli/report/mutation_report.h"
#include "gpu/golden/golden.h"
#include "gpu/mutate/campaign.h"
#include "gpu/mutate/solver.h"
#include "io/input_file.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using gpu::Fate;
using gpu::Mutant;

struct MutateOptions {
  std::string file, arch = "sm_80", entry, json;
  formats::Operation op;
  bool plain = false;
  bool list_all = false;
  std::uint64_t count = 100;
  std::uint64_t seed = 1;
  double goal = 0.95;
  reference::Shard shard;
  CheckpointOptions checkpoint;
};

Result<std::string> ReadText(const MutateOptions& options, const gpu::Kernel& kernel) {
  if (options.file.empty()) {
    const std::string_view golden = gpu::GoldenPtx(options.arch, kernel.module);
    if (golden.empty()) return base::UsageError("no kept PTX for " + options.arch);
    return std::string(golden);
  }
  const auto file = io::InputFile::Open(options.file);
  if (!file.ok()) return file.error();
  std::string text(file->size(), '\0');
  if (const Status read = file->ReadAt(0, text.data(), text.size()); !read.ok()) {
    return read.error();
  }
  return text;
}

// The mutants that the checkpoint knows already.
Status Resume(MutationRun& run, CampaignFile& file, CommandContext& context) {
  if (file.path.empty()) return base::Done{};
  file.campaign = MutationCampaign(run);
  const auto earlier = ReadCheckpoint(file);
  if (!earlier.ok()) return earlier.error();
  if (!*earlier) return base::Done{};
  auto resumed = MutationFrom(**earlier);
  if (!resumed.ok()) return resumed.error();
  run.mutants = std::move(resumed->mutants);
  context.err << "ulproof: " << file.path << ": " << run.mutants.size()
              << " mutants done already\n";
  return base::Done{};
}

Status Write(const MutationRun& run, bool is_complete, CampaignFile& file) {
  file.is_complete = is_complete;
  file.result = MutationState(run);
  return WriteCampaign(file);
}

Status Run(const MutateOptions& options, CommandContext& context) {
  const gpu::Kernel* const kernel = gpu::FindKernel(options.op, options.plain);
  if (kernel == nullptr) {
    return base::UsageError("there is no CUDA kernel for " + OperationName(options.op));
  }
  const Result<std::string> text = ReadText(options, *kernel);
  if (!text.ok()) return text.error();
  const std::string file =
      options.file.empty() ? options.arch + "/" + kernel->module + ".ptx" : options.file;
  const Result<KernelSuite> suite = KernelSuite::Make(options.op, options.plain, *text, file);
  if (!suite.ok()) return suite.error();
  const std::string entry = options.entry.empty() ? kernel->name : options.entry;
  const gpu::IsUnsatisfiable solver = gpu::FindSolver();
  MutationRun run = {.operation = OperationName(options.op),
                     .file = file,
                     .text_hash = TextHash(*text),
                     .entry = entry,
                     .seed = options.seed,
                     .count = options.count,
                     .goal = options.goal,
                     .cases = suite->case_count(),
                     .elements = suite->element_count(),
                     .has_solver = static_cast<bool>(solver),
                     .invocation = context.invocation};
  CampaignFile state = {
      .path = options.checkpoint.path, .kind = "mutate", .campaign = {}, .shard = options.shard};
  if (Status resumed = Resume(run, state, context); !resumed.ok()) return resumed;

  std::mutex mutex;  // Of what follows.
  CheckpointClock clock(options.checkpoint.seconds);
  Status written = base::Done{};
  const std::set<std::uint64_t> known = [&] {
    std::set<std::uint64_t> places;
    for (const auto& [place, mutant] : run.mutants) places.insert(place);
    return places;
  }();
  gpu::CampaignOptions campaign_options = {.file = file,
                                           .entry = entry,
                                           .count = options.count,
                                           .seed = options.seed,
                                           .progress = {},
                                           .solver = solver,
                                           .is_wanted = {},
                                           .on_mutant = {}};
  campaign_options.is_wanted = [&](std::uint64_t place) {
    return options.shard.Owns(place) && !known.contains(place);
  };
  campaign_options.on_mutant = [&](std::uint64_t place, const Mutant& mutant) {
    Mutant kept = mutant;
    if (kept.fate == Fate::kSurvived && !suite->Reaches(*text, kept.mutation.line)) {
      kept.note = kUnreached;
    }
    const std::lock_guard lock(mutex);
    run.mutants.emplace(place, std::move(kept));
    if (!state.path.empty() && written.ok() && clock.IsDue()) written = Write(run, false, state);
  };
  const auto campaign = gpu::RunCampaign(
      *text, campaign_options,
      [&](const gpu::Mutation& mutation) { return suite->Judge(mutation, file); });
  if (!campaign.ok()) return campaign.error();
  if (!state.path.empty() && written.ok()) written = Write(run, true, state);
  if (!written.ok()) return written;
  context.out << MutationText(run, options.list_all);
  if (run.campaign().KillRate() < options.goal) context.SetExitCode(base::ExitCode::kMismatch);
  if (options.json.empty()) return base::Done{};
  return WriteReport(options.json, MutationJson(run));
}

}  // namespace

void AddMutateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "mutate", "Plant random faults in a compiled kernel and count those found");
  const auto options = std::make_shared<MutateOptions>();
  command->add_option("FILE", options->file,
                      "PTX that holds the kernel (default: the kept one of --arch)");
  AddParsedOption(*command, "--op", options->op, formats::ParseOperation,
                  "The operation that the kernel computes; shape and key do not count")
      ->required();
  command->add_flag("--plain", options->plain, "The plain version of the kernel");
  command
      ->add_option("--entry", options->entry,
                   "Where faults are planted, of an operation that takes several kernels")
      ->type_name("NAME");
  command->add_option("--arch", options->arch, "Of the kept PTX: sm_80")->type_name("ARCH");
  AddUnsignedOption(*command, "--count", options->count, "Mutants (default 100)", 1'000'000);
  AddUnsignedOption(*command, "--seed", options->seed, "Which ones (default 1)");
  command->add_option("--goal", options->goal, "Least kill rate for exit code 0 (default 0.95)")
      ->type_name("RATE")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--all", options->list_all, "List the mutants that were noticed too");
  AddParsedOption(*command, "--shard", options->shard, reference::ParseShard,
                  "Only part k of n of the mutants")
      ->type_name("K/N");
  AddCheckpointOptions(*command, options->checkpoint);
  command->add_option("--json", options->json, "Write all mutants to FILE")->type_name("FILE");
  command->footer(
      "A mutant has one opcode, operand, constant, modifier or guard changed. It is noticed when "
      "an "
      "output\n"
      "differs from the reference's, when the run faults, hangs or races, and when it takes more\n"
      "instructions for the right bits. Mutants that provably give the same bits do not count (z3 "
      "proves\n"
      "more, where it is installed). Exit code 1: the kill rate is below the goal.\n"
      "Examples:\n"
      "  ulproof mutate --op 'sample from=bfloat16 to=bfloat16 law=rg16'\n"
      "  ulproof mutate mine.ptx --op 'cast from=float32 to=float8_e4m3fn overflow=sat' --count "
      "500");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
