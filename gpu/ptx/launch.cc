// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/launch.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/parallel.h"
#include "gpu/ptx/decode.h"
#include "gpu/ptx/interpreter.h"
#include "gpu/ptx/share_slots.h"

namespace ulproof::gpu::ptx {
namespace {

constexpr std::uint64_t kMaxThreads = 1024;
constexpr std::uint64_t kMaxSharedBytes = 227 * 1024;

base::Error LaunchError(const Program& program, std::string message) {
  return {.message = "kernel '" + program.entry->name + "': " + std::move(message),
          .file = program.module->file,
          .line = program.entry->position.line,
          .column = program.entry->position.column};
}

std::string Triple(std::uint64_t index, const Dim3& extent) {
  return "(" + std::to_string(index % extent.x) + "," +
         std::to_string(index / extent.x % extent.y) + "," +
         std::to_string(index / extent.x / extent.y) + ")";
}

// "kernel 'k': thread (3,0,0) of block (1,0,0), pc 17 'st.global.u32 [%rd4], %r1;': what"
base::Error FaultError(const Program& program, const LaunchShape& shape, std::uint64_t block,
                       const Fault& fault) {
  const Instruction* const instruction = program.origins[fault.pc].instruction;
  base::Error error{.message = "kernel '" + program.entry->name + "': thread " +
                               Triple(fault.thread, shape.block) + " of block " +
                               Triple(block, shape.grid) + ", pc " + std::to_string(fault.pc),
                    .file = program.module->file};
  if (instruction != nullptr) {
    error.line = instruction->position.line;
    error.column = instruction->position.column;
    error.message += " '" + std::string(program.module->LineText(error.line)) + "'";
    const auto file = static_cast<std::size_t>(instruction->source_file);
    if (instruction->source_line != 0 && file < program.module->source_files.size()) {
      error.message += " (" + program.module->source_files[file] + ":" +
                       std::to_string(instruction->source_line) + ")";
    }
  }
  error.message += ": " + fault.message;
  return error;
}

std::uint64_t EndOf(const LaunchShape& shape) {
  return std::min(shape.grid.count(), shape.end_block);
}

std::optional<base::Error> CheckShape(const Program& program, const LaunchShape& shape) {
  const std::uint64_t threads = shape.block.count();
  if (EndOf(shape) <= shape.first_block || threads == 0) {
    return LaunchError(program, "the grid is empty");
  }
  if (threads > kMaxThreads) {
    return LaunchError(program, std::to_string(threads) + " threads in a block are more than 1024");
  }
  const auto& required = program.entry->required_threads;
  const std::array<std::uint32_t, 3> block = {shape.block.x, shape.block.y, shape.block.z};
  if (required[0] != 0 && block != required) {
    return LaunchError(program, "the block does not have the shape that .reqntid asks for");
  }
  const auto& most = program.entry->maximum_threads;
  if (most[0] != 0 && threads > std::uint64_t{most[0]} * most[1] * most[2]) {
    return LaunchError(program, "the block has more threads than .maxntid allows");
  }
  if (program.static_shared_bytes + shape.dynamic_shared_bytes > kMaxSharedBytes) {
    return LaunchError(program, "the block needs more than 227 KiB of shared memory");
  }
  return std::nullopt;
}

base::Result<std::vector<std::uint8_t>> PackArguments(const Program& program,
                                                      const Arguments& arguments) {
  const auto& values = arguments.values();
  if (values.size() != program.parameters.size()) {
    return LaunchError(program, std::to_string(values.size()) + " arguments given, " +
                                    std::to_string(program.parameters.size()) + " needed");
  }
  std::vector<std::uint8_t> bytes(program.parameter_bytes);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Program::ParameterSlot& slot = program.parameters[i];
    if (values[i].size() != slot.size) {
      return LaunchError(program, "argument " + std::to_string(i) + " ('" + slot.name + "') has " +
                                      std::to_string(values[i].size()) + " bytes, not " +
                                      std::to_string(slot.size));
    }
    std::copy(values[i].begin(), values[i].end(),
              bytes.begin() + static_cast<std::ptrdiff_t>(slot.offset));
  }
  return bytes;
}

// Makes the module's .global and .const variables that the memory does not have yet, then fills in
// the addresses in their initial values.
std::optional<base::Error> PlaceVariables(const Program& program, Memory& memory) {
  const Module& module = *program.module;
  std::vector<const Variable*> placed;
  for (const Variable& variable : module.variables) {
    if (variable.space == Space::kShared || memory.Symbol(variable.name) != 0) continue;
    std::vector<std::uint8_t> bytes = variable.initial;
    bytes.resize(variable.size);
    const DeviceAddress address = variable.space == Space::kConst
                                      ? memory.UploadConstant(variable.name, bytes)
                                      : memory.Upload(variable.name, bytes);
    memory.SetSymbol(variable.name, address);
    placed.push_back(&variable);
  }
  for (const Variable* variable : placed) {
    const std::span<std::uint8_t> bytes = memory.Bytes(memory.Symbol(variable->name));
    for (const Relocation& relocation : variable->relocations) {
      const DeviceAddress target = memory.Symbol(relocation.symbol);
      if (target == 0) {
        return LaunchError(program, "'" + relocation.symbol + "' in the initial value of '" +
                                        variable->name + "' is not a variable");
      }
      const std::uint64_t value = target + static_cast<std::uint64_t>(relocation.addend);
      std::memcpy(bytes.data() + relocation.offset, &value, sizeof(value));
    }
  }
  return std::nullopt;
}

std::vector<std::uint64_t> BlockOrder(std::uint64_t blocks, const LaunchOptions& options) {
  std::vector<std::uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  if (options.block_order == Order::kReverse) std::reverse(order.begin(), order.end());
  if (options.block_order == Order::kRandom) {
    std::uint64_t state = options.order_seed;
    for (std::uint64_t i = blocks; i > 1; --i) {
      state = state * 6364136223846793005 + 1442695040888963407;
      std::swap(order[i - 1], order[(state >> 33) % i]);
    }
  }
  return order;
}

// Runs all blocks, each thread of the machine with a runner of its own.
class Grid {
 public:
  explicit Grid(const BlockEnvironment& environment) : environment_(environment) {}

