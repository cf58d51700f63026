// SPDX-License-Identifier: Apache-2.0
// The machine of deviation.h: from an output element back to what it needs.
#include "reference/compare/deviation.h"
#include "reference/compare/deviation_steps.h"
#include "reference/ops/arith.h"
#include "reference/ops/elements.h"

namespace ulproof::reference {
namespace {

using formats::BlockGrid;
using formats::BlockShape;
using formats::Code;
using formats::OpKind;
using formats::Shape;

// The blocks whose elements share a maximum.
BlockGrid MaxGrid(const Variant& v) {
  const Shape& shape = v.op.shape;
  const BlockShape& block = v.op.block;
  switch (v.max.range) {
    case RangeRule::kTransposed:
      return {shape, {block.cols, block.rows}};
    case RangeRule::kFlat:
      return {{1, shape.count()}, {1, block.rows * block.cols}};
    case RangeRule::kWholeTensor:
      return {shape, {UINT32_MAX, UINT32_MAX}};
    case RangeRule::kRowOfBlocks:
      return {shape, {1, UINT32_MAX}};
    case RangeRule::kSide16:
      return {shape, {16, 16}};
    case RangeRule::kSide64:
      return {shape, {64, 64}};
    default:
      return v.op.grid();
  }
}

// The groups that share a scale in a block-scaled format.
BlockGrid GroupGrid(const Variant& v) {
  BlockGrid grid = v.op.scale_grid();
  switch (v.quantize.group) {
    case GroupRule::kContract:
      break;
    case GroupRule::kHalf:
      grid.block.cols = (grid.block.cols + 1) / 2;
      break;
    case GroupRule::kDouble:
      grid.block.cols *= 2;
      break;
    case GroupRule::kAlongColumn:
      grid.block = {v.op.block_format.group, 1};
      break;
    case GroupRule::kWholeTensor:
      grid.block = {UINT32_MAX, UINT32_MAX};
      break;
  }
  return grid;
}

std::uint64_t BlockOf(const BlockGrid& grid, std::uint64_t row, std::uint64_t col) {
  return row / grid.block.rows * grid.cols() + col / grid.block.cols;
}

// The same from the memory index; grids may lay the elements out otherwise.
std::uint64_t BlockOf(const BlockGrid& grid, std::uint64_t index) {
  return BlockOf(grid, index / grid.shape.cols, index % grid.shape.cols);
}

std::uint64_t Count(const BlockGrid::Extent& extent) {
  return (extent.row_end - extent.row_begin) * (extent.col_end - extent.col_begin);
}

std::uint64_t Mirror(const BlockGrid& grid, std::uint64_t block) {
  return block % grid.cols() * grid.rows() + block / grid.cols();
}

std::uint64_t BitsIndex(const Variant& v, std::uint64_t row, std::uint64_t col) {
  if (!v.op.bits_per_block) return 0;
  const BlockGrid grid = v.op.grid();
  const std::uint64_t block = BlockOf(grid, row, col);
  switch (v.scale.bits) {
    case BitsRule::kContract:
      break;
    case BitsRule::kFirst:
      return 0;
    case BitsRule::kNext:
      return (block + 1) % grid.count();
    case BitsRule::kColumnMajor:
      return Mirror(grid, block);
    case BitsRule::kOfRow:
      return block / grid.cols();
    case BitsRule::kOfColumn:
      return block % grid.cols();
  }
  return block;
}

std::uint32_t Nibble(PackRule rule, int noise, bool sign_bit) {
  if (rule == PackRule::kTwosComplement) return static_cast<std::uint32_t>(noise) & 15u;
  const auto magnitude = static_cast<std::uint32_t>(noise < 0 ? -noise : noise);
  const bool negative = rule == PackRule::kSignOnZero ? sign_bit : noise < 0;
  return negative ? 8u | magnitude : magnitude;
}

}  // namespace

Code DeviantCase::At(std::size_t port, std::uint64_t index) {
  const formats::Operation& op = variant_.op;
  ++work_;
  switch (op.kind) {
    case OpKind::kNoise:
      return Noise(index);
    case OpKind::kCast:
      return Cast(index);
    case OpKind::kBlockMax: {
      const BlockGrid grid = op.grid();
      return MaxOf(variant_.max.blocks_column_major ? Mirror(grid, index) : index);
    }
    case OpKind::kScale: {
      std::uint64_t bits = op.bits_per_block ? index : 0;
      if (variant_.scale.bits == BitsRule::kFirst) bits = 0;
      if (variant_.scale.bits == BitsRule::kNext) bits = (bits + 1) % case_.inputs[1].count();
      return VariantScale(variant_, case_.inputs[0].Get(index), case_.inputs[1].Get(bits));
    }
    case OpKind::kSample:
      return Sample(index);
    case OpKind::kBackward:
      work_ += Count(op.grid().ExtentOf(index));
      return VariantBackward(variant_, case_.inputs[0].view(), case_.inputs[1].view(), index);
    case OpKind::kQuantize:
      return Quantize(port, index);
    case OpKind::kDequantize:
      return Dequantize(index);
    case OpKind::kFit:
    case OpKind::kRefit:
      return Fit(port, index);
    case OpKind::kFakeQuantize:
      return FakeQuantize(index);
    case OpKind::kPerturb:
      return Perturb(index);
    case OpKind::kFakeBackward:
      return Gradient(port, index);
  }
  ULPROOF_CHECK(false, "no such kind");
}

Code DeviantCase::Noise(std::uint64_t index) {
  const Variant& v = variant_;
  const Shape& shape = v.op.shape;
  const auto element = [&](std::uint64_t i) {
    return VariantIndex(v, i / shape.cols, i % shape.cols);
  };
  if (!HasIntegerNoise(v.op.law)) return VariantRealNoise(v, element(index));
  if (v.op.packing == formats::NoisePacking::kInt8) {
    const int noise = VariantIntegerNoise(v, element(index));
    if (v.pack == PackRule::kSignMagnitudeByte && noise < 0)
      return 0x80u | static_cast<Code>(-noise);
    return static_cast<std::uint8_t>(noise);
  }
  work_ += 7;
  Code word = 0;
  for (std::uint64_t j = 0; j < 8; ++j) {
    const std::uint64_t i = 8 * index + j;
    if (i >= shape.count() && v.pack != PackRule::kPaddingDrawn) break;
    const int noise = VariantIntegerNoise(v, element(i));
    bool sign_bit = false;
    if (v.pack == PackRule::kSignOnZero) {
      // A zero shows its sign when every U is below the first threshold.
      Variant loud = v;
      loud.law.threshold_step = {1 << 30, 0, 0};
      sign_bit = VariantIntegerNoise(loud, element(i)) < 0;
    }
    std::uint64_t place = j;
    if (v.pack == PackRule::kHighNibbleFirst) place = 7 - j;
    if (v.pack == PackRule::kBytesSwapped) place = j ^ 1;
    word |= Code{Nibble(v.pack, noise, sign_bit)} << 4 * place;
  }
  return word;
}

Code DeviantCase::Cast(std::uint64_t index) {
  const formats::Operation& op = variant_.op;
  std::uint32_t random = 0;
  if (op.rounding.is_stochastic()) {
    random = op.random ? *op.random
                       : VariantRandom(variant_, VariantIndex(variant_, index / op.shape.cols,
                                                              index % op.shape.cols));
  }
  return VariantCast(variant_, op.from, case_.inputs[0].Get(index), op.to, random);
}

Code DeviantCase::Sample(std::uint64_t index) {
  const formats::Operation& op = variant_.op;
  const std::uint64_t row = index / op.shape.cols, col = index % op.shape.cols;
  const Code scale = ScaleOf(BlockOf(MaxGrid(variant_), index), BitsIndex(variant_, row, col));
  const std::uint64_t element = VariantIndex(variant_, row, col);
  const std::uint32_t random = op.rounding.is_stochastic() ? VariantRandom(variant_, element) : 0;
  const Code weight = ToFloat32(op.from, case_.inputs[0].Get(index));
  return VariantSample(variant_, VariantRealNoise(variant_, element), scale, weight, random);
}

Code DeviantCase::MaxOf(std::uint64_t block) {
  const BlockGrid grid = MaxGrid(variant_);
  const BlockGrid::Extent extent = grid.ExtentOf(block % grid.count());
  work_ += Count(extent) / 16;
  return VariantMax(variant_.max, case_.inputs[0].view(), {grid.shape, extent, grid.block});
}

Code DeviantCase::ScaleOf(std::uint64_t max_block, std::uint64_t bits_index) {
  const auto [kept, is_new] = scales_.try_emplace({max_block, bits_index});
  if (is_new) {
    work_ += 8;
    kept->second = VariantScale(variant_, MaxOf(max_block), case_.inputs[1].Get(bits_index));
  }
  return kept->second;
}

Code DeviantCase::TensorScale() {
  if (!tensor_scale_) {
    const Shape& shape = variant_.op.shape;
    MaxVariant max = variant_.max;
    max.range = RangeRule::kContract;
    max.row_bit_missed = max.col_bit_missed = 0;
    const BlockGrid::Extent all = {0, shape.rows, 0, shape.cols};
    work_ += shape.count() / 16;
    tensor_scale_ =
        VariantTensorScale(variant_, VariantMax(max, case_.inputs[0].view(), {shape, all, {}}));
  }
  return *tensor_scale_;
}

Code DeviantCase::GroupScale(std::uint64_t group) {
  const auto [kept, is_new] = scales_.try_emplace({group, 0});
  if (is_new) {
    const BlockGrid grid = GroupGrid(variant_);
    const Code max = VariantMax(variant_.max, case_.inputs[0].view(),
                                {grid.shape, grid.ExtentOf(group), grid.block});
    kept->second = variant_.op.block_format.has_tensor_scale
                       ? VariantGroupScale(variant_, TensorScale(), max)
                       : VariantMxScale(variant_, max);
  }
  return kept->second;
}

Code DeviantCase::Quantize(std::size_t port, std::uint64_t index) {
  const formats::Operation& op = variant_.op;
  const BlockGrid grid = GroupGrid(variant_);
  if (port == 2) return TensorScale();
  if (port == 1) return GroupScale(index % grid.count());
  const Code scale = GroupScale(BlockOf(grid, index));
  const Code weight = ToFloat32(op.from, case_.inputs[0].Get(index));
  return op.block_format.has_tensor_scale
             ? VariantNvfp4Element(variant_, TensorScale(), scale, weight)
             : VariantMxElement(variant_, scale, weight);
}

Code DeviantCase::Dequantize(std::uint64_t index) {
  const BlockGrid grid = GroupGrid(variant_);
  const formats::Tensor& scales = case_.inputs[1];
  const Code scale = scales.Get(BlockOf(grid, index) % scales.count());
  const Code tensor_scale = variant_.op.block_format.has_tensor_scale ? case_.inputs[2].Get(0) : 0;
  return VariantDequantize(variant_, case_.inputs[0].Get(index), scale, tensor_scale);
}

Code DeviantCase::Fit(std::size_t port, std::uint64_t block) {
  const auto [kept, is_new] = of_block_.try_emplace(block);
  if (is_new) {
    work_ += 2 * Count(variant_.op.grid().ExtentOf(block));
    const FittedScale fitted = VariantFit(variant_, case_, block);
    kept->second = {fitted.scale, fitted.zero};
  }
  return kept->second[port];
}

Code DeviantCase::Gradient(std::size_t port, std::uint64_t index) {
  const BlockGrid grid = variant_.op.grid();
  const std::uint64_t block = port == 1 ? index : BlockOf(grid, index);
  const BlockGrid::Extent extent = grid.ExtentOf(block);
  const auto [kept, is_new] = of_block_.try_emplace(block);
  if (is_new) {
    work_ += 4 * Count(extent);
    kept->second = VariantGradient(variant_, case_, block);
  }
  if (port == 1) return kept->second[0];
  const std::uint64_t row = index / grid.shape.cols, col = index % grid.shape.cols;
  return kept->second[1 + (row - extent.row_begin) * (extent.col_end - extent.col_begin) +
                      (col - extent.col_begin)];
}

Code DeviantCase::FakeQuantize(std::uint64_t index) {
  const std::uint64_t block = BlockOf(variant_.op.grid(), index);
  return VariantFakeQuantize(variant_, ToFloat32(variant_.op.from, case_.inputs[0].Get(index)),
                             case_.inputs[1].Get(block), case_.inputs[2].Get(block));
}

Code DeviantCase::Perturb(std::uint64_t index) {
  const formats::Operation& op = variant_.op;
  const std::uint64_t block = BlockOf(op.grid(), index);
  const std::uint64_t element =
      VariantIndex(variant_, index / op.shape.cols, index % op.shape.cols);
  return VariantPerturb(variant_, VariantRealNoise(variant_, element),
                        ToFloat32(op.from, case_.inputs[0].Get(index)), case_.inputs[1].Get(block),
                        case_.inputs[2].Get(block));
}

std::vector<formats::Tensor> RunDeviant(const formats::Case& c, const Variant& variant) {
  DeviantCase deviant(c, variant);
  std::vector<formats::Tensor> outputs;
  const formats::Signature signature = formats::SignatureOf(c.op);
  for (std::size_t p = 0; p < signature.outputs.size(); ++p) {
    formats::Tensor& output =
        outputs.emplace_back(signature.outputs[p].type, signature.outputs[p].count);
    for (std::uint64_t i = 0; i < output.count(); ++i) output.Set(i, deviant.At(p, i));
  }
  return outputs;
}

}  // namespace ulproof::reference
