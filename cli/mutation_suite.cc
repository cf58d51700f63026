// SPDX-License-Identifier: Apache-2.0
#include "cli/mutation_suite.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

#include "formats/codec.h"
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

constexpr std::uint64_t kSeed = 1;
constexpr std::uint64_t kLongRow = (1 << 17) + 5;  // Meets every 15-bit threshold.
// The group of the element here is the last whose low word holds it: counters carry just after.
constexpr std::uint64_t kCarry = (std::uint64_t{8} << 32) - 64;

bool HasKey(const Operation& op) {
  return op.kind == OpKind::kNoise || op.kind == OpKind::kSample || op.kind == OpKind::kBackward ||
         (op.kind == OpKind::kCast && op.rounding.is_stochastic());
}

Case WithCodes(Operation op, const std::vector<formats::Code>& codes, reference::Rng& rng) {
  if (HasKey(op)) op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Below(64)};
  return reference::RowCase(op, codes);
}

// One large element a block, in another place in every block; all else is small. A kernel that
// leaves out one element of a block's maximum gives it away.
Case WithPlantedMaxima(Operation op, std::uint64_t rows, std::uint64_t cols, reference::Rng& rng) {
  op.shape = {.rows = rows, .cols = cols};
  op.bits_per_block = false;
  Case c = reference::RandomCase(op, rng);
  const formats::BlockGrid grid = op.kind == OpKind::kQuantize ? op.scale_grid() : op.grid();
  const formats::Code one = formats::EncodeExact(op.from, false, 1, 0).value();
  for (std::uint64_t i = 0; i < c.op.shape.count(); ++i) {
    c.inputs[0].Set(i, (rng.Next() & op.from.sign_mask()) | (one >> 2));
  }
  const std::uint64_t height = std::min<std::uint64_t>(grid.block.rows, rows);
  for (std::uint64_t top = 0, block = 0; top < rows; top += height) {
    for (std::uint64_t left = 0; left < cols; left += grid.block.cols, ++block) {
      const std::uint64_t row = top + block / grid.block.cols % height;
      const std::uint64_t col = left + block % grid.block.cols;
      if (row < rows && col < cols) {
        c.inputs[0].Set(row * cols + col, (rng.Next() & op.from.sign_mask()) | (one + block % 64));
      }
    }
  }
  if (op.kind == OpKind::kSample) c.inputs[1].Set(0, 0x40800000);
  return c;
}

void AddPlantedMaxima(const Operation& op, reference::Rng& rng, std::vector<Case>& cases) {
  if (op.kind != OpKind::kBlockMax && op.kind != OpKind::kSample && op.kind != OpKind::kQuantize) {
    return;
  }
  cases.push_back(WithPlantedMaxima(op, 32, 32 * 1024, rng));  // Every place of a whole block.
  for (const std::uint64_t rows : {1, 2, 3, 5, 8, 23, 31}) {
    cases.push_back(WithPlantedMaxima(op, rows, 32 * 32 * rows + 7, rng));
  }
  cases.push_back(WithPlantedMaxima(op, 32, 32 * 300 + 1, rng));  // Whole blocks, not aligned.
  cases.push_back(WithPlantedMaxima(op, 70, 33 * 32 + 5, rng));
}

// A bfloat16 weight w for which RN32(w + s) is a midpoint of bfloat16 without being w + s: there a
// last bit that is rounded otherwise shows. Nothing: this s has none. binary64 holds every sum
// here.
std::optional<std::uint32_t> WeightNearTie(float s, float max) {
  for (std::uint32_t code = std::bit_cast<std::uint32_t>(s) >> 16;
       code < std::bit_cast<std::uint32_t>(max) >> 16; ++code) {
    const float w = std::bit_cast<float>(code << 16);
    const float t = w + s;
    if ((std::bit_cast<std::uint32_t>(t) & 0xFFFF) == 0x8000 &&
        double{t} != double{w} + double{s}) {
      return code;
    }
  }
  return std::nullopt;
}

