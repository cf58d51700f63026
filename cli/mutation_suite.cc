// SPDX-License-Identifier: Apache-2.0
#include "cli/mutation_suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "cli/mutation_cases.h"
#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "reference/compare/judge.h"

namespace ulproof::cli {
namespace {

using formats::Case;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;
using gpu::Discovery;
using gpu::Fate;

// Cases of these sizes also run on tensors that begin in the middle of a vector.
constexpr std::uint64_t kPartSeed = 2;
constexpr std::uint64_t kLeastMisaligned = 1024, kMostMisaligned = 8192;
// A mutant is slower when it takes so much of the kernel's own instructions more.
constexpr std::uint64_t kMoreInstructionsOneIn = 50;
// What an integer division becomes on a device, about: a subroutine where it has 64 bits.
constexpr std::uint64_t kDivision = 20, kLongDivision = 70;
// All numbers RN32(1 - b) from -255 to 128, for which binary32 has a b: steps of 2^-24 up to 1,
// then every number; below 0 the steps of the b that is 1 more.
std::vector<gpu::NumberRange> ExponentsOfBitwidths() {
  constexpr std::int64_t k23 = std::int64_t{1} << 23;
  std::vector<gpu::NumberRange> ranges = {{0, 2 * k23, -24}, {-k23, k23, -23}};
  for (int binade = 0; binade < 7; ++binade) {
    ranges.push_back({k23, k23, binade - 23});
    ranges.push_back({(k23 >> (binade + 1)) - 2 * k23 + 1, k23, binade + 1 - 23});
  }
  return ranges;
}

}  // namespace

std::uint64_t CostOf(const gpu::ptx::RunReport& report) {
  std::uint64_t cost = report.warp_instructions;
  for (const gpu::ptx::FormCount& one : report.forms) {
    if (!one.form.starts_with("div.") && !one.form.starts_with("rem.")) continue;
    const bool is_float = one.form.find(".f") != one.form.npos;
    if (is_float) continue;
    cost += one.warp_instructions * (one.form.ends_with("64") ? kLongDivision : kDivision);
  }
  return cost;
}

bool IsSlower(std::uint64_t taken, std::uint64_t own) {
  return taken > own + own / kMoreInstructionsOneIn;
}

bool MutationSuite::Reaches(std::string_view text, int line) const {
  std::size_t begin = 0;
  for (int i = 1; i < line; ++i) begin = text.find('\n', begin) + 1;
  std::string trapped(text);
  trapped.insert(begin, "trap; ");
  return Try(trapped, "trapped").fate == Fate::kFault;
}

base::Result<std::unique_ptr<MutationSuite>> KernelSuite::Make(const Operation& op, bool plain,
                                                               std::string_view text,
                                                               const std::string& file) {
  std::unique_ptr<KernelSuite> made(new KernelSuite);
  KernelSuite& suite = *made;
  suite.exponents_ = std::make_shared<gpu::SliceTrial>(std::string(text), ExponentsOfBitwidths());
  suite.kernel_ = gpu::FindKernel(op, plain);
  if (suite.kernel_ == nullptr) {
    return base::UsageError("there is no CUDA kernel for " + OperationName(op));
  }
  const auto truth = reference::MakeReferenceBackend();
  for (Case& c : MutationCases(op, *truth)) {
    if (base::Status ok = suite.AddCase(*truth, std::move(c)); !ok.ok()) return ok.error();
  }
  if (base::Status ok = suite.AddParts(*truth, op); !ok.ok()) return ok.error();
  std::ranges::stable_sort(suite.cases_, {},
                           [](const SuiteCase& one) { return one.c.op.shape.count(); });
  std::uint64_t most = 0;
  const Discovery own = suite.RunCases({}, text, file, [&](std::size_t i, std::uint64_t taken) {
    suite.cases_[i].warp_instructions = taken;
    most = std::max(most, taken);
  });
  if (own.fate != Fate::kSurvived) {
    return base::Error{.exit_code = base::ExitCode::kMismatch,
                       .message = "the kernel itself is wrong: " + own.note,
                       .file = file};
  }
  // A mutant may take longer than the original, but not without end.
  suite.instruction_budget_ = 4 * most + 10'000;
  return base::Result<std::unique_ptr<MutationSuite>>(std::move(made));
}

base::Status KernelSuite::AddCase(formats::Backend& truth, Case c) {
  auto expected = formats::RunCase(truth, c);
  if (!expected.ok()) return expected.error();
  const bool has_loop = std::ranges::any_of(
      kernel_->launches, [](const gpu::Launch& launch) { return launch.max_grid != 0; });
  const std::uint64_t count = c.op.shape.count();
  // Loops over the grid go round only where the grid is small for the shape.
  for (const std::uint32_t limit : {0u, 1u, 2u}) {
    if (limit != 0 && !(has_loop && count > 2000)) continue;
    cases_.push_back({.c = c, .grid_limit = limit, .expected = *expected});
  }
  // Tensors that begin on an element, not on a vector: by one element, and by half a vector.
  if (count < kLeastMisaligned || count > kMostMisaligned) return base::Done{};
  const auto add = [&](std::uint64_t input, std::uint64_t output) {
    cases_.push_back({.c = c,
                      .input_misalignment = input,
                      .output_misalignment = output,
                      .expected = *expected});
  };
  const auto bytes = [](const Tensor& tensor) {
    return static_cast<std::uint64_t>(tensor.type().bytes());
  };
  if (!c.inputs.empty()) {
    add(bytes(c.inputs.front()), 0);
    add(8, 0);
  }
  add(0, bytes(expected->front()));
  add(0, 8);
  add(8, 8);
  return base::Done{};
}

base::Status KernelSuite::AddParts(formats::Backend& truth, Operation op) {
  constexpr std::uint64_t k31 = std::uint64_t{1} << 31, k32 = 2 * k31, k38 = 64 * k32;
  constexpr std::uint64_t kRows = 64;
  constexpr std::uint64_t kUnit = 8192;  // With a multiple of it a thread block begins or ends.
  if (op.kind == OpKind::kScale) return base::Done{};  // Has one element for a block.
  reference::Rng rng(kPartSeed);
  for (const std::uint64_t cols : {64, 70}) {
    op.shape = {.rows = kRows, .cols = cols};
    op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Next() >> 8 << 3};
    const bool has_groups = op.kind == OpKind::kQuantize;
    // Whole, aligned groups are taken in rounds of a loop from the tensor's beginning on.
    if (has_groups && cols % 32 == 0) continue;
    const std::uint64_t numbers = has_groups ? op.scale_grid().count() : kRows * cols;
    const auto rows_for = [&](std::uint64_t first) {  // The end begins just there.
      return (first * kRows / numbers + kUnit) / kUnit * kUnit;
    };
    for (const std::uint64_t rows : {rows_for(k31), rows_for(k32), k32}) {
      const Case c = reference::RandomCase(op, rng);
      const base::Status ok = AddPart(truth, c, gpu::EndAfterRows(c.op, rows));
      if (!ok.ok()) return ok;
    }
    op.shape.rows = 1;
    const Case c = reference::RandomCase(op, rng);
    if (base::Status ok = AddPart(truth, c, gpu::EndAfterCols(c.op, k38)); !ok.ok()) return ok;
  }
  op.shape = {.rows = 1, .cols = kUnit};
  const Case c = reference::RandomCase(op, rng);
  return AddPart(truth, c, gpu::BeginningOfRow(c.op, k38 + 5));
}

