// SPDX-License-Identifier: Apache-2.0
// ulproof mutate: changes one instruction of a kernel at random, many times over, and counts how
// many of the changes the kernel's cases notice: a measure of the tests. For one of our kernels the
// cases are its own, for a user's those of `ulproof verify`.
#include <memory>
#include <mutex>
#include <optional>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "cli/backends.h"
#include "cli/campaign_file.h"
#include "cli/checkpoint_options.h"
#include "cli/commands/commands.h"
#include "cli/kernel_file.h"
#include "cli/kernel_under_test.h"
#include "cli/mutation_suite.h"
#include "cli/report/file.h"
#include "cli/report/mutation_report.h"
#include "cli/user_mutation_suite.h"
#include "gpu/golden/golden.h"
#include "gpu/mutate/campaign.h"
#include "gpu/mutate/solver.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using gpu::Fate;
using gpu::Mutant;

struct MutateOptions {
  std::string file, kernel, manifest, arch = "sm_80", entry, json;
  std::optional<formats::Operation> op;
  std::set<std::uint64_t> only;  // Empty: all.
  bool plain = false;
  bool check_proofs = false;
  bool list_all = false;
  std::uint64_t count = 100;
  std::uint64_t seed = 1;
  double goal = 0.95;
  reference::Shard shard;
  CheckpointOptions checkpoint;
};

// What is to be mutated, and what is to notice it.
struct Target {
  std::string file, text, entry;
  formats::Operation op;
  std::uint64_t hash = 0;                      // Of the text, and of the manifest.
  std::unique_ptr<KernelUnderTest> user = {};  // Outlives the suite.
  std::unique_ptr<MutationSuite> suite = {};
};

Result<std::string> ReadText(const MutateOptions& options, const gpu::Kernel& kernel) {
  if (!options.file.empty()) return ReadTextFile(options.file);
  const std::string_view golden = gpu::GoldenPtx(options.arch, kernel.module);
  if (golden.empty()) return base::UsageError("no kept PTX for " + options.arch);
  return std::string(golden);
}

std::uint64_t HashOf(std::string_view ptx, std::string_view manifest) {
  base::Fnv1a hash;
  hash.Add(ptx);
  hash.Add(manifest);
  return hash.value();
}

Result<Target> OurKernel(const MutateOptions& options) {
  if (!options.op) return base::UsageError("which operation? (--op \"...\")");
  const gpu::Kernel* const kernel = gpu::FindKernel(*options.op, options.plain);
  if (kernel == nullptr) {
    return base::UsageError("there is no CUDA kernel for " + OperationName(*options.op));
  }
  auto text = ReadText(options, *kernel);
  if (!text.ok()) return text.error();
  Target target = {
      .file = options.file.empty() ? options.arch + "/" + kernel->module + ".ptx" : options.file,
      .text = std::move(text).value(),
      .entry = kernel->name,
      .op = *options.op};
  target.hash = HashOf(target.text, "");
  auto suite = KernelSuite::Make(*options.op, options.plain, target.text, target.file);
  if (!suite.ok()) return suite.error();
  target.suite = std::move(suite).value();
  return target;
}

Result<Target> UserKernel(const MutateOptions& options) {
  const auto kind = KindOfKernelFile(options.kernel);
  if (!kind.ok()) return kind.error();
  if (*kind == KernelFileKind::kPlugin) {
    return base::UsageError(options.kernel + ": a plugin has no instructions to change");
  }
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  const KernelOptions kernel = {.path = options.kernel,
                                .op = options.op,
                                .manifest = options.manifest,
                                .machines = {"simulator"},
                                .arch = options.arch,
                                .nvrtc = {}};
  auto user = KernelUnderTest::Open(kernel, **truth);
  if (!user.ok()) return user.error();
  Target target = {.file = options.kernel,
                   .text = (*user)->ptx(),
                   .entry = (*user)->entries().back(),
                   .op = (*user)->op()};
  std::string manifest;
  if (!options.manifest.empty()) {
    auto text = ReadTextFile(options.manifest);
    if (!text.ok()) return text.error();
    manifest = std::move(text).value();
  }
  target.hash = HashOf(target.text, manifest);
  auto suite = UserKernelSuite::Make(**user, **truth);
  if (!suite.ok()) return suite.error();
  target.user = std::move(user).value();
  target.suite = std::move(suite).value();
  return target;
}

