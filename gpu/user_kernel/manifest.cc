// SPDX-License-Identifier: Apache-2.0
#include "gpu/user_kernel/manifest.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "gpu/kernels/registry.h"

namespace ulproof::gpu {
namespace {

using base::Result;
using formats::Operation;
using formats::OpKind;

Expression Parsed(const std::string& text) {
  auto expression = Expression::Parse(text, kFieldNames);
  ULPROOF_CHECK(expression.ok(), text);
  return std::move(expression).value();
}

ManifestArgument FieldArgument(Field field, ScalarType type) {
  ManifestArgument argument;
  argument.expression = Parsed(std::string(kFieldNames[static_cast<std::size_t>(field)]));
  argument.type = type;
  argument.place = argument.expression.text();
  return argument;
}

ManifestArgument AddressArgument(ManifestArgument::Kind kind, std::size_t index,
                                 std::string_view place) {
  ManifestArgument argument;
  argument.kind = kind;
  argument.index = index;
  argument.place = place;
  return argument;
}

ManifestArgument NumberArgument(ArgumentRole role, const Operation& op, ScalarType type,
                                std::string_view place) {
  ManifestArgument argument;
  argument.kind = ManifestArgument::Kind::kBits;
  argument.bits = ScalarArgument(role, op);
  argument.type = type;
  argument.place = place;
  return argument;
}

// An argument of our own kernels, whose scratch words become buffers of four bytes.
ManifestArgument FromRegistry(const Argument& argument, const Operation& op,
                              const formats::Signature& signature) {
  const std::size_t index = static_cast<std::size_t>(argument.index);
  const auto field = [&](Field f) {
    return FieldArgument(f,
                         ArgumentBytes(argument.role) == 4 ? ScalarType::kU32 : ScalarType::kU64);
  };
  switch (argument.role) {
    case ArgumentRole::kInput:
      return AddressArgument(ManifestArgument::Kind::kInput, index, signature.inputs[index].name);
    case ArgumentRole::kOutput:
      return AddressArgument(ManifestArgument::Kind::kOutput, index, signature.outputs[index].name);
    case ArgumentRole::kScratch:
      return AddressArgument(ManifestArgument::Kind::kScratch, index, "scratch");
    case ArgumentRole::kRows:
      return field(Field::kRows);
    case ArgumentRole::kCols:
      return field(Field::kCols);
    case ArgumentRole::kCount:
      return field(Field::kCount);
    case ArgumentRole::kIndexStride:
      return field(Field::kIndexStride);
    case ArgumentRole::kBitsPerBlock:
      return field(Field::kBitsPerBlock);
    case ArgumentRole::kPow2:
      return field(Field::kPow2);
    case ArgumentRole::kRule:
      return field(Field::kRule);
    case ArgumentRole::kSeed:
      return field(Field::kSeed);
    case ArgumentRole::kStream:
      return field(Field::kStream);
    case ArgumentRole::kOffset:
      return field(Field::kOffset);
    // What the operation has built in.
    case ArgumentRole::kBlockRows:
      return NumberArgument(argument.role, op, ScalarType::kU32, "block_rows");
    case ArgumentRole::kBlockCols:
      return NumberArgument(argument.role, op, ScalarType::kU32, "block_cols");
    case ArgumentRole::kMeanZero:
      return NumberArgument(argument.role, op, ScalarType::kU32, "mean_zero");
    case ArgumentRole::kLowest:
      return NumberArgument(argument.role, op, ScalarType::kF32, "lowest");
    case ArgumentRole::kHighest:
      return NumberArgument(argument.role, op, ScalarType::kF32, "highest");
    case ArgumentRole::kWidth:
      return NumberArgument(argument.role, op, ScalarType::kF32, "width");
    case ArgumentRole::kHalfWidth:
      return NumberArgument(argument.role, op, ScalarType::kF32, "half_width");
  }
  ULPROOF_CHECK(false, "an unknown role");
  return {};
}

Manifest FromKernel(const Kernel& kernel, const Operation& op) {
  Manifest manifest;
  manifest.op = op;
  const formats::Signature signature = formats::SignatureOf(op);
  manifest.input_layouts.resize(signature.inputs.size());
  manifest.output_layouts.resize(signature.outputs.size());
  std::size_t scratch_words = 0;
  for (const Launch& launch : kernel.launches) {
    ManifestLaunch& mine = manifest.launches.emplace_back();
    mine.entry = launch.entry;
    for (const Argument& argument : launch.arguments) {
      mine.arguments.push_back(FromRegistry(argument, op, signature));
      if (argument.role == ArgumentRole::kScratch) {
        scratch_words = std::max(scratch_words, static_cast<std::size_t>(argument.index) + 1);
      }
    }
    const std::string_view units = launch.unit == WorkUnit::kElement ? "count"
                                   : launch.unit == WorkUnit::kGroup ? "groups"
                                                                     : "blocks";
    const bool is_batch = launch.unit == WorkUnit::kRowBatch && op.block.rows == 1;
    std::string grid =
        fmt::format("ceil_div({}, {})", units, (is_batch ? 32 : 1) * launch.units_a_block);
    if (launch.max_grid != 0) grid = fmt::format("min({}, {})", grid, launch.max_grid);
    mine.grid[0] = Parsed(grid);
    mine.block[0] = Expression::Constant(launch.threads_a_block);
  }
  for (std::size_t i = 0; i < scratch_words; ++i) {
    manifest.scratch.push_back({"scratch", Expression::Constant(4)});
  }
  return manifest;
}

// The kernel whose argument order stands for all of its kind, formats being no part of it: the
// plain one, whose grid gives every element, block or group a thread or warp of its own.
const Kernel* PatternFor(const Operation& op) {
  const auto is_best = [](const Operation& one) { return one.rule == formats::ScaleRule::kBest; };
  const auto matches = [&](const Kernel& kernel, bool plain) {
    const Operation& own = kernel.prototype;
    if (own.kind != op.kind || kernel.plain != plain) return false;
    if (op.kind == OpKind::kFit) return own.fit == op.fit;
    if (op.kind != OpKind::kQuantize) return true;
    return own.block_format.has_tensor_scale == op.block_format.has_tensor_scale &&
           is_best(own) == is_best(op);
  };
  for (const bool plain : {true, false}) {
    const auto found = std::ranges::find_if(
        Kernels(), [&](const Kernel& kernel) { return matches(kernel, plain); });
    if (found != Kernels().end()) return &*found;
  }
  return nullptr;
}

}  // namespace

std::array<std::uint64_t, kFieldCount> FieldValues(const Operation& op) {
  return {op.shape.rows,
          op.shape.cols,
          op.shape.count(),
          op.grid().count(),
          op.scale_grid().count(),
          op.shape.stride(),
          op.key.seed,
          op.key.stream,
          op.key.offset,
          op.random.value_or(0),
          op.bits_per_block,
          op.pow2,
          static_cast<std::uint64_t>(op.rule)};
}

int ScalarBytes(ScalarType type) {
  static constexpr std::array<int, kScalarTypeNames.size()> kBytes = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8};
  return kBytes[static_cast<std::size_t>(type)];
}