base::Status KernelSuite::AddPart(formats::Backend& truth, Case c, const gpu::TensorPart& part) {
  if (gpu::PartLaunches(*kernel_, part).empty()) return base::Done{};
  auto expected = formats::RunCase(truth, c);
  if (!expected.ok()) return expected.error();
  cases_.push_back({.c = std::move(c), .part = part, .expected = std::move(*expected)});
  return base::Done{};
}

std::uint64_t KernelSuite::element_count() const {
  std::uint64_t count = 0;
  for (const SuiteCase& one : cases_) count += one.c.op.shape.count();
  return count;
}

Discovery KernelSuite::Try(std::string_view text, const std::string& file) const {
  Discovery slower;
  const Discovery found = RunCases(
      {.check_races = true, .instruction_budget = instruction_budget_}, text, file,
      [&](std::size_t i, std::uint64_t taken) {
        const SuiteCase& one = cases_[i];
        if (slower.fate == Fate::kSlower) return;
        if (!IsSlower(taken, one.warp_instructions)) return;
        slower = {.fate = Fate::kSlower,
                  .note = fmt::format("{} instructions of warps instead of {} in {}", taken,
                                      one.warp_instructions, OperationName(one.c.op))};
      });
  return found.fate == Fate::kSurvived ? slower : found;
}