// "3,17": mutants by their numbers.
Result<std::set<std::uint64_t>> ParseNumbers(const std::string& text) {
  std::set<std::uint64_t> numbers;
  for (const std::string_view piece : base::Split(text, ',')) {
    const auto number = base::ParseUnsigned(piece, "the number of a mutant");
    if (!number.ok()) return number.error();
    numbers.insert(*number);
  }
  return numbers;
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
  Result<Target> target = options.kernel.empty() ? OurKernel(options) : UserKernel(options);
  if (!target.ok()) return target.error();
  const std::string& text = target->text;
  const std::string& file = target->file;
  const std::string entry = options.entry.empty() ? target->entry : options.entry;
  const MutationSuite& suite = *target->suite;
  const gpu::IsUnsatisfiable solver = gpu::FindSolver();
  MutationRun run = {.operation = OperationName(target->op),
                     .file = file,
                     .text_hash = target->hash,
                     .entry = entry,
                     .seed = options.seed,
                     .count = options.count,
                     .goal = options.goal,
                     .cases = suite.case_count(),
                     .elements = suite.element_count(),
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
                                           .check_proofs = options.check_proofs,
                                           .is_wanted = {},
                                           .on_mutant = {}};
  campaign_options.is_wanted = [&](std::uint64_t place) {
    return options.shard.Owns(place) && !known.contains(place) &&
           (options.only.empty() || options.only.contains(place));
  };
  campaign_options.on_mutant = [&](std::uint64_t place, const Mutant& mutant) {
    Mutant kept = mutant;
    if (kept.fate == Fate::kSurvived && !suite.Reaches(text, kept.mutation.line)) {
      kept.note = kUnreached;
    }
    const std::lock_guard lock(mutex);
    run.mutants.emplace(place, std::move(kept));
    if (!state.path.empty() && written.ok() && clock.IsDue()) written = Write(run, false, state);
  };
  const auto campaign =
      gpu::RunCampaign(text, campaign_options,
                       [&](const gpu::Mutation& mutation) { return suite.Judge(mutation, file); });
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
  CLI::Option* const file = command->add_option(
      "FILE", options->file, "PTX that holds our kernel (default: the kept one of --arch)");
  AddParsedOption(*command, "--op", options->op, formats::ParseOperation,
                  "The operation that the kernel computes; shape and key do not count")
      ->type_name("OPERATION");
  CLI::Option* const kernel =
      command
          ->add_option("--kernel", options->kernel,
                       "A kernel of yours instead, .ptx or .cu, with the suite of verify")
          ->type_name("FILE")
          ->excludes(file);
  command
      ->add_option("--manifest", options->manifest,
                   "JSON that describes its launches (default: the argument order of ours)")
      ->type_name("FILE")
      ->needs(kernel);
  command->add_flag("--plain", options->plain, "The plain version of our kernel")->excludes(kernel);
  command
      ->add_option("--entry", options->entry,
                   "Where faults are planted, of an operation that takes several kernels")
      ->type_name("NAME");
  command->add_option("--arch", options->arch, "Of the kept PTX, or for a .cu file: sm_80")
      ->type_name("ARCH");
  AddUnsignedOption(*command, "--count", options->count, "Mutants (default 100)", 1'000'000);
  AddUnsignedOption(*command, "--seed", options->seed, "Which ones (default 1)");
  command->add_option("--goal", options->goal, "Least kill rate for exit code 0 (default 0.95)")
      ->type_name("RATE")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--all", options->list_all, "List the mutants that were noticed too");
  command->add_flag("--check-proofs", options->check_proofs,
                    "Put mutants that are proved to be equivalent to the cases as well");
  CLI::Option* const shard =
      AddParsedOption(*command, "--shard", options->shard, reference::ParseShard,
                      "Only part k of n of the mutants")
          ->type_name("K/N");
  AddCheckpointOptions(*command, options->checkpoint);
  AddParsedOption(*command, "--only", options->only, ParseNumbers,
                  "Only these mutants, by their numbers in an earlier report")
      ->type_name("N,N,...")
      ->excludes(shard)
      ->excludes("--checkpoint");
  command->add_option("--json", options->json, "Write all mutants to FILE")->type_name("FILE");
  command->footer(
      "A mutant has one opcode, operand, constant, modifier or guard changed. It is noticed when\n"
      "an output differs from the reference's, when the run faults, hangs or races, and when it\n"
      "takes more instructions for the right bits. Mutants that provably give the same bits do\n"
      "not count (z3 proves more, where it is installed). Exit code 1: the kill rate is below the\n"
      "goal, or the kernel itself is wrong.\n"
      "Examples:\n"
      "  ulproof mutate --op 'sample from=bfloat16 to=bfloat16 law=rg16'\n"
      "  ulproof mutate --kernel mine.ptx --manifest mine.json --count 50");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
