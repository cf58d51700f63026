// SPDX-License-Identifier: Apache-2.0
#include "gpu/simulator_machine.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "base/check.h"
#include "gpu/ptx/compiled/compile.h"
#include "gpu/ptx/parser.h"

namespace ulproof::gpu {
namespace {

constexpr std::uint8_t kPoison = 0xDB;

ptx::Dim3 ToDim3(const std::array<std::uint32_t, 3>& size) { return {size[0], size[1], size[2]}; }

class SimulatedModule : public LoadedModule {
 public:
  SimulatedModule(ptx::Module module, const SimulatorOptions& options)
      : module_(std::move(module)), options_(options) {}

  base::Status Run(std::span<const KernelLaunch> launches,
                   std::span<const KernelBuffer> buffers) override {
    ptx::Memory memory;
    std::vector<ptx::DeviceAddress> addresses;
    for (const KernelBuffer& buffer : buffers) addresses.push_back(Place(buffer, memory));
    for (const KernelLaunch& launch : launches) {
      const base::Status status = RunOne(launch, addresses, memory);
      if (!status.ok()) return status;
    }
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      if (buffers[i].output.empty()) continue;
      if (const base::Status ok = Collect(buffers[i], *memory.Find(addresses[i])); !ok.ok()) {
        return ok;
      }
    }
    return base::Done{};
  }

 private:
  // A buffer that is not aligned is the end of one that is.
  static ptx::DeviceAddress Place(const KernelBuffer& buffer, ptx::Memory& memory) {
    const std::uint64_t before = buffer.misalignment;
    if (!buffer.output.empty()) {
      return memory.Allocate(buffer.name, before + buffer.output.size()) + before;
    }
    if (buffer.scratch_bytes != 0) {
      return memory.Upload(buffer.name, std::vector<std::uint8_t>(before + buffer.scratch_bytes)) +
             before;
    }
    if (before == 0) return memory.UploadConstant(buffer.name, buffer.input);
    std::vector<std::uint8_t> bytes(before, kPoison);
    bytes.insert(bytes.end(), buffer.input.begin(), buffer.input.end());
    return memory.UploadConstant(buffer.name, bytes) + before;
  }

  // Copies an output out. Errors: something was not written, or something before the output was.
  static base::Status Collect(const KernelBuffer& buffer, const ptx::Buffer& from) {
    const auto first = static_cast<std::ptrdiff_t>(buffer.misalignment);
    const std::uint8_t* const flags = from.written.data();
    if (std::memchr(flags, 1, buffer.misalignment) != nullptr) {
      return base::UsageError("a store to bytes before " + buffer.name);
    }
    const void* const hole = std::memchr(flags + first, 0, buffer.output.size());
    if (hole != nullptr) {
      return base::UsageError(
          "nothing wrote byte " +
          std::to_string(static_cast<const std::uint8_t*>(hole) - flags - first) + " of " +
          buffer.name + " (" + std::to_string(buffer.output.size()) + " bytes)");
    }
    std::copy(from.bytes.begin() + first, from.bytes.end(), buffer.output.begin());
    return base::Done{};
  }

  base::Status RunOne(const KernelLaunch& launch, std::span<const ptx::DeviceAddress> addresses,
                      ptx::Memory& memory) {
    const base::Result<const ptx::Kernel*> kernel = Prepared(launch.entry);
    if (!kernel.ok()) return kernel.error();
    ptx::Arguments arguments;
    for (const LaunchArgument& argument : launch.arguments) {
      const std::uint64_t address =
          argument.buffer < 0 ? 0 : addresses[static_cast<std::size_t>(argument.buffer)];
      const std::uint64_t bits = address + argument.bits;
      std::vector<std::uint8_t> bytes(static_cast<std::size_t>(argument.bytes));
      ULPROOF_CHECK(bytes.size() <= sizeof(bits));
      std::memcpy(bytes.data(), &bits, bytes.size());
      arguments.AddBytes(std::move(bytes));
    }
    const base::Result<ptx::RunReport> report =
        (*kernel)->Launch({.grid = ToDim3(launch.grid),
                           .block = ToDim3(launch.block),
                           .dynamic_shared_bytes = launch.dynamic_shared_bytes,
                           .first_block = launch.first_block,
                           .end_block = launch.end_block},
                          arguments, memory, options_.launch);
    if (!report.ok()) return report.error();
    if (options_.races_are_faults && report->races != 0) {
      return base::UsageError(report->first_races.front() + " (" + std::to_string(report->races) +
                              " races in " + launch.entry + ")");
    }
    if (options_.observer) options_.observer(launch, *report);
    return base::Done{};
  }

  // Decoded on first use and kept: a module may hold entries that nobody runs.
  base::Result<const ptx::Kernel*> Prepared(const std::string& entry) {
    const std::lock_guard lock(mutex_);
    const auto known = kernels_.find(entry);
    if (known != kernels_.end()) return &known->second;
    base::Result<ptx::Kernel> kernel =
        ptx::Kernel::Prepare(module_, entry, options_.launch.contract);
    if (!kernel.ok()) return kernel.error();
    if (options_.compiled) {
      const ptx::Program* const program = &kernel->program();
      base::Result<std::vector<ptx::CompiledRuns>> runs = ptx::CompileRuns({&program, 1});
      if (!runs.ok()) return runs.error();
      kernel->Use(std::move(runs->front()));
    }
    return &kernels_.emplace(entry, std::move(*kernel)).first->second;
  }

  const ptx::Module module_;
  const SimulatorOptions options_;
  std::mutex mutex_;
  std::map<std::string, ptx::Kernel> kernels_;  // Elements stay where they are.
};

class SimulatorMachine : public Machine {
 public:
  explicit SimulatorMachine(SimulatorOptions options) : options_(std::move(options)) {}

  std::string_view name() const override {
    return options_.compiled ? "simulator-compiled" : "simulator";
  }
  std::string why_unavailable() const override {
    const bool cannot = options_.compiled && ptx::FindCompiler().empty();
    return cannot ? "no C++ compiler (CXX, or c++ on the PATH)" : "";
  }

  base::Result<std::unique_ptr<LoadedModule>> Load(std::string_view code,
                                                   std::string_view file) override {
    base::Result<ptx::Module> module = ptx::ParseModule(code, file);
    if (!module.ok()) return module.error();
    return std::unique_ptr<LoadedModule>(
        std::make_unique<SimulatedModule>(std::move(*module), options_));
  }

 private:
  const SimulatorOptions options_;
};

}  // namespace

std::unique_ptr<Machine> MakeSimulatorMachine(SimulatorOptions options) {
  return std::make_unique<SimulatorMachine>(std::move(options));
}

}  // namespace ulproof::gpu
