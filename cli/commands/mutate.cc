// SPDX-License-Identifier: Apache-2.0
// ulproof mutate: changes one instruction of one of our kernels at random, many times over, and
// counts how many of the changes the kernel's cases notice: a measure of the tests.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/mutation_suite.h"
#include "cli/report/file.h"
#include "gpu/golden/golden.h"
#include "gpu/mutate/campaign.h"
#include "io/input_file.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using gpu::Campaign;
using gpu::Fate;
using gpu::Mutant;
using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> kFateNames = {"wrong bits", "fault", "equivalent",
                                                        "survived"};

struct MutateOptions {
  std::string file, arch = "sm_80", entry, json;
  formats::Operation op;
  bool plain = false;
  bool list_all = false;
  std::uint64_t count = 100;
  std::uint64_t seed = 1;
  double goal = 0.95;
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

void ListMutants(const Campaign& campaign, Fate fate, const std::string& title, std::ostream& out) {
  if (campaign.Count(fate) == 0) return;
  out << '\n' << title << '\n';
  for (const Mutant& mutant : campaign.mutants) {
    if (mutant.fate != fate) continue;
    out << fmt::format("  line {} ({})\n    - {}\n    + {}\n", mutant.mutation.line,
                       MutationKindName(mutant.mutation.kind), mutant.mutation.before,
                       mutant.mutation.after);
    if (!mutant.note.empty()) out << "    " << mutant.note << '\n';
  }
}

Json CampaignJson(const MutateOptions& options, const std::string& file, const std::string& entry,
                  const KernelSuite& suite, const Campaign& campaign) {
  Json json = {{"schema", "ulproof.mutate/1"},
               {"version", ULPROOF_VERSION},
               {"file", file},
               {"entry", entry},
               {"operation", OperationName(options.op)},
               {"seed", options.seed},
               {"cases", suite.case_count()},
               {"wrong_bits", campaign.Count(Fate::kWrongBits)},
               {"faults", campaign.Count(Fate::kFault)},
               {"equivalent", campaign.Count(Fate::kEquivalent)},
               {"survived", campaign.Count(Fate::kSurvived)},
               {"kill_rate", campaign.KillRate()},
               {"mutants", Json::array()}};
  for (const Mutant& mutant : campaign.mutants) {
    json["mutants"].push_back({{"line", mutant.mutation.line},
                               {"kind", MutationKindName(mutant.mutation.kind)},
                               {"before", mutant.mutation.before},
                               {"after", mutant.mutation.after},
                               {"fate", kFateNames[static_cast<std::size_t>(mutant.fate)]},
                               {"note", mutant.note}});
  }
  return json;
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
  const gpu::CampaignOptions campaign_options = {
      .file = file, .entry = entry, .count = options.count, .seed = options.seed, .progress = {}};
  Result<Campaign> campaign = gpu::RunCampaign(
      *text, campaign_options,
      [&](const gpu::Mutation& mutation) { return suite->Try(mutation.text, file); });
  if (!campaign.ok()) return campaign.error();
  std::uint64_t unreached = 0;
  for (Mutant& mutant : campaign->mutants) {
    if (mutant.fate != Fate::kSurvived || suite->Reaches(*text, mutant.mutation.line)) continue;
    mutant.note = "no case comes to it";
    ++unreached;
  }

  const std::uint64_t survived = campaign->Count(Fate::kSurvived);
  const std::uint64_t equivalent = campaign->Count(Fate::kEquivalent);
  context.out << fmt::format(
      "{} of {}: {} cases of {} elements in all\n"
      "{} mutants: {} gave wrong bits, {} a fault, {} are equivalent, {} survived\n"
      "kill rate {:.3f} of the {} that could be noticed ({} survived where no case comes)\n",
      entry, file, suite->case_count(), suite->element_count(), campaign->mutants.size(),
      campaign->Count(Fate::kWrongBits), campaign->Count(Fate::kFault), equivalent, survived,
      campaign->KillRate(), campaign->mutants.size() - equivalent, unreached);
  ListMutants(*campaign, Fate::kSurvived, "survived", context.out);
  ListMutants(*campaign, Fate::kEquivalent, "equivalent, with the proof", context.out);
  if (options.list_all) {
    ListMutants(*campaign, Fate::kWrongBits, "wrong bits", context.out);
    ListMutants(*campaign, Fate::kFault, "fault", context.out);
  }
  if (campaign->KillRate() < options.goal) context.SetExitCode(base::ExitCode::kMismatch);
  if (options.json.empty()) return base::Done{};
  return WriteReport(options.json,
                     CampaignJson(options, file, entry, *suite, *campaign).dump(2) + "\n");
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
  command->add_option("--arch", options->arch, "Of the kept PTX: sm_80")
      ->type_name("ARCH");
  AddUnsignedOption(*command, "--count", options->count, "Mutants (default 100)", 1'000'000);
  AddUnsignedOption(*command, "--seed", options->seed, "Which ones (default 1)");
  command->add_option("--goal", options->goal, "Least kill rate for exit code 0 (default 0.95)")
      ->type_name("RATE")
      ->check(CLI::Range(0.0, 1.0));
  command->add_flag("--all", options->list_all, "List the mutants that were noticed too");
  command->add_option("--json", options->json, "Write all mutants to FILE")->type_name("FILE");
  command->footer(
      "A mutant has one opcode, operand, constant, modifier or guard changed. It is noticed when "
      "an "
      "output\n"
      "differs from the reference's, or the run faults, hangs or races. Mutants that provably give "
      "the same\n"
      "bits do not count. Exit code 1: the kill rate is below the goal.\n"
      "Examples:\n"
      "  ulproof mutate --op 'sample from=bfloat16 to=bfloat16 law=rg16'\n"
      "  ulproof mutate mine.ptx --op 'cast from=float32 to=float8_e4m3fn overflow=sat' --count "
      "500");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
