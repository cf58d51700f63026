// SPDX-License-Identifier: Apache-2.0
#include "cli/mutation_suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
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
// Cases of these sizes also run on tensors that begin in the middle of a vector.
constexpr std::uint64_t kLeastMisaligned = 1024, kMostMisaligned = 8192;
// A mutant is slower when it takes so much of the kernel's own instructions more.
constexpr std::uint64_t kMoreInstructionsOneIn = 50;
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
  // Loops over rows are unrolled: every number of rows up to a few steps, aligned or not.
  for (const std::uint64_t rows : {1, 2, 3, 4, 5, 6, 7, 8}) {
    cases.push_back(WithPlantedMaxima(op, rows, 32 * 32 * rows + 7, rng));
    cases.push_back(WithPlantedMaxima(op, rows, 32 * 32 * rows + 8, rng));
  }
  cases.push_back(WithPlantedMaxima(op, 24, 32 * 32 * 24 + 8, rng));
  cases.push_back(WithPlantedMaxima(op, 31, 32 * 32 * 31 + 7, rng));
  cases.push_back(WithPlantedMaxima(op, 32, 32 * 300 + 1, rng));  // Whole blocks, not aligned.
  cases.push_back(WithPlantedMaxima(op, 70, 33 * 32 + 5, rng));
}

// Fills block after block of a case with the codes of binary32 numbers that bfloat16 has.
template <typename Fill>  // float (block, place in it)
void FillBlocks(Case& c, const Fill& fill) {
  const int shift = 32 - 8 * c.inputs[0].type().bytes();
  for (std::uint64_t block = 0; block < c.op.grid().count(); ++block) {
    const auto extent = c.op.grid().ExtentOf(block);
    std::uint64_t place = 0;
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(fill(block, place++)));
        c.inputs[0].Set(row * c.op.shape.cols + col, bits >> shift);
      }
    }
  }
}

float Bfloat16(std::uint64_t code) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(code) << 16);
}

// A bfloat16 weight w for which the low half of RN32(w + s) is `low`: a midpoint of bfloat16 where
// RN32(w + s) is not w + s, or beside one. There a last bit that is lost or rounded otherwise
// shows. Nothing: this s has none. binary64 holds every sum here.
std::optional<float> WeightNearTie(float s, float max, std::uint32_t low) {
  for (std::uint32_t code = std::bit_cast<std::uint32_t>(s) >> 16;
       code < std::bit_cast<std::uint32_t>(max) >> 16; ++code) {
    const float w = Bfloat16(code);
    const float t = w + s;
    if ((std::bit_cast<std::uint32_t>(t) & 0xFFFF) == low &&
        (low != 0x8000 || double{t} != double{w} + double{s})) {
      return w;
    }
  }
  return std::nullopt;
}

Case SampleCase(Operation op, std::uint64_t rows, std::uint64_t cols, reference::Rng& rng) {
  op.shape = {.rows = rows, .cols = cols};
  op.bits_per_block = true;
  op.pow2 = false;
  return reference::RandomCase(op, rng);
}

// Blocks whose bitwidth makes a scale of 24 bits, filled with such a weight: every place of a block
// that draws R = 1 is beside a tie.
Case WithNearTies(const Operation& op, std::uint64_t rows, std::uint64_t cols,
                  reference::Rng& rng) {
  Case c = SampleCase(op, rows, cols, rng);
  std::vector<std::pair<float, float>> fill;  // Of each block: its first element, the others.
  for (std::uint64_t block = 0; block < c.op.grid().count(); ++block) {
    const float max = Bfloat16(0x3F80 + rng.Below(128));
    const std::uint32_t low = block % 3 == 0 ? 0x8001 : block % 3 == 1 ? 0x7FFF : 0x8000;
    std::optional<float> weight;
    float bits = 0;
    for (int tries = 0; tries < 10'000 && !weight; ++tries) {
      bits = 2.0F + static_cast<float>(rng.Below(1 << 20)) * 0x1p-18F;
      weight = WeightNearTie(max * static_cast<float>(std::exp2(1.0 - double{bits})), max, low);
    }
    c.inputs[1].Set(block, std::bit_cast<std::uint32_t>(bits));
    fill.emplace_back(max, weight.value_or(max));
  }
  FillBlocks(c, [&](std::uint64_t block, std::uint64_t place) {
    return place == 0 ? fill[block].first : fill[block].second;
  });
  return c;
}

// Sums at the end of bfloat16's range: the largest weight and a scale of about half its last place,
// so that a sum rounds to it, is just below the midpoint to infinity, or rounds beyond; and scales
// with which sums overflow beside weights that stay.
Case AtTheTop(const Operation& op, std::uint64_t rows, std::uint64_t cols, reference::Rng& rng) {
  Case c = SampleCase(op, rows, cols, rng);
  const float max = Bfloat16(0x7F7F);
  std::vector<float> bitwidths = {1.0F, 2.0F, 9.0F, 9.5F, 10.0F};
  for (std::uint32_t code = std::bit_cast<std::uint32_t>(9.99F); bitwidths.size() < 8; ++code) {
    const float bits = std::bit_cast<float>(code);
    const float t = max + max * static_cast<float>(std::exp2(1.0 - double{bits}));
    const std::uint32_t low = std::bit_cast<std::uint32_t>(t) & 0xFFFF;
    if (low == 0x7FFF || bits > 10.0F) bitwidths.push_back(bits);
  }
  for (std::uint64_t block = 0; block < c.op.grid().count(); ++block) {
    c.inputs[1].Set(block, std::bit_cast<std::uint32_t>(bitwidths[block % bitwidths.size()]));
  }
  FillBlocks(c, [&](std::uint64_t, std::uint64_t) { return rng.OneIn(2) ? max : -max; });
  return c;
}

