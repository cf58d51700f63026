// SPDX-License-Identifier: Apache-2.0
#include "gpu/kernels/registry.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace ulproof::gpu {
namespace {

using formats::BlockFormat;
using formats::Estimator;
using formats::FitRule;
using formats::FormatName;
using formats::FormatSpec;
using formats::Levels;
using formats::NoiseLaw;
using formats::NoiseLawName;
using formats::NoisePacking;
using formats::Operation;
using formats::OpKind;
using formats::Overflow;
using formats::OverflowName;
using formats::Rounding;
using formats::RoundingMode;
using formats::RoundingName;
using formats::ScaleRule;
using Role = ArgumentRole;

constexpr std::uint32_t kThreads = 256;
constexpr std::uint32_t kWarps = kThreads / 32;
// Grid-stride kernels: enough blocks to fill any present device several times over.
constexpr std::uint32_t kPersistentGrid = 8192;

const std::vector<Argument> kShape = {{Role::kRows}, {Role::kCols}, {Role::kIndexStride}};
const std::vector<Argument> kKey = {{Role::kSeed}, {Role::kStream}, {Role::kOffset}};

std::vector<Argument> operator+(std::vector<Argument> a, const std::vector<Argument>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// One row of the table: both versions of a kernel, which differ in name and launch shape only.
struct Row {
  std::string name;
  std::string module;
  Operation prototype;
  std::vector<Argument> arguments;
  Launch plain, fast;  // Entry and arguments are filled in.
};

void Add(std::vector<Kernel>& kernels, const Row& row) {
  for (const bool plain : {true, false}) {
    Launch launch = plain ? row.plain : row.fast;
    launch.entry = row.name + (plain ? "_plain" : "");
    launch.arguments = row.arguments;
    kernels.push_back({launch.entry, row.module, plain, row.prototype, {launch}});
  }
}

Launch Shaped(WorkUnit unit, std::uint32_t units_a_block, std::uint32_t max_grid = 0) {
  return {.entry = {},
          .arguments = {},
          .unit = unit,
          .units_a_block = units_a_block,
          .threads_a_block = kThreads,
          .max_grid = max_grid};
}

void AddNoise(std::vector<Kernel>& kernels) {
  const std::vector<Argument> arguments = std::vector<Argument>{{Role::kOutput, 0}} + kShape + kKey;
  for (const NoiseLaw law : {NoiseLaw::kRg16, NoiseLaw::kRg32, NoiseLaw::kRgbits}) {
    for (const NoisePacking packing : {NoisePacking::kInt8, NoisePacking::kNibbles}) {
      const bool nibbles = packing == NoisePacking::kNibbles;
      Add(kernels, {"noise_" + std::string(NoiseLawName(law)) + (nibbles ? "_nibbles" : "_int8"),
                    "noise",
                    {.kind = OpKind::kNoise, .law = law, .packing = packing},
                    arguments,
                    Shaped(WorkUnit::kElement, nibbles ? 8 * kThreads : kThreads),
                    Shaped(WorkUnit::kElement, (nibbles ? 32 : 16) * kThreads, kPersistentGrid)});
    }
  }
  for (const auto& [entry, law] : {std::pair{"noise_boxmuller_int8", NoiseLaw::kBoxMuller},
                                   std::pair{"noise_uniform", NoiseLaw::kUniform}}) {
    Launch launch = Shaped(WorkUnit::kElement, kThreads, kPersistentGrid);
    launch.entry = entry;
    launch.arguments = arguments;
    kernels.push_back({entry, "noise", false, {.kind = OpKind::kNoise, .law = law}, {launch}});
  }
}

void AddSample(std::vector<Kernel>& kernels, const FormatSpec& from, const FormatSpec& to,
               Overflow overflow, NoiseLaw law) {
  Add(kernels, {"sample_" + FormatName(from) + "_" + FormatName(to) + "_rne_" +
                    std::string(OverflowName(overflow)) + "_" + std::string(NoiseLawName(law)),
                "sample",
                {.kind = OpKind::kSample, .from = from, .to = to, .overflow = overflow, .law = law},
                std::vector<Argument>{{Role::kInput, 0}, {Role::kInput, 1}, {Role::kOutput, 0}} +
                    kShape + std::vector<Argument>{{Role::kBitsPerBlock}, {Role::kPow2}} + kKey,
                Shaped(WorkUnit::kElement, kThreads),
                Shaped(WorkUnit::kBlock, kWarps, kPersistentGrid)});
}

void AddBackward(std::vector<Kernel>& kernels, const FormatSpec& from, NoiseLaw law) {
  Add(kernels, {"backward_" + FormatName(from) + "_" + std::string(NoiseLawName(law)),
                "backward",
                {.kind = OpKind::kBackward, .from = from, .law = law},
                std::vector<Argument>{{Role::kInput, 0}, {Role::kInput, 1}, {Role::kOutput, 0}} +
                    kShape + kKey,
                Shaped(WorkUnit::kBlock, kWarps),
                Shaped(WorkUnit::kBlock, kWarps, kPersistentGrid)});
}

void AddCast(std::vector<Kernel>& kernels, const FormatSpec& from, const FormatSpec& to,
             const Rounding& rounding, Overflow overflow) {
  Add(kernels,
      {"cast_" + FormatName(from) + "_" + FormatName(to) + "_" + RoundingName(rounding) + "_" +
           std::string(OverflowName(overflow)),
       "cast",
       {.kind = OpKind::kCast, .from = from, .to = to, .rounding = rounding, .overflow = overflow},
       std::vector<Argument>{{Role::kInput, 0}, {Role::kOutput, 0}} + kShape + kKey,
       Shaped(WorkUnit::kElement, kThreads),
       Shaped(WorkUnit::kElement, 8 * kThreads, kPersistentGrid)});
}

void AddCasts(std::vector<Kernel>& kernels) {
  using formats::kBfloat16, formats::kFloat32, formats::kFloat4E2m1fn, formats::kFloat6E2m3fn,
      formats::kFloat6E3m2fn, formats::kFloat8E4m3fn, formats::kFloat8E5m2;
  const Rounding rne, sra16{RoundingMode::kStochasticA, 16};
  AddCast(kernels, kFloat32, kBfloat16, rne, Overflow::kIeee);
  AddCast(kernels, kFloat32, kFloat8E4m3fn, rne, Overflow::kIeee);
  AddCast(kernels, kFloat32, kFloat8E5m2, rne, Overflow::kIeee);
  for (const FormatSpec& to :
       {kFloat8E4m3fn, kFloat8E5m2, kFloat6E3m2fn, kFloat6E2m3fn, kFloat4E2m1fn}) {
    AddCast(kernels, kFloat32, to, rne, Overflow::kSaturate);
  }
  for (const FormatSpec& to : {kFloat8E4m3fn, kFloat6E3m2fn, kFloat4E2m1fn}) {
    AddCast(kernels, kBfloat16, to, rne, Overflow::kSaturate);
  }
  AddCast(kernels, kFloat32, kBfloat16, sra16, Overflow::kIeee);
  for (const FormatSpec& to : {kFloat8E4m3fn, kFloat8E5m2, kFloat6E3m2fn, kFloat4E2m1fn}) {
    AddCast(kernels, kFloat32, to, sra16, Overflow::kSaturate);
  }
}

void AddBlockMaxAndScale(std::vector<Kernel>& kernels) {
  for (const FormatSpec& from : {formats::kBfloat16, formats::kFloat32}) {
    Add(kernels, {"block_max_" + FormatName(from),
                  "block_max",
                  {.kind = OpKind::kBlockMax, .from = from},
                  {{Role::kInput, 0}, {Role::kOutput, 0}, {Role::kRows}, {Role::kCols}},
                  Shaped(WorkUnit::kBlock, kThreads),
                  Shaped(WorkUnit::kBlock, kWarps, kPersistentGrid)});
  }
  Launch scale = Shaped(WorkUnit::kElement, kThreads);
  scale.entry = "scale_float32";
  scale.arguments = {{Role::kInput, 0}, {Role::kInput, 1},     {Role::kOutput, 0},
                     {Role::kCount},    {Role::kBitsPerBlock}, {Role::kPow2}};
  kernels.push_back({scale.entry, "block_max", false, {.kind = OpKind::kScale}, {scale}});
}

void AddQuantize(std::vector<Kernel>& kernels) {
  for (const BlockFormat& format : formats::kBlockFormats) {
    for (const FormatSpec& from : {formats::kBfloat16, formats::kFloat32}) {
      const std::string name = "quantize_" + FormatName(from) + "_" + std::string(format.name);
      const Operation prototype = {.kind = OpKind::kQuantize, .from = from, .block_format = format};
      Launch launch = Shaped(WorkUnit::kGroup, kThreads);
      launch.entry = name;
      launch.arguments = {{Role::kInput, 0}, {Role::kOutput, 0}, {Role::kOutput, 1}};
      if (format.has_tensor_scale) {
        launch.arguments = launch.arguments + std::vector<Argument>{{Role::kOutput, 2},
                                                                    {Role::kScratch, 0},
                                                                    {Role::kRows},
                                                                    {Role::kCols}};
        Launch maximum = Shaped(WorkUnit::kElement, kThreads, 256);
        maximum.entry = name + "_max";
        maximum.arguments = {{Role::kInput, 0}, {Role::kScratch, 0}, {Role::kCount}};
        kernels.push_back({name, "block_quantize", false, prototype, {maximum, launch}});
        continue;
      }
      launch.arguments =
          launch.arguments + std::vector<Argument>{{Role::kRows}, {Role::kCols}, {Role::kRule}};
      kernels.push_back({name, "block_quantize", false, prototype, {launch}});
      if (from == formats::kBfloat16) {
        launch.entry += "_plain";
        kernels.push_back({launch.entry, "block_quantize", true, prototype, {launch}});
      }
    }
  }
}

// The best of neighbouring scales, for the 4-bit formats.
void AddBestScale(std::vector<Kernel>& kernels, const BlockFormat& format) {
  for (const FormatSpec& from : {formats::kBfloat16, formats::kFloat32}) {
    const std::string name =
        "quantize_" + FormatName(from) + "_" + std::string(format.name) + "_best";
    const Operation prototype = {
        .kind = OpKind::kQuantize, .from = from, .block_format = format, .rule = ScaleRule::kBest};
    for (const bool plain : {true, false}) {
      if (plain && from != formats::kBfloat16) continue;
      std::vector<Launch> launches;
      Launch launch = Shaped(WorkUnit::kGroup, kThreads);
      launch.entry = name + (plain ? "_plain" : "");
      launch.arguments = {{Role::kInput, 0}, {Role::kOutput, 0}, {Role::kOutput, 1}};
      if (format.has_tensor_scale) {
        Launch maximum = Shaped(WorkUnit::kElement, kThreads, 256);
        maximum.entry = name + "_max";
        maximum.arguments = {{Role::kInput, 0}, {Role::kScratch, 0}, {Role::kCount}};
        launches.push_back(maximum);
        launch.arguments =
            launch.arguments + std::vector<Argument>{{Role::kOutput, 2}, {Role::kScratch, 0}};
      }
      launch.arguments = launch.arguments + std::vector<Argument>{{Role::kRows}, {Role::kCols}};
      launches.push_back(launch);
      kernels.push_back({launch.entry, "best_scale", plain, prototype, launches});
    }
  }
}

// --- Contract section 14 -----------------------------------------------------------------------

const std::vector<Argument> kBlocks = {
    {Role::kRows}, {Role::kCols}, {Role::kBlockRows}, {Role::kBlockCols}};
const std::vector<Argument> kShapeAndBlocks =
    kShape + std::vector<Argument>{{Role::kBlockRows}, {Role::kBlockCols}};
const std::vector<Argument> kEnds = {{Role::kLowest}, {Role::kHighest}};

std::vector<Argument> Ports(int inputs, int outputs) {
  std::vector<Argument> arguments;
  for (int i = 0; i < inputs; ++i) arguments.push_back({Role::kInput, i});
  for (int i = 0; i < outputs; ++i) arguments.push_back({Role::kOutput, i});
  return arguments;
}

// One warp a block, or one for 32 rows.
const Launch kWarpABlock = Shaped(WorkUnit::kBlock, kWarps);
const Launch kWarpABatch = Shaped(WorkUnit::kRowBatch, kWarps, kPersistentGrid);

// The kernels for integers have their ends as arguments.
constexpr Levels kAnyIntegers = {};
Levels LevelsOf(const FormatSpec& format) {
  return {.kind = Levels::Kind::kFormat, .low = 0, .high = 0, .format = format};
}
std::string LevelsId(const Levels& levels) {
  return levels.kind == Levels::Kind::kFormat ? FormatName(levels.format) : "int";
}

void AddFit(std::vector<Kernel>& kernels, const FormatSpec& from) {
  const auto add = [&](FitRule rule, int inputs, const std::vector<Argument>& rest) {
    Add(kernels, {"fit_" + std::string(FitRuleName(rule)) + "_" + FormatName(from),
                  "fit",
                  {.kind = OpKind::kFit, .from = from, .fit = rule},
                  Ports(inputs, 2) + kBlocks + rest,
                  kWarpABlock,
                  kWarpABatch});
  };
  add(FitRule::kMinmax, 1, {{Role::kHalfWidth}});
  add(FitRule::kRange, 1, {{Role::kWidth}, {Role::kLowest}});
  add(FitRule::kBits, 2, {{Role::kBitsPerBlock}});
  add(FitRule::kSigma, 2, {{Role::kHalfWidth}, {Role::kMeanZero}});
}

void AddRefit(std::vector<Kernel>& kernels, const FormatSpec& from, const Levels& levels) {
  Add(kernels, {"refit_" + FormatName(from) + "_" + LevelsId(levels),
                "refit",
                {.kind = OpKind::kRefit, .from = from, .levels = levels},
                Ports(3, 2) + kBlocks + kEnds + std::vector<Argument>{{Role::kMeanZero}},
                kWarpABlock,
                kWarpABatch});
}

void AddFakeQuantize(std::vector<Kernel>& kernels, const FormatSpec& from, const Levels& levels) {
  Add(kernels, {"fake_quantize_" + FormatName(from) + "_" + LevelsId(levels),
                "fake_quantize",
                {.kind = OpKind::kFakeQuantize, .from = from, .levels = levels},
                Ports(3, 1) + kBlocks + kEnds,
                Shaped(WorkUnit::kElement, kThreads),
                Shaped(WorkUnit::kElement, 8 * kThreads, kPersistentGrid)});
}

void AddFakeBackward(std::vector<Kernel>& kernels, const FormatSpec& from, const Levels& levels,
                     Estimator estimator) {
  Add(kernels,
      {"fake_backward_" + FormatName(from) + "_" + LevelsId(levels) + "_" +
           std::string(EstimatorName(estimator)),
       "fake_backward",
       {.kind = OpKind::kFakeBackward, .from = from, .levels = levels, .estimator = estimator},
       Ports(4, 2) + kShapeAndBlocks + kEnds + kKey,
       kWarpABlock,
       kWarpABatch});
}

void AddPerturb(std::vector<Kernel>& kernels, const FormatSpec& from, NoiseLaw law) {
  Add(kernels, {"perturb_" + FormatName(from) + "_" + std::string(NoiseLawName(law)),
                "perturb",
                {.kind = OpKind::kPerturb, .from = from, .law = law},
                Ports(3, 1) + kShapeAndBlocks + kKey,
                Shaped(WorkUnit::kElement, kThreads),
                Shaped(WorkUnit::kElement, 8 * kThreads, kPersistentGrid)});
}

void AddFitted(std::vector<Kernel>& kernels) {
  using formats::kBfloat16, formats::kFloat32;
  const Levels e2m1 = LevelsOf(formats::kFloat4E2m1fn), e4m3 = LevelsOf(formats::kFloat8E4m3fn);
  for (const FormatSpec& from : {kBfloat16, kFloat32}) {
    AddFit(kernels, from);
    AddRefit(kernels, from, kAnyIntegers);
    for (const Levels& levels : {kAnyIntegers, e2m1, e4m3}) AddFakeQuantize(kernels, from, levels);
    AddFakeBackward(kernels, from, kAnyIntegers, Estimator::kLsq);
    AddFakeBackward(kernels, from, kAnyIntegers, Estimator::kGdnsq);
    AddPerturb(kernels, from, NoiseLaw::kUniform);
  }
  AddRefit(kernels, kBfloat16, e2m1);
  AddFakeBackward(kernels, kBfloat16, kAnyIntegers, Estimator::kAewgs);
  AddFakeBackward(kernels, kBfloat16, e2m1, Estimator::kLsq);
  AddPerturb(kernels, kBfloat16, NoiseLaw::kRg16);
}

std::vector<Kernel> MakeKernels() {
  using formats::kBfloat16, formats::kFloat32;
  std::vector<Kernel> kernels;
  AddNoise(kernels);
  AddBlockMaxAndScale(kernels);
  for (const NoiseLaw law : {NoiseLaw::kRg16, NoiseLaw::kRg32, NoiseLaw::kRgbits}) {
    AddSample(kernels, kBfloat16, kBfloat16, Overflow::kIeee, law);
  }
  AddSample(kernels, kFloat32, kBfloat16, Overflow::kIeee, NoiseLaw::kRg16);
  for (const FormatSpec& to :
       {formats::kFloat8E4m3fn, formats::kFloat6E3m2fn, formats::kFloat4E2m1fn}) {
    AddSample(kernels, kBfloat16, to, Overflow::kSaturate, NoiseLaw::kRg16);
  }
  AddBackward(kernels, kFloat32, NoiseLaw::kRg16);
  AddBackward(kernels, kBfloat16, NoiseLaw::kRg16);
  AddBackward(kernels, kBfloat16, NoiseLaw::kRgbits);
  AddCasts(kernels);
  AddQuantize(kernels);
  for (const BlockFormat& format : formats::kBlockFormats) {
    if (format.element_bits == 4) AddBestScale(kernels, format);
  }
  AddFitted(kernels);
  return kernels;
}

// The operation with everything that kernels take as arguments set to its default: what has to
// match.
Operation WithoutArguments(Operation op) {
  op.shape = {};
  op.key = {};
  op.bits_per_block = false;
  op.pow2 = false;
  if (op.rule != ScaleRule::kBest) op.rule = {};  // That one has kernels of its own.
  if (op.kind < OpKind::kFit) return op;
  op.block = {};
  op.mean_zero = false;
  // A fit knows of its levels what the arguments say.
  if (op.kind == OpKind::kFit || op.levels.kind != Levels::Kind::kFormat) op.levels = {};
  return op;
}

// The bits of a binary32 argument.
std::uint64_t Bits(float x) { return std::bit_cast<std::uint32_t>(x); }

std::uint64_t CeilDiv(std::uint64_t a, std::uint64_t b) { return a / b + (a % b != 0); }

std::uint64_t WorkUnits(WorkUnit unit, const Operation& op) {
  switch (unit) {
    case WorkUnit::kElement:
      return op.shape.count();
    case WorkUnit::kBlock:
      return op.grid().count();
    case WorkUnit::kGroup:
      return op.scale_grid().count();
    case WorkUnit::kRowBatch:
      return op.block.rows == 1 ? CeilDiv(op.grid().count(), 32) : op.grid().count();
  }
  ULPROOF_CHECK(false, "an unknown unit of work");
  return 0;
}

}  // namespace

const std::vector<Kernel>& Kernels() {
  static const std::vector<Kernel> kernels = MakeKernels();
  return kernels;
}

const Kernel* FindKernel(const Operation& op, bool plain) {
  // Compared by spelling, which holds exactly the fields that mean something for the kind.
  const std::string wanted = OperationName(WithoutArguments(op));
  const auto found = std::ranges::find_if(Kernels(), [&](const Kernel& kernel) {
    return kernel.plain == plain && OperationName(kernel.prototype) == wanted;
  });
  return found == Kernels().end() ? nullptr : &*found;
}

std::uint64_t GridSize(const Launch& launch, const Operation& op) {
  const std::uint64_t grid = CeilDiv(WorkUnits(launch.unit, op), launch.units_a_block);
  return launch.max_grid == 0 ? grid : std::min<std::uint64_t>(grid, launch.max_grid);
}

std::uint64_t ScalarArgument(ArgumentRole role, const Operation& op) {
  switch (role) {
    case Role::kRows:
      return op.shape.rows;
    case Role::kCols:
      return op.shape.cols;
    case Role::kCount:
      return op.shape.count();
    case Role::kIndexStride:
      return op.shape.stride();
    case Role::kBitsPerBlock:
      return op.bits_per_block;
    case Role::kPow2:
      return op.pow2;
    case Role::kRule:
      return static_cast<std::uint64_t>(op.rule);
    case Role::kBlockRows:
      return op.block.rows;
    case Role::kBlockCols:
      return op.block.cols;
    case Role::kLowest:
      return Bits(LowestLevel(op.levels));
    case Role::kHighest:
      return Bits(HighestLevel(op.levels));
    case Role::kWidth:
      return Bits(LevelsWidth(op.levels));
    case Role::kHalfWidth:
      return Bits(LevelsWidth(op.levels) / 2);
    case Role::kMeanZero:
      return op.mean_zero;
    case Role::kSeed:
      return op.key.seed;
    case Role::kStream:
      return op.key.stream;
    case Role::kOffset:
      return op.key.offset;
    case Role::kInput:
    case Role::kOutput:
    case Role::kScratch:
      break;
  }
  ULPROOF_CHECK(false, "an address is not a scalar argument");
  return 0;
}

int ArgumentBytes(ArgumentRole role) {
  switch (role) {
    case Role::kBitsPerBlock:
    case Role::kPow2:
    case Role::kRule:
    case Role::kBlockRows:
    case Role::kBlockCols:
    case Role::kLowest:
    case Role::kHighest:
    case Role::kWidth:
    case Role::kHalfWidth:
    case Role::kMeanZero:
      return 4;
    default:
      return 8;
  }
}

}  // namespace ulproof::gpu
