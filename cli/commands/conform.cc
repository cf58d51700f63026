// SPDX-License-Identifier: Apache-2.0
// ulproof conform: the main job. Every operation, format and mode of the contract on every backend
// of this machine, against the exact reference.
#include "reference/compare/conform.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/parallel.h"
#include "base/text.h"
#include "cli/backends.h"
#include "cli/campaign_file.h"
#include "cli/checkpoint_options.h"
#include "cli/commands/commands.h"
#include "cli/progress.h"
#include "cli/report/check_records.h"
#include "cli/report/conform_campaign.h"
#include "cli/report/conform_report.h"
#include "cli/report/file.h"
#include "cli/tensor_file.h"
#include "gpu/kernels/registry.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using formats::OpKind;

// A weights file is held in memory while its tensors are checked.
constexpr std::uint64_t kMaxWeightsElements = std::uint64_t{1} << 30;

struct ConformCommand {
  std::vector<std::string> backends;
  std::vector<OpKind> ops;
  reference::Level level = reference::Level::kQuick;
  std::vector<std::string> weights;
  reference::Shard shard;
  CheckpointOptions checkpoint;
  std::string json, junit;
};

Result<std::vector<OpKind>> ParseOps(const std::string& text) {
  std::vector<OpKind> ops;
  for (const std::string_view name : base::Split(text, ',')) {
    const auto op = formats::ParseOpKind(name);
    if (!op.ok()) return op.error();
    ops.push_back(*op);
  }
  return ops;
}

// Every backend of this machine once.
Result<std::vector<formats::Backend*>> Subjects(const std::vector<std::string>& names) {
  std::vector<formats::Backend*> subjects;
  if (names.empty()) {
    for (formats::Backend* backend : AllBackends()) {
      if (backend->name() == "reference" || RepeatsAnother(*backend)) continue;
      if (backend->why_unavailable().empty()) subjects.push_back(backend);
    }
    return subjects;
  }
  for (const std::string& name : names) {
    const auto backend = FindBackend(name);
    if (!backend.ok()) return backend.error();
    if (std::ranges::count(subjects, *backend) == 0) subjects.push_back(*backend);
  }
  return subjects;
}

// Kernels have formats and modes built in, which random operations seldom hit.
bool RunsKernels(const formats::Backend* backend) {
  return backend->name().starts_with("simulator") || backend->name().starts_with("device");
}

// The tensors of a file whose elements are floats that operations take.
Status LoadWeights(const std::string& path, std::vector<reference::Weights>& weights) {
  const auto input = TensorInput::Open(path);
  if (!input.ok()) return input.error();
  const auto selected = input->SelectWeights("", std::nullopt);
  if (!selected.ok()) return selected.error();
  for (const auto& [tensor, format] : *selected) {
    if (!format || tensor.count() == 0) continue;
    if (tensor.count() > kMaxWeightsElements) {
      return input->Unusable(tensor, "more than 2^30 elements");
    }
    reference::Weights& w = weights.emplace_back();
    w.name = io::QuotedName(tensor.name);  // A file's names may hold anything.
    w.shape = MatrixOf(tensor);
    w.codes = formats::Tensor(formats::ElementType::CodeOf(*format), tensor.count());
    Status read = input->Read(tensor, 0, tensor.bytes(), w.codes.view().data);
    if (!read.ok()) return read;
  }
  return base::Done{};
}

// A shard with a checkpoint is run in rounds, each of them a shard of the shard: dealing the checks
// to n * kRounds hands round j of shard k what falls to number k + j n.
constexpr std::uint64_t kRounds = 16;

Result<ConformState> RunRounds(const ConformCommand& command, reference::ConformOptions options,
                               ConformRun& run, CommandContext& context) {
  options.shard = {};
  const std::vector<std::string> checks = reference::ConformChecks(options);
  std::map<std::string_view, std::uint64_t> place_of;
  for (const std::string& check : checks) {
    const bool is_new = place_of.emplace(check, place_of.size()).second;
    ULPROOF_CHECK(is_new, check);
  }
  CampaignFile file = {.path = command.checkpoint.path,
                       .kind = "conform",
                       .campaign = ConformCampaign(run, options, checks),
                       .shard = command.shard};
  const auto earlier = ReadCheckpoint(file);
  if (!earlier.ok()) return earlier.error();
  ConformState state;
  if (*earlier) {
    auto resumed = ConformStateFrom(**earlier);
    if (!resumed.ok()) return resumed;
    state = std::move(resumed).value();
    context.err << "ulproof: " << file.path << ": " << state.checks << " checks done already\n";
  }
  while (state.rounds < kRounds) {
    options.shard = {.index = command.shard.index + state.rounds * command.shard.count,
                     .count = command.shard.count * kRounds};
    const reference::ConformReport report = reference::Conform(options);
    for (const reference::CheckRecord& record : report.records) {
      state.records.emplace(place_of.at(record.check), RecordJson(record));
    }
    state.checks += report.checks;
    state.seconds += report.seconds;
    file.is_complete = ++state.rounds == kRounds;
    file.result = StateJson(state);
    if (Status written = WriteCampaign(file); !written.ok()) return written.error();
  }
  if (Status filled = FillReport(state, file.path, run); !filled.ok()) return filled.error();
  return state;
}

