// SPDX-License-Identifier: Apache-2.0
#include "reference/backend_reference.h"

#include <algorithm>

#include "base/parallel.h"
#include "reference/ops/arith.h"
#include "reference/ops/block_max.h"
#include "reference/ops/cast.h"
#include "reference/ops/dequantize_mx.h"
#include "reference/ops/dequantize_nvfp4.h"
#include "reference/ops/elements.h"
#include "reference/ops/quantize_mx.h"
#include "reference/ops/quantize_nvfp4.h"
#include "reference/ops/sample.h"
#include "reference/ops/sample_backward.h"
#include "reference/ops/scale.h"
#include "reference/quantizers/best_scale.h"
#include "reference/quantizers/fake_quantize.h"
#include "reference/quantizers/fit.h"
#include "reference/random/noise.h"

namespace ulproof::reference {
namespace {

using formats::Buffer;
using formats::Code;
using formats::ConstBuffer;
using formats::Operation;
using formats::OpKind;

// Elements that a thread takes at a time.
constexpr std::uint64_t kGrain = 4096;

// Calls body(i) for every i in [0, count), over threads.
template <typename Body>
void ForEach(std::uint64_t count, std::uint64_t grain, Body body) {
  base::ParallelFor(count, grain, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) body(i);
  });
}

// Calls body(block) for every block of a grid, over threads.
template <typename Body>
void ForEachBlock(const formats::BlockGrid& grid, Body body) {
  const std::uint64_t block_elements = std::uint64_t{grid.block.rows} * grid.block.cols;
  ForEach(grid.count(), kGrain / std::min(block_elements, kGrain), body);
}

// R as a sign-magnitude nibble: bit 3 is the sign, 0 when R = 0 (contract section 5).
std::uint32_t Nibble(int noise) {
  return noise < 0 ? 8u | static_cast<std::uint32_t>(-noise) : static_cast<std::uint32_t>(noise);
}

void RunNoise(const Operation& op, const Buffer& noise) {
  if (!HasIntegerNoise(op.law)) {
    ForEach(noise.count, kGrain,
            [&](std::uint64_t i) { noise.Set(i, RealNoise(op.law, op.key, LogicalIndex(op, i))); });
    return;
  }
  const auto integer_noise = [&](std::uint64_t i) {
    return IntegerNoise(op.law, op.key, LogicalIndex(op, i));
  };
  if (op.packing == formats::NoisePacking::kInt8) {
    ForEach(noise.count, kGrain,
            [&](std::uint64_t i) { noise.Set(i, static_cast<std::uint8_t>(integer_noise(i))); });
    return;
  }
  ForEach(noise.count, kGrain / 8, [&](std::uint64_t word) {
    std::uint32_t packed = 0;
    for (std::uint64_t j = 0; j < 8 && 8 * word + j < op.shape.count(); ++j) {
      packed |= Nibble(integer_noise(8 * word + j)) << 4 * j;
    }
    noise.Set(word, packed);
  });
}

void RunCast(const Operation& op, const ConstBuffer& x, const Buffer& y) {
  ForEach(x.count, kGrain, [&](std::uint64_t i) {
    std::uint32_t random = 0;
    if (op.rounding.is_stochastic()) {
      random = op.random ? *op.random
                         : RoundingRandom(op.rounding.random_bits, op.key, LogicalIndex(op, i));
    }
    y.Set(i, Cast(op.from, x.Get(i), op.to, op.rounding, op.overflow, random));
  });
}

void RunQuantize(const Operation& op, const ConstBuffer& w, std::span<const Buffer> outputs) {
  const Buffer& elements = outputs[0];
  const Buffer& scales = outputs[1];
  const bool is_best = op.rule == formats::ScaleRule::kBest;
  if (!op.block_format.has_tensor_scale) {
    ForEachBlock(op.scale_grid(), [&](std::uint64_t group) {
      (is_best ? QuantizeMxGroupBest : QuantizeMxGroup)(op, w, elements, scales, group);
    });
    return;
  }
  const Code tensor_scale =
      Nvfp4TensorScale(BlockMax(w, op.shape, {0, op.shape.rows, 0, op.shape.cols}));
  outputs[2].Set(0, tensor_scale);
  ForEachBlock(op.scale_grid(), [&](std::uint64_t group) {
    (is_best ? QuantizeNvfp4GroupBest : QuantizeNvfp4Group)(op, w, tensor_scale, elements, scales,
                                                            group);
  });
}

