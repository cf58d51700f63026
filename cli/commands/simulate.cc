// SPDX-License-Identifier: Apache-2.0
// ulproof simulate: one kernel of a .ptx (or, with NVRTC, of a .cu) on .npy files, on the
// simulator: what it computes, what it executed, and what could make its bits differ elsewhere.
// With --lint nothing runs; the text is read for the same.
#include <memory>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/report/file.h"
#include "cli/report/simulation_report.h"
#include "cli/simulation.h"
#include "gpu/ptx/parser.h"
#include "gpu/runtime/nvrtc.h"
#include "io/input_file.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;

struct SimulateOptions {
  std::string file, arch = "sm_80", json;
  SimulationPlan plan;
  std::vector<std::string> arguments, compiler_options;
  bool lint = false;
};

// The PTX text: the file's, or what NVRTC makes of it.
Result<std::string> ReadKernel(const SimulateOptions& options) {
  const auto file = io::InputFile::Open(options.file);
  if (!file.ok()) return file.error();
  std::string text(file->size(), '\0');
  if (const Status read = file->ReadAt(0, text.data(), text.size()); !read.ok()) {
    return read.error();
  }
  if (!options.file.ends_with(".cu")) return text;
  return gpu::CompileToPtx(text, options.file, options.arch, options.compiler_options);
}

// The entry that was named, or the only one that there is.
Result<std::string> EntryOf(const gpu::ptx::Module& module, const std::string& name) {
  if (!name.empty()) return name;
  std::vector<std::string_view> entries;
  for (const gpu::ptx::Function& function : module.functions) {
    if (function.is_entry && function.is_defined) entries.push_back(function.name);
  }
  if (entries.size() == 1) return std::string(entries.front());
  base::Error error =
      base::UsageError(entries.empty() ? "no kernel in it" : "several kernels: choose --entry of ");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    error.message += (i == 0 ? "" : ", ") + std::string(entries[i]);
  }
  error.file = module.file;
  return error;
}

Status RunLint(const SimulateOptions& options, CommandContext& context) {
  const auto findings = gpu::ptx::Lint(options.plan.module, options.plan.entry);
  if (!findings.ok()) return findings.error();
  context.out << LintText(options.plan, *findings);
  if (!findings->empty()) context.SetExitCode(base::ExitCode::kMismatch);
  if (options.json.empty()) return base::Done{};
  return WriteReport(options.json, LintJson(options.plan, *findings, context.invocation));
}

Status Run(SimulateOptions& options, CommandContext& context) {
  SimulationPlan& plan = options.plan;
  const Result<std::string> text = ReadKernel(options);
  if (!text.ok()) return text.error();
  Result<gpu::ptx::Module> module = gpu::ptx::ParseModule(*text, options.file);
  if (!module.ok()) return module.error();
  plan.module = std::move(*module);
  Result<std::string> entry = EntryOf(plan.module, plan.entry);
  if (!entry.ok()) return entry.error();
  plan.entry = std::move(*entry);
  if (options.lint) return RunLint(options, context);
  for (const std::string& argument : options.arguments) {
    Result<SimulationArgument> parsed = ParseSimulationArgument(argument);
    if (!parsed.ok()) {
      base::Error error = parsed.error();
      error.message = "--arg " + argument + ": " + error.message;
      return error;
    }
    plan.arguments.push_back(std::move(*parsed));
  }
  const Result<Simulation> simulation = Simulate(plan);
  if (!simulation.ok()) return simulation.error();
  context.out << SimulationText(plan, *simulation);
  if (!simulation->ok()) context.SetExitCode(base::ExitCode::kMismatch);
  if (options.json.empty()) return base::Done{};
  return WriteReport(options.json, SimulationJson(plan, *simulation, context.invocation));
}

Result<ContractMode> ParseContractMode(const std::string& text) {
  if (text == "no") return ContractMode::kNo;
  if (text == "yes") return ContractMode::kYes;
  if (text == "both") return ContractMode::kBoth;
  return base::UnknownName("mode", text, std::vector<std::string_view>{"no", "yes", "both"});
}

}  // namespace

void AddSimulateCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("simulate", "Run a compiled CUDA kernel on .npy files, without a GPU");
  const auto options = std::make_shared<SimulateOptions>();
  SimulationPlan& plan = options->plan;
  command->add_option("FILE", options->file, "A .ptx file, or a .cu file where NVRTC is installed")
      ->required();
  command->add_option("--entry", plan.entry, "The kernel's name; may be left out when there is one")
      ->type_name("NAME");
  AddParsedOption(*command, "--grid", plan.shape.grid, ParseDim3, "Thread blocks: X, X,Y or X,Y,Z")
      ->type_name("X,Y,Z");
  AddParsedOption(*command, "--block", plan.shape.block, ParseDim3, "Threads of a block")
      ->type_name("X,Y,Z");
  AddParsedOption(
      *command, "--shared", plan.shape.dynamic_shared_bytes,
      [](const std::string& text) -> Result<std::uint32_t> {
        const auto bytes = base::ParseUnsigned(text, "number of bytes", UINT32_MAX);
        if (!bytes.ok()) return bytes.error();
        return static_cast<std::uint32_t>(*bytes);
      },
      "Bytes of dynamic shared memory")
      ->type_name("BYTES");
  command
      ->add_option("--arg", options->arguments,
                   "A kernel argument, once for each in order: in:FILE, inout:FILE:OUT, "
                   "out:OUT:TYPE:SHAPE,\nzero:BYTES or TYPE:VALUE (u32:5, f32:1.5, b16:3f80)")
      ->type_name("SPEC")
      ->allow_extra_args(false);
  AddParsedOption(*command, "--contract", plan.contract, ParseContractMode,
                  "no; yes: fuse what ptxas may fuse; both: run either way and compare")
      ->type_name("MODE");
  AddUnsignedOption(*command, "--schedules", plan.schedules,
                    "Run N more times with blocks and warps in other orders, and compare", 1000);
  AddUnsignedOption(*command, "--budget", plan.instruction_budget,
                    "Warp instructions of one block before it counts as hung");
  command->add_flag("--compiled", plan.compiled,
                    "Compile the kernel's straight runs first (with CXX or c++): for large grids");
  command->add_flag("--lint", options->lint,
                    "Run nothing: list what could make the bits differ, with lines");
  command->add_option("--arch", options->arch, "Of a .cu: what to compile for (default sm_80)")
      ->type_name("ARCH");
  command
      ->add_option("--nvrtc", options->compiler_options,
                   "Of a .cu: a further option for the compiler")
      ->type_name("OPTION")
      ->allow_extra_args(false);
  command->add_option("--json", options->json, "Write the findings to FILE")->type_name("FILE");
  command->footer(
      "Prints what ran by instruction form with its tags, divergence, bytes moved and races. "
      "Outputs are\n"
      "written when all runs have ended. Exit code 1: a race, an output byte that nothing wrote, a "
      "run that\n"
      "gave other bits, or a finding of --lint.\n"
      "Examples:\n"
      "  ulproof simulate scale.ptx --grid 4 --block 256 --arg in:x.npy --arg out:y.npy:f32:1024 "
      "\\\n"
      "      --arg f32:1.5 --arg u64:1024 --contract both --schedules 2\n"
      "  ulproof simulate scale.ptx --lint");
  command->callback([options, &context] { context.Report(Run(*options, context)); });
}

}  // namespace ulproof::cli
