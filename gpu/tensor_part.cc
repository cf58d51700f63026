// SPDX-License-Identifier: Apache-2.0
#include "gpu/tensor_part.h"

#include <limits>

#include "base/check.h"
#include "gpu/kernel_backend.h"

namespace ulproof::gpu {
namespace {

using formats::Operation;
using formats::Port;

constexpr std::uint64_t kMaxGrid = std::numeric_limits<std::int32_t>::max();

std::uint64_t UnitsOf(Launch launch, const Operation& op) {
  launch.units_a_block = 1;
  launch.max_grid = 0;
  return GridSize(launch, op);
}

}  // namespace

TensorPart EndAfterRows(const Operation& part, std::uint64_t rows) {
  Operation whole = part;
  whole.shape.rows += rows;
  whole.key.offset -= rows * part.shape.stride();
  return {.whole = whole, .part = part};
}

TensorPart EndAfterCols(const Operation& part, std::uint64_t cols) {
  ULPROOF_CHECK(part.shape.rows == 1);
  Operation whole = part;
  whole.shape.cols += cols;
  whole.key.offset -= cols;
  return {.whole = whole, .part = part};
}

TensorPart BeginningOfRow(const Operation& part, std::uint64_t more_cols) {
  ULPROOF_CHECK(part.shape.rows == 1);
  Operation whole = part;
  whole.shape.cols += more_cols;
  return {.whole = whole, .part = part, .is_end = false};
}

std::vector<KernelLaunch> PartLaunches(const Kernel& kernel, const TensorPart& part) {
  Launch launch = kernel.launches.back();
  const std::uint64_t own = UnitsOf(launch, part.part);
  const std::uint64_t before = part.is_end ? UnitsOf(launch, part.whole) - own : 0;
  launch.max_grid = 0;
  const std::uint64_t grid = GridSize(launch, part.whole);
  const std::uint64_t border = part.is_end ? before : own;
  if (border % launch.units_a_block != 0 || grid > kMaxGrid) return {};

  std::vector<KernelLaunch> launches = ResolveLaunches(kernel, part.part);
  KernelLaunch& last = launches.back();
  last = ResolveLaunches(kernel, part.whole).back();
  last.grid[0] = static_cast<std::uint32_t>(grid);
  (part.is_end ? last.first_block : last.end_block) = border / launch.units_a_block;
  const formats::Signature whole = SignatureOf(part.whole), present = SignatureOf(part.part);
  const auto bytes_before = [&](std::size_t i) -> std::uint64_t {
    const std::size_t inputs = whole.inputs.size();
    if (!part.is_end || i >= inputs + whole.outputs.size()) return 0;  // Scratch has none.
    const Port& of_whole = i < inputs ? whole.inputs[i] : whole.outputs[i - inputs];
    const Port& of_part = i < inputs ? present.inputs[i] : present.outputs[i - inputs];
    return (of_whole.count - of_part.count) * static_cast<std::uint64_t>(of_whole.type.bytes());
  };
  for (LaunchArgument& argument : last.arguments) {
    if (argument.buffer < 0) continue;
    argument.bits = 0 - bytes_before(static_cast<std::size_t>(argument.buffer));
  }
  return launches;
}

std::vector<KernelBuffer> PartBuffers(const TensorPart& part,
                                      std::span<const formats::ConstBuffer> inputs,
                                      std::span<const formats::Buffer> outputs) {
  std::vector<KernelBuffer> buffers = KernelBuffers(part.part, inputs, outputs);
  const formats::Signature whole = SignatureOf(part.whole);
  for (std::size_t i = 0; i < outputs.size() && part.is_end; ++i) {
    KernelBuffer& buffer = buffers[inputs.size() + i];
    if (whole.outputs[i].count != outputs[i].count) continue;
    buffer = {.name = buffer.name, .scratch_bytes = buffer.output.size()};
  }
  return buffers;
}

}  // namespace ulproof::gpu