// Blocks whose bitwidth makes a scale of 24 bits, filled with such a weight: every place of a block
// that draws R = 1 is beside a tie.
Case WithNearTies(Operation op, std::uint64_t rows, std::uint64_t cols, reference::Rng& rng) {
  op.shape = {.rows = rows, .cols = cols};
  op.bits_per_block = true;
  op.pow2 = false;
  Case c = reference::RandomCase(op, rng);
  const bool is_bfloat16 = op.from == formats::kBfloat16;
  for (std::uint64_t block = 0; block < op.grid().count(); ++block) {
    const float max =
        std::bit_cast<float>(0x3F800000u | static_cast<std::uint32_t>(rng.Below(128) << 16));
    std::optional<std::uint32_t> weight;
    float bits = 0;
    for (int tries = 0; tries < 10'000 && !weight; ++tries) {
      bits = 2.0F + static_cast<float>(rng.Below(1 << 20)) * 0x1p-18F;
      weight = WeightNearTie(max * static_cast<float>(std::exp2(1.0 - double{bits})), max);
    }
    if (!weight) continue;
    c.inputs[1].Set(block, std::bit_cast<std::uint32_t>(bits));
    const auto extent = op.grid().ExtentOf(block);
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const std::uint64_t at = row * cols + col;
        c.inputs[0].Set(at, is_bfloat16 ? *weight : formats::Code{*weight} << 16);
      }
    }
    c.inputs[0].Set(extent.row_begin * cols + extent.col_begin,
                    std::bit_cast<std::uint32_t>(max) >> (is_bfloat16 ? 16 : 0));
  }
  return c;
}

std::vector<Case> MakeCases(Operation op) {
  reference::Rng rng(kSeed);
  std::vector<Case> cases;
  const bool has_stride = HasKey(op);
  for (const auto& [rows, cols] : {std::pair<std::uint64_t, std::uint64_t>{1, 1},
                                   {1, 7},
                                   {5, 70},
                                   {32, 32},
                                   {33, 64},
                                   {64, 96},
                                   {3, 1024}}) {
    for (int repeat = 0; repeat < (has_stride ? 8 : 4); ++repeat) {
      op.shape = {.rows = rows, .cols = cols};
      op.key = {};
      if (has_stride) {
        op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = 0};
        if (repeat == 1) op.key.offset = kCarry - cols / 2;
        if (repeat == 2) op.key.offset = rng.Next() >> 1;
        // Offsets and strides that are multiples of some powers of two and not of others: kernels
        // choose their path by that.
        if (repeat >= 3) op.key.offset = (rng.Next() >> 1) << (repeat - 2) << rng.Below(2) >> 1;
        if (repeat == 2 || repeat == 3) op.shape.index_stride = cols + 13;
        if (repeat >= 4) op.shape.index_stride = (cols + 1 + rng.Below(3)) << (repeat - 3);
      }
      op.pow2 = rng.OneIn(2);
      op.bits_per_block = rng.OneIn(2);
      op.rule = static_cast<formats::ScaleRule>(rng.Below(formats::kScaleRules.size()));
      if (op.block_format.has_tensor_scale) op.rule = {};
      if (!formats::ValidateOperation(op).ok()) continue;
      cases.push_back(reference::RandomCase(op, rng));
    }
  }
  AddPlantedMaxima(op, rng, cases);
  if (op.kind == OpKind::kSample && op.to == formats::kBfloat16) {
    op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = 0};
    cases.push_back(WithNearTies(op, 32, 32 * 64, rng));
    cases.push_back(WithNearTies(op, 31, 31 * 64, rng));
  }
  op.shape = {.rows = 1, .cols = kLongRow};
  op.key = {};
  if (op.kind == OpKind::kNoise) {
    op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = kCarry - 64};
    cases.push_back({.op = op, .inputs = {}});
  }
  if (op.kind == OpKind::kCast) {
    // Every edge in every place of a vector of eight, and many short tails.
    std::vector<formats::Code> codes = reference::RoundingEdges(op.from, op.to);
    for (std::size_t i = 0; i < std::min<std::size_t>(codes.size(), 8000); ++i) {
      std::swap(codes[i], codes[i + rng.Below(codes.size() - i)]);
    }
    codes.resize(std::min<std::size_t>(codes.size(), 8000));
    std::vector<formats::Code> repeated;
    for (const formats::Code code : codes) repeated.insert(repeated.end(), 8, code);
    cases.push_back(WithCodes(op, repeated, rng));
    for (int tail = 0; tail < 200; ++tail) {
      std::vector<formats::Code> few(1 + rng.Below(7));
      for (formats::Code& code : few) {
        code = rng.OneIn(2) ? rng.Pick(codes) : reference::WeightedCodeNear(op.from, op.to, rng);
      }
      cases.push_back(WithCodes(op, few, rng));
    }
  }
  return cases;
}

}  // namespace