  std::optional<base::Error> Run() {
    const std::uint64_t first = environment_.shape.first_block;
    const std::uint64_t blocks = EndOf(environment_.shape) - first;
    const bool in_order = environment_.options.block_order == Order::kForward;
    const std::vector<std::uint64_t> order =
        in_order ? std::vector<std::uint64_t>() : BlockOrder(blocks, environment_.options);
    first_fault_ = blocks;
    const auto run = [&](std::uint64_t begin, std::uint64_t end) {
      std::unique_ptr<BlockRunner> runner = Acquire();
      for (std::uint64_t i = begin; i < end && i < first_fault_.load(); ++i) {
        const std::uint64_t block = first + (in_order ? i : order[i]);
        if (!runner->Run(block)) NoteFault(i, block, runner->block().fault);
      }
      const std::lock_guard lock(mutex_);
      free_.push_back(std::move(runner));
    };
    if (environment_.options.single_threaded) {
      run(0, blocks);
    } else {
      const auto threads = static_cast<std::uint64_t>(base::ThreadCount());
      base::ParallelFor(blocks, std::max<std::uint64_t>(1, blocks / (threads * 16)), run);
    }
    if (first_fault_.load() == blocks) return std::nullopt;
    return FaultError(*environment_.program, environment_.shape, fault_block_, fault_);
  }

  const std::vector<std::unique_ptr<BlockRunner>>& runners() const { return free_; }

 private:
  std::unique_ptr<BlockRunner> Acquire() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<BlockRunner> runner = std::move(free_.back());
        free_.pop_back();
        return runner;
      }
    }
    return std::make_unique<BlockRunner>(environment_);
  }

  // Blocks before the first faulting one always run, so which fault is reported does not depend on
  // the number of threads.
  void NoteFault(std::uint64_t position, std::uint64_t block, const Fault& fault) {
    const std::lock_guard lock(mutex_);
    if (position >= first_fault_.load()) return;
    first_fault_ = position;
    fault_block_ = block;
    fault_ = fault;
  }

  const BlockEnvironment& environment_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BlockRunner>> free_;
  std::atomic<std::uint64_t> first_fault_ = 0;
  std::uint64_t fault_block_ = 0;
  Fault fault_;
};

// Fills in Program::forms.
void NameForms(Program& program) {
  std::map<std::string, std::uint32_t> known;
  for (const Program::Origin& origin : program.origins) {
    if (origin.instruction == nullptr) {
      program.form_of.push_back(Program::kNoForm);
      continue;
    }
    const std::string name = origin.instruction->Mnemonic();
    const auto [form, is_new] =
        known.emplace(name, static_cast<std::uint32_t>(program.forms.size()));
    if (is_new) program.forms.push_back(name);
    program.form_of.push_back(form->second);
  }
}