// One infinity a block, anywhere: the others become infinite where R is not zero, else NaN.
Case WithInfinities(const Operation& op, std::uint64_t rows, std::uint64_t cols,
                    reference::Rng& rng) {
  Case c = SampleCase(op, rows, cols, rng);
  FillBlocks(c, [&](std::uint64_t block, std::uint64_t place) {
    return place == 37 * block % 32 ? Bfloat16(0x7F80) : Bfloat16(0x3C00 + rng.Below(512));
  });
  return c;
}

// Subnormal blocks, whose maximum the option pow2 rounds by another rule.
Case WithSubnormals(const Operation& op, std::uint64_t rows, std::uint64_t cols,
                    reference::Rng& rng) {
  Case c = SampleCase(op, rows, cols, rng);
  c.op.pow2 = true;
  for (std::uint64_t i = 0; i < c.inputs[1].count(); ++i) c.inputs[1].Set(i, 0x3F800000);
  FillBlocks(c, [&](std::uint64_t block, std::uint64_t place) {
    return Bfloat16(place == 0 ? 1 + block % 127 : rng.Below(1 + block % 127));
  });
  return c;
}

// Short rows and rows with a short tail: what is done element by element, with every special value
// in every place.
void AddTails(const Operation& op, const std::vector<formats::Code>& edges, reference::Rng& rng,
              std::vector<Case>& cases) {
  constexpr int kRepeats = 150;
  constexpr std::uint64_t kShort = 16;
  const auto draw = [&]() -> formats::Code {
    switch (rng.Below(5)) {
      case 0: {
        const auto specials = std::to_array<formats::Code>(
            {op.from.infinity_code(), op.from.canonical_nan_code(), op.from.max_finite_code(), 0});
        return rng.Pick(specials) | (rng.OneIn(2) ? op.from.sign_mask() : 0);
      }
      case 1:
        return rng.Pick(edges);
      case 2:  // Further from an edge, by one bit.
      case 3:
        return rng.Pick(edges) ^ (formats::Code{1} << rng.Below(op.from.trailing_bits));
      default:
        return reference::WeightedCodeNear(op.from, op.to, rng);
    }
  };
  const auto add = [&](std::uint64_t size) {
    std::vector<formats::Code> codes(size);
    for (formats::Code& code : codes) code = draw();
    cases.push_back(WithCodes(op, codes, rng));
  };
  for (std::uint64_t size = 1; size <= kShort; ++size) {
    for (int repeat = 0; repeat < kRepeats; ++repeat) add(size);
  }
  // Tails of a loop's second and third round where the grid is one block of 2048 elements.
  for (const std::uint64_t size : {2049, 2053, 4098, 4102, 6147, 6151}) add(size);
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
                                   {39, 72},
                                   {28, 40},
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
    for (const auto make : {WithNearTies, AtTheTop, WithInfinities, WithSubnormals}) {
      cases.push_back(make(op, 32, 32 * 64, rng));
      cases.push_back(make(op, 31, 31 * 32 + 3, rng));
    }
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
    cases.push_back(WithCodes(op, codes, rng));
    AddTails(op, codes, rng, cases);
  }
  return cases;
}

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

base::Result<KernelSuite> KernelSuite::Make(const Operation& op, bool plain, std::string_view text,
                                            const std::string& file) {
  KernelSuite suite;
  suite.exponents_ = std::make_shared<gpu::SliceTrial>(std::string(text), ExponentsOfBitwidths());
  suite.kernel_ = gpu::FindKernel(op, plain);
  if (suite.kernel_ == nullptr) {
    return base::UsageError("there is no CUDA kernel for " + OperationName(op));
  }
  const auto truth = reference::MakeReferenceBackend();
  for (Case& c : MakeCases(op)) {
    if (base::Status ok = suite.AddCase(*truth, std::move(c)); !ok.ok()) return ok.error();
  }
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
  return suite;
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
        if (taken <= one.warp_instructions + one.warp_instructions / kMoreInstructionsOneIn) return;
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

bool KernelSuite::Reaches(std::string_view text, int line) const {
  std::size_t begin = 0;
  for (int i = 1; i < line; ++i) begin = text.find('\n', begin) + 1;
  std::string trapped(text);
  trapped.insert(begin, "trap; ");
  return Try(trapped, "trapped").fate == Fate::kFault;
}

Discovery KernelSuite::RunCases(const gpu::ptx::LaunchOptions& launch, std::string_view text,
                                const std::string& file,
                                const std::function<void(std::size_t, std::uint64_t)>& sees) const {
  std::uint64_t taken = 0;  // By the launches of one case.
  const auto machine = gpu::MakeSimulatorMachine(
      {.launch = launch,
       .races_are_faults = true,
       .observer = [&](const gpu::KernelLaunch&, const gpu::ptx::RunReport& report) {
         taken += report.warp_instructions;
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
    for (Tensor& output : got) outputs.push_back(output.view());
    std::vector<gpu::KernelLaunch> launches = gpu::ResolveLaunches(*kernel_, one.c.op);
    for (std::size_t i = 0; i < launches.size(); ++i) {
      if (one.grid_limit != 0 && kernel_->launches[i].max_grid != 0) {
        launches[i].grid[0] = std::min(launches[i].grid[0], one.grid_limit);
      }
    }
    std::vector<gpu::KernelBuffer> buffers = gpu::KernelBuffers(one.c.op, inputs, outputs);
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