base::Result<KernelSuite> KernelSuite::Make(const Operation& op, bool plain, std::string_view text,
                                            const std::string& file) {
  KernelSuite suite;
  suite.kernel_ = gpu::FindKernel(op, plain);
  if (suite.kernel_ == nullptr) {
    return base::UsageError("there is no CUDA kernel for " + OperationName(op));
  }
  const auto truth = reference::MakeReferenceBackend();
  bool has_loop = false;
  for (const gpu::Launch& launch : suite.kernel_->launches) has_loop |= launch.max_grid != 0;
  for (Case& c : MakeCases(op)) {
    auto expected = formats::RunCase(*truth, c);
    if (!expected.ok()) return expected.error();
    // Loops over the grid go round only where the grid is small for the shape.
    for (const std::uint32_t limit : {0u, 1u, 2u}) {
      if (limit != 0 && !(has_loop && c.op.shape.count() > 2000)) continue;
      suite.cases_.push_back({.c = c, .grid_limit = limit, .expected = *expected});
    }
  }
  std::ranges::stable_sort(suite.cases_, {},
                           [](const SuiteCase& one) { return one.c.op.shape.count(); });
  std::atomic<std::uint64_t> most = 0;
  const auto machine = gpu::MakeSimulatorMachine(
      {.launch = {},
       .races_are_faults = true,
       .observer = [&](const gpu::KernelLaunch&, const gpu::ptx::RunReport& report) {
         most = std::max(most.load(), report.warp_instructions);
       }});
  const Discovery own = suite.RunCases(*machine, text, file);
  if (own.fate != Fate::kSurvived) {
    return base::Error{.exit_code = base::ExitCode::kMismatch,
                       .message = "the kernel itself is wrong: " + own.note,
                       .file = file};
  }
  // A mutant may take longer than the original, but not without end.
  suite.instruction_budget_ = 4 * most + 10'000;
  return suite;
}

std::uint64_t KernelSuite::element_count() const {
  std::uint64_t count = 0;
  for (const SuiteCase& one : cases_) count += one.c.op.shape.count();
  return count;
}

Discovery KernelSuite::Try(std::string_view text, const std::string& file) const {
  const auto machine = gpu::MakeSimulatorMachine(
      {.launch = {.check_races = true, .instruction_budget = instruction_budget_},
       .races_are_faults = true,
       .observer = {}});
  return RunCases(*machine, text, file);
}

bool KernelSuite::Reaches(std::string_view text, int line) const {
  std::size_t begin = 0;
  for (int i = 1; i < line; ++i) begin = text.find('\n', begin) + 1;
  std::string trapped(text);
  trapped.insert(begin, "trap; ");
  return Try(trapped, "trapped").fate == Fate::kFault;
}

Discovery KernelSuite::RunCases(gpu::Machine& machine, std::string_view text,
                                const std::string& file) const {
  const auto module = machine.Load(text, file);
  if (!module.ok()) return {.fate = Fate::kFault, .note = module.error().ToString()};
  for (const SuiteCase& one : cases_) {
    std::vector<Tensor> got;
    std::vector<formats::ConstBuffer> inputs;
    std::vector<formats::Buffer> outputs;
    for (const Tensor& input : one.c.inputs) inputs.push_back(input.view());
    for (const formats::Port& port : SignatureOf(one.c.op).outputs) {
      got.emplace_back(port.type, port.count);
    }
    for (Tensor& output : got) outputs.push_back(output.view());
    std::vector<gpu::KernelLaunch> launches = gpu::ResolveLaunches(*kernel_, one.c.op);
    for (std::size_t i = 0; i < launches.size(); ++i) {
      if (one.grid_limit != 0 && kernel_->launches[i].max_grid != 0) {
        launches[i].grid[0] = std::min(launches[i].grid[0], one.grid_limit);
      }
    }
    const base::Status ran =
        (*module)->Run(launches, gpu::KernelBuffers(one.c.op, inputs, outputs));
    if (!ran.ok()) return {.fate = Fate::kFault, .note = ran.error().message};
    const reference::Comparison comparison = reference::CompareOutputs(one.c, one.expected, got);
    if (!comparison.ok()) {
      return {.fate = Fate::kWrongBits,
              .note = MismatchText(*comparison.first) + " in " + OperationName(one.c.op)};
    }
  }
  return {};
}

}  // namespace ulproof::cli
