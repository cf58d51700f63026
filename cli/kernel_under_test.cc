// SPDX-License-Identifier: Apache-2.0
#include "cli/kernel_under_test.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"
#include "cli/kernel_file.h"
#include "gpu/ptx/form.h"
#include "gpu/ptx/parser.h"
#include "gpu/runtime/device_machine.h"
#include "gpu/simulator_machine.h"
#include "gpu/user_kernel/plugin_backend.h"
#include "gpu/user_kernel/user_kernel_backend.h"

namespace ulproof::cli {
namespace {

using base::Result;
using base::Status;
using gpu::ptx::LaunchOptions;
using gpu::ptx::Order;

constexpr std::array<std::string_view, 2> kMachines = {"simulator", "device"};

// Warp instructions of one thread block: a kernel that hangs is found in a fraction of a second.
constexpr std::uint64_t kInstructionBudget = std::uint64_t{1} << 25;
// The further orders of execution, and contraction, are tried on calls up to these sizes.
constexpr std::uint64_t kReverseElements = std::uint64_t{1} << 16;
constexpr std::uint64_t kRandomOrderElements = std::uint64_t{1} << 13;

LaunchOptions Ordered(Order order, bool check_races) {
  LaunchOptions options;
  options.block_order = order;
  options.warp_order = order;
  options.order_seed = 1;
  options.check_races = check_races;
  options.instruction_budget = kInstructionBudget;
  return options;
}

// What the decoder says against the entries that will be launched, before anything runs.
Status CheckEntries(const std::string& ptx, const std::string& path,
                    const std::vector<std::string>& entries) {
  const auto module = gpu::ptx::ParseModule(ptx, path);
  if (!module.ok()) return module.error();
  for (const std::string& entry : entries) {
    const auto kernel = gpu::ptx::Kernel::Prepare(*module, entry);
    if (!kernel.ok()) return kernel.error();
  }
  return base::Done{};
}

}  // namespace

Result<std::unique_ptr<KernelUnderTest>> KernelUnderTest::Open(const KernelOptions& options,
                                                               formats::Backend& truth) {
  const auto kind = KindOfKernelFile(options.path);
  if (!kind.ok()) return kind.error();
  std::unique_ptr<KernelUnderTest> opened(new KernelUnderTest);
  const Status status = *kind == KernelFileKind::kPlugin ? opened->OpenPlugin(options)
                                                         : opened->OpenKernel(options, truth);
  if (!status.ok()) return status.error();
  return opened;
}

Status KernelUnderTest::OpenPlugin(const KernelOptions& options) {
  if (!options.op) return base::UsageError("a plugin needs the operation (--op)");
  if (!options.manifest.empty()) return base::UsageError("a plugin takes no manifest");
  if (!options.machines.empty())
    return base::UsageError("a plugin runs where it likes (--machine)");
  auto plugin = gpu::LoadPlugin(options.path);
  if (!plugin.ok()) return plugin.error();
  op_ = *options.op;
  if (std::string why = (*plugin)->why_unsupported(op_); !why.empty()) {
    return base::UsageError("the plugin does not compute this: " + why);
  }
  description_ = "a plugin";
  subjects_.push_back(std::move(plugin).value());
  return base::Done{};
}

Status KernelUnderTest::OpenKernel(const KernelOptions& options, formats::Backend& truth) {
  auto ptx = ReadPtx(options.path, options.arch, options.nvrtc);
  if (!ptx.ok()) return ptx.error();
  truth_ = &truth;
  path_ = options.path;
  ptx_ = std::move(ptx).value();
  const auto entries = gpu::EntriesOf(ptx_, options.path);
  if (!entries.ok()) return entries.error();
  std::optional<Result<gpu::Manifest>> manifest;
  if (options.manifest.empty()) {
    if (!options.op) return base::UsageError("which operation? (--op \"...\" or a manifest)");
    std::vector<std::string> names;
    for (const gpu::EntryInfo& entry : *entries) names.push_back(entry.name);
    manifest = gpu::DefaultManifest(*options.op, names);
  } else {
    const auto json = ReadTextFile(options.manifest);
    if (!json.ok()) return json.error();
    manifest = gpu::ParseManifest(*json, options.manifest, options.op);
  }
  if (!manifest->ok()) return manifest->error();
  auto kernel = gpu::UserKernel::Bind(std::move(*manifest).value(), *entries, options.path);
  if (!kernel.ok()) return kernel.error();
  kernel_ = std::make_shared<const gpu::UserKernel>(std::move(kernel).value());
  op_ = kernel_->prototype();
  for (const gpu::ManifestLaunch& launch : kernel_->manifest().launches) {
    if (std::ranges::count(entries_, launch.entry) == 0) entries_.push_back(launch.entry);
  }
  if (Status fine = CheckEntries(ptx_, options.path, entries_); !fine.ok()) return fine;
  description_ = fmt::format(
      "{} {}, {}", entries_.size() == 1 ? "entry" : "entries", fmt::join(entries_, ", "),
      options.manifest.empty() ? "our own argument order" : "manifest " + options.manifest);
  std::vector<std::string> machines = options.machines;
  if (machines.empty()) machines.assign(kMachines.begin(), kMachines.end());
  for (const std::string& machine : machines) {
    const Status added = AddMachine(machine, !options.machines.empty());
    if (!added.ok()) return added;
  }
  return base::Done{};
}

Result<std::unique_ptr<gpu::LoadedModule>> KernelUnderTest::LoadSimulated(
    const LaunchOptions& launch, const std::string& ptx, const LaunchObserver& sees) const {
  return gpu::MakeSimulatorMachine({.launch = launch, .observer = sees})->Load(ptx, path_);
}

Result<std::unique_ptr<formats::Backend>> KernelUnderTest::Simulate(
    const std::string& ptx, std::uint64_t budget, const LaunchObserver& sees) const {
  gpu::UserKernelBackendOptions backend = {.name = "simulator", .kernel = kernel_, .truth = truth_};
  const struct {
    Order order;
    bool check_races;
    std::uint64_t max_elements;
    std::string_view name;
  } runs[] = {
      {Order::kForward, false, ~std::uint64_t{0}, "in order"},
      {Order::kReverse, true, kReverseElements, "with blocks and warps in reverse order"},
      {Order::kRandom, false, kRandomOrderElements, "with blocks and warps in random order"},
  };
  for (const auto& run : runs) {
    LaunchOptions launch = Ordered(run.order, run.check_races);
    launch.instruction_budget = budget;
    auto module = LoadSimulated(launch, ptx, backend.modules.empty() ? sees : LaunchObserver());
    if (!module.ok()) return module.error();
    backend.modules.push_back({std::string(run.name), std::move(module).value(), run.max_elements});
  }
  return gpu::MakeUserKernelBackend(std::move(backend));
}

Status KernelUnderTest::AddSimulator() {
  auto simulator = Simulate(ptx_, kInstructionBudget,
                            [this](const gpu::KernelLaunch&, const gpu::ptx::RunReport& report) {
                              const std::lock_guard lock(mutex_);
                              work_.tags |= report.tags;
                              ++work_.launches;
                              work_.thread_instructions += report.thread_instructions;
                              work_.divergent_branches += report.divergent_branches;
                            });
  if (!simulator.ok()) return simulator.error();
  subjects_.push_back(std::move(simulator).value());
  LaunchOptions contract = Ordered(Order::kForward, false);
  contract.contract = true;
  auto contracted = LoadSimulated(contract, ptx_, {});
  if (!contracted.ok()) return contracted.error();
  gpu::UserKernelBackendOptions backend = {
      .name = "simulator, contracted", .kernel = kernel_, .truth = truth_};
  backend.modules.push_back({"contracted", std::move(contracted).value()});
  contracted_ = gpu::MakeUserKernelBackend(std::move(backend));
  auto module = LoadSimulated(Ordered(Order::kForward, false), ptx_, {});
  if (!module.ok()) return module.error();
  for_empty_call_ = std::move(module).value();
  return base::Done{};
}

Status KernelUnderTest::AddMachine(const std::string& name, bool is_asked_for) {
  if (name == "simulator") return AddSimulator();
  if (name != "device") return base::UnknownName("machine", name, kMachines);
  gpu::UserKernelBackendOptions backend = {.name = name, .kernel = kernel_, .truth = truth_};
  gpu::Machine* const device = machines_.emplace_back(gpu::MakeDeviceMachine()).get();
  backend.why_unavailable = device->why_unavailable();
  if (!backend.why_unavailable.empty() && is_asked_for) {
    return base::EnvironmentError("machine device is unavailable: " + backend.why_unavailable);
  }
  if (backend.why_unavailable.empty()) {
    auto module = device->Load(ptx_, path_);
    if (!module.ok()) return module.error();
    backend.modules.push_back({"on the device", std::move(module).value()});
  }
  subjects_.push_back(gpu::MakeUserKernelBackend(std::move(backend)));
  return base::Done{};
}

std::vector<formats::Backend*> KernelUnderTest::subjects() const {
  std::vector<formats::Backend*> subjects;
  for (const auto& subject : subjects_) subjects.push_back(subject.get());
  return subjects;
}

reference::KernelUnderTest KernelUnderTest::suite() const {
  if (kernel_ == nullptr) {
    return {op_, [](const formats::Operation& op) { return op; }};
  }
  return {op_, [this](const formats::Operation& op) { return kernel_->Fit(op); }};
}

std::vector<std::string> KernelUnderTest::restrictions() const {
  return kernel_ == nullptr ? std::vector<std::string>{} : kernel_->Restrictions();
}

std::optional<reference::CheckRecord> KernelUnderTest::RunEmptyCall() const {
  if (for_empty_call_ == nullptr) return std::nullopt;
  reference::CheckRecord record = {.op = op_.kind,
                                   .check = fmt::format("{}/empty", OpKindName(op_.kind)),
                                   .backend = "simulator"};
  // The tensor's own scale is an output even of an empty call, and its value is nobody's business.
  if (op_.kind == formats::OpKind::kQuantize && op_.block_format.has_tensor_scale) {
    record.skipped_cases = 1;
    record.skipped_why = "an empty tensor has no scale";
    return record;
  }
  const auto launches = kernel_->EmptyLaunches();
  if (!launches.ok()) {
    record.skipped_cases = 1;
    record.skipped_why = launches.error().ToString();
    return record;
  }
  record.cases = 1;
  const Status ran = gpu::RunEmpty(*kernel_, *launches, *for_empty_call_);
  if (!ran.ok()) {
    record.mismatches = 1;
    record.failures.push_back(
        {"", "a call without elements: " + ran.error().ToString(), std::nullopt});
  }
  return record;
}

SimulatedWork KernelUnderTest::work() const {
  const std::lock_guard lock(mutex_);
  return work_;
}

}  // namespace ulproof::cli