void RunDequantize(const Operation& op, std::span<const ConstBuffer> inputs, const Buffer& y) {
  const formats::BlockGrid grid = op.scale_grid();
  ForEachBlock(grid, [&](std::uint64_t group) {
    const formats::BlockGrid::Extent extent = grid.ExtentOf(group);
    const Code scale = inputs[1].Get(group);
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const std::uint64_t index = MemoryIndex(op.shape, row, col);
        const Code element = inputs[0].Get(index);
        y.Set(index, op.block_format.has_tensor_scale
                         ? DequantizeNvfp4Element(op, element, scale, inputs[2].Get(0))
                         : DequantizeMxElement(op, element, scale));
      }
    }
  });
}

// Calls body(memory index, logical index, block) for every element.
template <typename Body>
void ForEachElement(const Operation& op, Body body) {
  const formats::BlockGrid grid = op.grid();
  ForEach(op.shape.count(), kGrain, [&](std::uint64_t i) {
    const std::uint64_t block =
        i / op.shape.cols / grid.block.rows * grid.cols() + i % op.shape.cols / grid.block.cols;
    body(i, LogicalIndex(op, i), block);
  });
}

void RunFit(const Operation& op, std::span<const ConstBuffer> inputs,
            std::span<const Buffer> outputs) {
  ForEachBlock(op.grid(), [&](std::uint64_t block) {
    FittedScale fitted;
    if (op.kind == OpKind::kRefit) {
      fitted = RefitBlock(op, inputs[0], {inputs[1].Get(block), inputs[2].Get(block)}, block);
    } else {
      const Code extra = inputs.size() == 1 ? 0 : inputs[1].Get(inputs[1].count == 1 ? 0 : block);
      fitted = FitBlock(op, inputs[0], extra, block);
    }
    outputs[0].Set(block, fitted.scale);
    outputs[1].Set(block, fitted.zero);
  });
}

class ReferenceBackend final : public formats::Backend {
 public:
  std::string_view name() const override { return "reference"; }
  std::string why_unsupported(const Operation&) const override { return {}; }

  base::Status Run(const Operation& op, std::span<const ConstBuffer> inputs,
                   std::span<const Buffer> outputs) override {
    const formats::BlockGrid grid = op.grid();
    switch (op.kind) {
      case OpKind::kNoise:
        RunNoise(op, outputs[0]);
        break;
      case OpKind::kCast:
        RunCast(op, inputs[0], outputs[0]);
        break;
      case OpKind::kBlockMax:
        ForEachBlock(grid, [&](std::uint64_t block) {
          outputs[0].Set(block, BlockMax(inputs[0], op.shape, grid.ExtentOf(block)));
        });
        break;
      case OpKind::kScale:
        ForEach(inputs[0].count, kGrain, [&](std::uint64_t i) {
          outputs[0].Set(
              i, Scale(inputs[0].Get(i), inputs[1].Get(op.bits_per_block ? i : 0), op.pow2));
        });
        break;
      case OpKind::kSample:
        ForEachBlock(grid, [&](std::uint64_t block) {
          SampleBlock(op, inputs[0], inputs[1], outputs[0], block);
        });
        break;
      case OpKind::kBackward:
        ForEachBlock(grid, [&](std::uint64_t block) {
          outputs[0].Set(block, BackwardBlock(op, inputs[0], inputs[1], block));
        });
        break;
      case OpKind::kQuantize:
        RunQuantize(op, inputs[0], outputs);
        break;
      case OpKind::kDequantize:
        RunDequantize(op, inputs, outputs[0]);
        break;
      case OpKind::kFit:
      case OpKind::kRefit:
        RunFit(op, inputs, outputs);
        break;
      case OpKind::kFakeQuantize:
        ForEachElement(op, [&](std::uint64_t i, std::uint64_t, std::uint64_t block) {
          outputs[0].Set(i, FakeQuantize(op.levels, ToFloat32(op.from, inputs[0].Get(i)),
                                         inputs[1].Get(block), inputs[2].Get(block)));
        });
        break;
      case OpKind::kFakeBackward:
        ForEachBlock(grid,
                     [&](std::uint64_t block) { FakeBackwardBlock(op, inputs, outputs, block); });
        break;
      case OpKind::kPerturb:
        ForEachElement(op, [&](std::uint64_t i, std::uint64_t logical, std::uint64_t block) {
          outputs[0].Set(i, Perturb(op, ToFloat32(op.from, inputs[0].Get(i)), inputs[1].Get(block),
                                    inputs[2].Get(block), logical));
        });
        break;
    }
    return base::Done{};
  }
};

}  // namespace

std::unique_ptr<formats::Backend> MakeReferenceBackend() {
  return std::make_unique<ReferenceBackend>();
}

}  // namespace ulproof::reference
