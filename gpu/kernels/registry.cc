// SPDX-License-Identifier: Apache-2.0
#include "gpu/kernels/registry.h"

#include <algorithm>

#include "base/check.h"

namespace ulproof::gpu {
namespace {

using formats::BlockFormat;
using formats::FormatName;
using formats::FormatSpec;
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
                Shaped(WorkUnit::kBlock32, kWarps, kPersistentGrid)});
}

void AddBackward(std::vector<Kernel>& kernels, const FormatSpec& from, NoiseLaw law) {
  Add(kernels, {"backward_" + FormatName(from) + "_" + std::string(NoiseLawName(law)),
                "backward",
                {.kind = OpKind::kBackward, .from = from, .law = law},
                std::vector<Argument>{{Role::kInput, 0}, {Role::kInput, 1}, {Role::kOutput, 0}} +
                    kShape + kKey,
                Shaped(WorkUnit::kBlock32, kWarps),
                Shaped(WorkUnit::kBlock32, kWarps, kPersistentGrid)});
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
                  Shaped(WorkUnit::kBlock32, kThreads),
                  Shaped(WorkUnit::kBlock32, kWarps, kPersistentGrid)});
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
  return kernels;
}

// The operation with everything that kernels take as arguments set to its default: what has to
// match.
Operation WithoutArguments(Operation op) {
  op.shape = {};
  op.key = {};
  op.bits_per_block = false;
  op.pow2 = false;
  if (op.rule != formats::ScaleRule::kBest)
    op.rule = {};  // The kernels know the four public rules.
  return op;
}

std::uint64_t CeilDiv(std::uint64_t a, std::uint64_t b) { return a / b + (a % b != 0); }

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
  const formats::BlockGrid blocks = {op.shape, {}};
  const std::uint64_t units = launch.unit == WorkUnit::kElement   ? op.shape.count()
                              : launch.unit == WorkUnit::kBlock32 ? blocks.count()
                                                                  : op.scale_grid().count();
  const std::uint64_t grid = CeilDiv(units, launch.units_a_block);
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
  return role == Role::kBitsPerBlock || role == Role::kPow2 || role == Role::kRule ? 4 : 8;
}

}  // namespace ulproof::gpu