Status Run(const ConformCommand& command, CommandContext& context) {
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  auto subjects = Subjects(command.backends);
  if (!subjects.ok()) return subjects.error();
  reference::ConformOptions options;
  options.truth = *truth;
  options.subjects = std::move(subjects).value();
  options.ops = command.ops;
  options.level = command.level;
  options.shard = command.shard;
  if (std::ranges::any_of(options.subjects, RunsKernels)) {
    for (const gpu::Kernel& kernel : gpu::Kernels()) {
      if (!kernel.plain) options.prototypes.push_back(kernel.prototype);
    }
  }
  for (const std::string& path : command.weights) {
    if (Status loaded = LoadWeights(path, options.weights); !loaded.ok()) return loaded;
  }

  ConformRun run;
  run.truth = (*truth)->name();
  run.level = reference::LevelName(command.level);
  run.shard = command.shard;
  run.processor = ProcessorName();
  run.threads = base::ThreadCount();
  run.invocation = context.invocation;
  for (const formats::Backend* backend : options.subjects) {
    run.backends.emplace_back(backend->name());
  }
  for (const formats::Backend* backend : AllBackends()) {
    const std::string why = backend->why_unavailable();
    if (command.backends.empty() && !RepeatsAnother(*backend) && !why.empty())
      run.unavailable.emplace_back(backend->name(), why);
  }
  for (const reference::Weights& w : options.weights) run.weights.push_back(w.name);
  context.out << ConformHeading(run) << std::flush;
  std::optional<ConformState> state;  // Where there is a checkpoint.
  {
    std::optional<ProgressBar> bar;
    std::uint64_t done = 0;
    options.progress = [&](const reference::ConformProgress& progress) {
      if (!bar) bar.emplace(context, "conform", progress.total);
      bar->SetLabel(std::string(progress.check.substr(0, progress.check.find('/'))));
      bar->Advance(progress.done - done);
      done = progress.done;
    };
    if (command.checkpoint.path.empty()) {
      run.report = reference::Conform(options);
    } else {
      options.progress = {};  // Each round would start a bar of its own.
      auto ran = RunRounds(command, options, run, context);
      if (!ran.ok()) return ran.error();
      state = std::move(ran).value();
    }
  }
  context.out << ConformTable(run, context.use_color) << std::flush;
  if (run.report.mismatches() > 0) context.SetExitCode(base::ExitCode::kMismatch);
  if (!command.json.empty()) {
    const std::string json = state ? ConformJson(run, *state) : ConformJson(run);
    if (Status written = WriteReport(command.json, json); !written.ok()) return written;
  }
  if (!command.junit.empty()) return WriteReport(command.junit, ConformJunit(run));
  return base::Done{};
}

}  // namespace

void AddConformCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("conform", "Check every backend against the exact reference, bit for bit");
  const auto options = std::make_shared<ConformCommand>();
  command
      ->add_option("--backend", options->backends,
                   "A backend to check (repeatable; default: every one of this machine)")
      ->type_name("NAME");
  AddParsedOption(
      *command, "--ops", options->ops, ParseOps,
      "Operations, separated by commas: noise,cast,block_max,scale,sample,backward,"
      "quantize,dequantize,fit,refit,fake_quantize,fake_backward,perturb (default: all)");
  AddParsedOption(
      *command, "--level", options->level, reference::ParseLevel,
      "quick (default; within 2 minutes on two cores) or full (within an hour; all 2^32 "
      "inputs of every cast from float32)")
      ->type_name("LEVEL");
  command
      ->add_option("--weights", options->weights,
                   "A .npy or .safetensors file whose tensors are inputs too (repeatable)")
      ->type_name("FILE");
  AddParsedOption(*command, "--shard", options->shard, reference::ParseShard,
                  "Only part k of n of the checks")
      ->type_name("K/N");
  command
      ->add_option("--checkpoint", options->checkpoint.path,
                   "Keep the state in FILE, and go on from it after an interruption; the finished "
                   "file is for `ulproof merge`")
      ->type_name("FILE");
  command->add_option("--json", options->json, "Write all records to FILE")->type_name("FILE");
  command->add_option("--junit", options->junit, "Write a JUnit XML report to FILE")
      ->type_name("FILE");
  command->footer(
      "Ends with exit code 0 when not one bit differs, 1 with a line for `ulproof replay` for "
      "each\n"
      "failure, shrunk to its smallest case.\n"
      "Examples:\n"
      "  ulproof conform\n"
      "  ulproof conform --ops cast,sample --backend cpu --json report.json --junit report.xml\n"
      "  ulproof conform --weights model.safetensors\n"
      "  ulproof conform --level full --shard 3/8");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
