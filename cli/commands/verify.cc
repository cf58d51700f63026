// SPDX-License-Identifier: Apache-2.0
// ulproof verify: a user's kernel against the exact reference, on the simulator and on a device
// where there is one; what differs is shrunk to its smallest case and explained.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "base/parallel.h"
#include "cli/backends.h"
#include "cli/commands/commands.h"
#include "cli/kernel_file.h"
#include "cli/kernel_under_test.h"
#include "cli/observations.h"
#include "cli/progress.h"
#include "cli/report/file.h"
#include "cli/report/terminal_text.h"
#include "cli/report/verify_report.h"
#include "gpu/ptx/form.h"
#include "reference/compare/explain.h"
#include "reference/compare/inputs.h"
#include "reference/compare/replay.h"
#include "reference/compare/shrink.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

// Cases on which contraction is tried.
constexpr std::uint64_t kContractionCases = 200;
constexpr int kContractionTries = 2000;

struct VerifyCommand {
  KernelOptions kernel;
  std::string op;  // As it was written, for the replay line.
  reference::Level level = reference::Level::kQuick;
  std::string replay;
  std::string json, junit;
};

// For a POSIX shell.
std::string Quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

// The command line again, without reports and level.
std::string CommandLine(const VerifyCommand& command) {
  std::string line = "ulproof verify " + Quoted(command.kernel.path);
  const auto add = [&](std::string_view option, const std::string& value) {
    if (!value.empty()) line += fmt::format(" {} {}", option, Quoted(value));
  };
  add("--op", command.op);
  add("--manifest", command.kernel.manifest);
  for (const std::string& machine : command.kernel.machines) add("--machine", machine);
  if (command.kernel.arch != KernelOptions{}.arch) add("--arch", command.kernel.arch);
  for (const std::string& option : command.kernel.nvrtc) add("--nvrtc", option);
  return line;
}

Status ReplayOne(const VerifyCommand& command, KernelUnderTest& kernel, formats::Backend& truth,
                 CommandContext& context) {
  const auto c = formats::ParseCase(command.replay);
  if (!c.ok()) return c.error();
  std::string why;
  for (const formats::Backend* subject : kernel.subjects()) {
    if (why.empty()) why = subject->why_unsupported(c->op);
  }
  if (!why.empty()) return base::UsageError("--case: " + why);
  const auto subjects = kernel.subjects();
  const auto replayed = reference::Replay(*c, truth, subjects);
  if (!replayed.ok()) return replayed.error();
  context.out << replayed->text << std::flush;
  if (!replayed->agree) context.SetExitCode(base::ExitCode::kMismatch);
  return base::Done{};
}

// The operation up to what varies from call to call.
std::string BuiltInText(const formats::Operation& op) {
  const std::string name = OperationName(op);
  return name.substr(0, std::min(name.find(" pow2="), name.find(" shape=")));
}

// The failure with the fewest elements, then the shortest line.
std::optional<FirstFailure> SmallestFailure(const reference::ConformReport& report) {
  std::optional<FirstFailure> smallest;
  std::tuple<std::uint64_t, std::size_t> size_of_smallest;
  for (const reference::CheckRecord& record : report.records) {
    for (const reference::Failure& failure : record.failures) {
      const auto c = formats::ParseCase(failure.line);
      const std::tuple size = {c.ok() ? c->op.shape.count() : ~std::uint64_t{0},
                               failure.line.size()};
      if (smallest && size >= size_of_smallest) continue;
      smallest = {record.check, record.backend, failure};
      size_of_smallest = size;
    }
  }
  return smallest;
}

// Random calls with and without contraction; only bits count, also those of NaNs. The first that
// changes is shrunk.
Contraction TryContraction(const KernelUnderTest& kernel) {
  formats::Backend& plain = *kernel.subjects().front();
  const reference::KernelUnderTest suite = kernel.suite();
  reference::Rng rng(1);
  Contraction contraction;
  const auto changes = [&](const formats::Case& c) {
    if (!plain.why_unsupported(c.op).empty()) return false;
    const auto before = formats::RunCase(plain, c);
    const auto after = formats::RunCase(*kernel.contracted(), c);
    return before.ok() && after.ok() && *before != *after;
  };
  for (std::uint64_t i = 0; i < kContractionCases; ++i) {
    const formats::Operation op = suite.fit(reference::RandomCall(suite.op, rng));
    const formats::Case c = reference::RandomCase(op, rng);
    ++contraction.cases;
    if (!changes(c)) continue;
    if (++contraction.changed > 1) continue;
    contraction.line = formats::CaseLine(reference::Minimise(c, changes, kContractionTries));
  }
  return contraction;
}