Discovery KernelSuite::Judge(const gpu::Mutation& mutation, const std::string& file) const {
  Discovery discovery = Try(mutation.text, file);
  if (discovery.fate != Fate::kSurvived || !exponents_->SameOnAll(mutation)) return discovery;
  return {.fate = Fate::kEquivalent,
          .note = fmt::format("tried on all {} exponents 1 - b that bitwidths have",
                              exponents_->number_count())};
}

Discovery KernelSuite::RunCases(const gpu::ptx::LaunchOptions& launch, std::string_view text,
                                const std::string& file,
                                const std::function<void(std::size_t, std::uint64_t)>& sees) const {
  std::uint64_t taken = 0;  // By the launches of one case.
  const auto machine = gpu::MakeSimulatorMachine(
      {.launch = launch,
       .races_are_faults = true,
       .observer = [&](const gpu::KernelLaunch&, const gpu::ptx::RunReport& report) {
         taken += CostOf(report);
       }});
  const auto module = machine->Load(text, file);
  if (!module.ok()) return {.fate = Fate::kFault, .note = module.error().ToString()};
  for (std::size_t number = 0; number < cases_.size(); ++number) {
    const SuiteCase& one = cases_[number];
    std::vector<Tensor> got;
    std::vector<formats::ConstBuffer> inputs;
    std::vector<formats::Buffer> outputs;
    for (const Tensor& input : one.c.inputs) inputs.push_back(input.view());
    for (const formats::Port& port : SignatureOf(one.c.op).outputs) {
      got.emplace_back(port.type, port.count);
    }
    if (one.part) got = one.expected;  // For what is left as it is; the rest has to be written.
    for (Tensor& output : got) outputs.push_back(output.view());
    std::vector<gpu::KernelLaunch> launches = one.part ? gpu::PartLaunches(*kernel_, *one.part)
                                                       : gpu::ResolveLaunches(*kernel_, one.c.op);
    for (std::size_t i = 0; i < launches.size(); ++i) {
      if (one.grid_limit != 0 && kernel_->launches[i].max_grid != 0) {
        launches[i].grid[0] = std::min(launches[i].grid[0], one.grid_limit);
      }
    }
    std::vector<gpu::KernelBuffer> buffers = one.part
                                                 ? gpu::PartBuffers(*one.part, inputs, outputs)
                                                 : gpu::KernelBuffers(one.c.op, inputs, outputs);
    if (!inputs.empty()) buffers.front().misalignment = one.input_misalignment;
    buffers[inputs.size()].misalignment = one.output_misalignment;
    taken = 0;
    const base::Status ran = (*module)->Run(launches, buffers);
    if (!ran.ok()) return {.fate = Fate::kFault, .note = ran.error().message};
    const reference::Comparison comparison = reference::CompareOutputs(one.c, one.expected, got);
    if (!comparison.ok()) {
      return {.fate = Fate::kWrongBits,
              .note = MismatchText(*comparison.first) + " in " + OperationName(one.c.op)};
    }
    sees(number, taken);
  }
  return {};
}

}  // namespace ulproof::cli