Operation PrototypeOf(Operation op) {
  op.shape = {};
  op.key = {};
  op.bits_per_block = false;
  op.pow2 = false;
  if (op.rule != formats::ScaleRule::kBest) op.rule = {};
  if (op.random) op.random = 0;
  return op;
}

Result<Manifest> DefaultManifest(const Operation& op, std::span<const std::string> entries) {
  for (const bool plain : {false, true}) {
    const Kernel* const kernel = FindKernel(op, plain);
    if (kernel == nullptr) continue;
    const bool has_all = std::ranges::all_of(kernel->launches, [&](const Launch& launch) {
      return std::ranges::count(entries, launch.entry) != 0;
    });
    if (has_all) return FromKernel(*kernel, op);
  }
  const Kernel* const pattern = PatternFor(op);
  if (pattern == nullptr || pattern->launches.size() != 1) {
    return base::UsageError(fmt::format(
        "there is no default argument order for one kernel that computes '{}'; describe the "
        "launches in a manifest (--manifest FILE.json)",
        OperationName(PrototypeOf(op))));
  }
  if (entries.size() != 1) {
    return base::UsageError(
        entries.empty()
            ? std::string("the file has no kernel entry (.visible .entry)")
            : fmt::format(
                  "the file has {} entries and none is named after '{}'; say in a manifest "
                  "which one it is (--manifest FILE.json); entries: {}",
                  entries.size(), OperationName(PrototypeOf(op)),
                  fmt::join(entries.first(std::min<std::size_t>(entries.size(), 8)), ", ")));
  }
  Manifest manifest = FromKernel(*pattern, op);
  manifest.launches.front().entry = entries.front();
  return manifest;
}

}  // namespace ulproof::gpu