void AddForms(const Program& program, const std::vector<std::unique_ptr<BlockRunner>>& runners,
              RunReport& report) {
  std::vector<FormCount> forms(program.forms.size());
  std::int64_t warps = 0;
  std::int64_t threads = 0;
  for (std::size_t pc = 0; pc < program.code.size(); ++pc) {
    for (const auto& runner : runners) {
      warps += runner->counts().warp_steps[pc];
      threads += runner->counts().thread_steps[pc];
    }
    if (warps == 0 || program.form_of[pc] == Program::kNoForm) continue;
    FormCount& count = forms[program.form_of[pc]];
    count.tags |= program.origins[pc].row->tags;
    count.warp_instructions += static_cast<std::uint64_t>(warps);
    count.thread_instructions += static_cast<std::uint64_t>(threads);
  }
  for (std::size_t i = 0; i < forms.size(); ++i) {
    FormCount& count = forms[i];
    if (count.warp_instructions == 0) continue;
    count.form = program.forms[i];
    report.tags |= count.tags;
    report.warp_instructions += count.warp_instructions;
    report.thread_instructions += count.thread_instructions;
    report.forms.push_back(std::move(count));
  }
  std::stable_sort(
      report.forms.begin(), report.forms.end(), [](const FormCount& a, const FormCount& b) {
        return std::tie(b.thread_instructions, a.form) < std::tie(a.thread_instructions, b.form);
      });
}

void AddCounts(const std::vector<std::unique_ptr<BlockRunner>>& runners, RunReport& report) {
  const auto at = [](Space space) { return static_cast<std::size_t>(space); };
  for (const auto& runner : runners) {
    report.branches += runner->counts().branches;
    report.divergent_branches += runner->counts().divergent_branches;
    const Traffic& traffic = runner->block().traffic;
    report.memory.global_loaded_bytes += traffic.loaded_bytes[at(Space::kGlobal)];
    report.memory.global_stored_bytes += traffic.stored_bytes[at(Space::kGlobal)];
    report.memory.shared_loaded_bytes += traffic.loaded_bytes[at(Space::kShared)];
    report.memory.shared_stored_bytes += traffic.stored_bytes[at(Space::kShared)];
    report.memory.local_loaded_bytes += traffic.loaded_bytes[at(Space::kLocal)];
    report.memory.local_stored_bytes += traffic.stored_bytes[at(Space::kLocal)];
    report.memory.global_accesses += traffic.global_accesses;
    report.memory.global_sectors += traffic.global_sectors;
    if (runner->race() == nullptr) continue;
    report.races += runner->race()->races;
    for (const std::string& race : runner->race()->first_races) {
      if (report.first_races.size() < 16) report.first_races.push_back(race);
    }
  }
}

}  // namespace

base::Result<Kernel> Kernel::Prepare(const Module& module, std::string_view entry, bool contract) {
  base::Result<Program> program = DecodeEntry(module, entry, {.contract = contract});
  if (!program) return program.error();
  ShareSlots(*program);
  NameForms(*program);
  return Kernel(std::move(*program));
}

base::Result<RunReport> Kernel::Launch(const LaunchShape& shape, const Arguments& arguments,
                                       Memory& memory, const LaunchOptions& options) const {
  if (std::optional<base::Error> error = CheckShape(program_, shape)) return std::move(*error);
  base::Result<std::vector<std::uint8_t>> parameters = PackArguments(program_, arguments);
  if (!parameters) return parameters.error();
  if (std::optional<base::Error> error = PlaceVariables(program_, memory)) return std::move(*error);
  BlockEnvironment environment{.program = &program_,
                               .compiled = &compiled_,
                               .shape = shape,
                               .options = options,
                               .memory = &memory,
                               .parameters = *parameters,
                               .module_addresses = {}};
  for (const Program::Address& address : program_.addresses) {
    const Variable& variable = program_.module->variables[address.variable];
    environment.module_addresses.push_back(memory.Symbol(variable.name) +
                                           static_cast<std::uint64_t>(address.offset));
  }
  Grid grid(environment);
  if (std::optional<base::Error> error = grid.Run()) return std::move(*error);
  RunReport report;
  AddForms(program_, grid.runners(), report);
  AddCounts(grid.runners(), report);
  report.contracted = program_.contracted;
  for (const Program::RegisterSlot& cleared : program_.maybe_uninitialised) {
    report.maybe_uninitialised_registers.push_back(cleared.name);
  }
  return report;
}

base::Result<RunReport> Launch(const Module& module, std::string_view entry,
                               const LaunchShape& shape, const Arguments& arguments, Memory& memory,
                               const LaunchOptions& options) {
  base::Result<Kernel> kernel = Kernel::Prepare(module, entry, options.contract);
  if (!kernel) return kernel.error();
  return kernel->Launch(shape, arguments, memory, options);
}

std::string TagNames(std::uint8_t tags) {
  if (tags == kExact) return "exact";
  std::string names;
  for (const auto& [tag, name] :
       {std::pair(kNanBits, "nan_bits"), std::pair(kContractable, "contractable"),
        std::pair(kApproximate, "approximate")}) {
    if ((tags & tag) == 0) continue;
    if (!names.empty()) names += ' ';
    names += name;
  }
  return names;
}

}  // namespace ulproof::gpu::ptx