Status RunSuite(const VerifyCommand& command, KernelUnderTest& kernel, formats::Backend& truth,
                CommandContext& context) {
  VerifyRun run;
  run.kernel = command.kernel.path;
  run.description = kernel.description();
  run.operation = BuiltInText(kernel.op());
  run.restrictions = kernel.restrictions();
  run.level = reference::LevelName(command.level);
  run.processor = ProcessorName();
  run.threads = base::ThreadCount();
  run.command = CommandLine(command);
  run.invocation = context.invocation;
  reference::ConformOptions options;
  options.truth = &truth;
  options.subjects = kernel.subjects();
  options.level = command.level;
  options.kernel = kernel.suite();
  for (const formats::Backend* subject : options.subjects) {
    run.backends.emplace_back(subject->name());
  }
  // What the first machine answers: on the others the same code runs.
  Observations observations;
  options.observer = [&](const formats::Backend& backend, const formats::Case& c,
                         std::span<const formats::Tensor> outputs, bool is_right) {
    if (backend.name() == run.backends.front()) observations.Add(c, outputs, is_right);
  };
  context.out << VerifyHeading(run) << std::flush;
  {
    std::optional<ProgressBar> bar;
    std::uint64_t done = 0;
    options.progress = [&](const reference::ConformProgress& progress) {
      if (!bar) bar.emplace(context, "verify", progress.total);
      bar->Advance(progress.done - done);
      done = progress.done;
    };
    run.report = reference::Conform(options);
  }
  if (auto empty = kernel.RunEmptyCall()) {
    ++run.report.checks;
    run.report.records.push_back(std::move(*empty));
  }
  run.first = SmallestFailure(run.report);
  const std::vector<reference::Observation> seen = observations.Take();
  if (run.first && !seen.empty()) run.explanation = reference::Explain(seen);
  if (kernel.contracted() != nullptr) {
    run.work = kernel.work();
    if ((run.work->tags & gpu::ptx::kContractable) != 0) run.contraction = TryContraction(kernel);
  }
  context.out << VerifyText(run, context.use_color) << std::flush;
  if (VerdictOf(run) == Verdict::kFail) context.SetExitCode(base::ExitCode::kMismatch);
  if (!command.json.empty()) {
    if (Status written = WriteReport(command.json, VerifyJson(run)); !written.ok()) return written;
  }
  if (!command.junit.empty()) return WriteReport(command.junit, VerifyJunit(run));
  if (VerdictOf(run) == Verdict::kNothing) {
    return base::EnvironmentError("nothing was checked: no machine could run the kernel");
  }
  return base::Done{};
}

Status Run(VerifyCommand command, CommandContext& context) {
  if (!command.op.empty()) {
    const auto op = formats::ParseOperation(command.op);
    if (!op.ok()) return op.error();
    command.kernel.op = *op;
  }
  const auto truth = FindBackend("reference");
  if (!truth.ok()) return truth.error();
  const auto kernel = KernelUnderTest::Open(command.kernel, **truth);
  if (!kernel.ok()) return kernel.error();
  if (!command.replay.empty()) return ReplayOne(command, **kernel, **truth, context);
  return RunSuite(command, **kernel, **truth, context);
}

}  // namespace

void AddVerifyCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("verify", "Check a kernel of yours against the exact reference");
  const auto options = std::make_shared<VerifyCommand>();
  command
      ->add_option("KERNEL", options->kernel.path,
                   "A .ptx file, a .cu file (compiled by NVRTC) or a plugin (.so)")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--op", options->op,
                   "What it computes, as \"cast from=float32 to=float8_e4m3fn round=rne "
                   "overflow=sat\" (default: what the manifest names)")
      ->type_name("OPERATION");
  command
      ->add_option("--manifest", options->kernel.manifest,
                   "JSON that describes the launches (default: the argument order of our kernels)")
      ->type_name("FILE");
  command
      ->add_option("--machine", options->kernel.machines,
                   "simulator or device (repeatable; default: both, the device if there is one)")
      ->type_name("NAME");
  command->add_option("--arch", options->kernel.arch, "What a .cu file is compiled for")
      ->type_name("SM")
      ->capture_default_str();
  command
      ->add_option("--nvrtc", options->kernel.nvrtc,
                   "An option for NVRTC, as --nvrtc=-DTILE=8 (repeatable)")
      ->type_name("OPTION");
  AddParsedOption(*command, "--level", options->level, reference::ParseLevel,
                  "quick (default) or full (more of everything; all 2^32 inputs of a cast from "
                  "float32)")
      ->type_name("LEVEL");
  command
      ->add_option("--case", options->replay,
                   "Show this one case with every intermediate instead of running the suite")
      ->type_name("LINE");
  command->add_option("--json", options->json, "Write all records to FILE")->type_name("FILE");
  command->add_option("--junit", options->junit, "Write a JUnit XML report to FILE")
      ->type_name("FILE");
  command->footer(
      "Ends with exit code 0 when not one bit differs, 1 when some do, 2 when kernel, manifest or\n"
      "operation are wrong, 3 when the machine lacks something.\n"
      "Examples:\n"
      "  ulproof verify mine.ptx --op 'cast from=float32 to=float8_e4m3fn round=rne "
      "overflow=sat'\n"
      "  ulproof verify mine.cu --manifest mine.json --junit report.xml");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
