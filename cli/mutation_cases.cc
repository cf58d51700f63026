// SPDX-License-Identifier: Apache-2.0
#include "cli/mutation_cases.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include "cli/scale_group_cases.h"
#include "formats/codec.h"
#include "reference/compare/inputs.h"
#include "reference/compare/rare_words.h"

namespace ulproof::cli {
namespace {

using formats::Case;
using formats::Operation;
using formats::OpKind;
using formats::Tensor;

constexpr std::uint64_t kSeed = 1;
constexpr std::uint64_t kLongRow = (1 << 17) + 5;  // Meets every 15-bit threshold.
// The first element of the run in which the number of a group first needs more than 32 bits.
std::uint64_t CarryOf(const Operation& op) {
  const formats::NoiseGrouping grouping = formats::GroupingOf(op.law);
  const std::uint64_t run = (std::uint64_t{1} << 32) / static_cast<std::uint64_t>(grouping.groups);
  return run * static_cast<std::uint64_t>(grouping.elements);
}

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

// Gradients only where |R| is 2 or more, and one a block where it is 1: sums of few products, in
// which the last bit of each shows.
Case WithFewGradients(Operation op, std::uint64_t rows, std::uint64_t cols, formats::Backend& truth,
                      reference::Rng& rng) {
  op.shape = {.rows = rows, .cols = cols};
  op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Below(1 << 20) * 8};
  Case c = reference::RandomCase(op, rng);
  const Operation noise = {.kind = OpKind::kNoise, .law = op.law, .shape = op.shape, .key = op.key};
  const auto drawn = formats::RunCase(truth, {noise, {}});
  ULPROOF_CHECK(drawn.ok(), drawn.error().ToString());
  const formats::Code one = formats::EncodeExact(op.from, false, 1, 0).value();
  const auto gradient = [&] {
    return (one + rng.Below(256)) | (rng.OneIn(2) ? op.from.sign_mask() : 0);
  };
  for (std::uint64_t i = 0; i < c.inputs[1].count(); ++i) {
    c.inputs[1].Set(i, 0x3F800000 + rng.Below(1 << 24));
  }
  for (std::uint64_t block = 0; block < op.grid().count(); ++block) {
    const auto extent = op.grid().ExtentOf(block);
    bool has_one = false;
    for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
      for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
        const std::uint64_t i = row * cols + col;
        const auto r = static_cast<std::int8_t>(drawn->front().Get(i));
        const bool is_chosen = std::abs(r) >= 2 || (!has_one && r != 0 && rng.OneIn(64));
        has_one |= is_chosen && std::abs(r) == 1;
        c.inputs[0].Set(i, is_chosen ? gradient() : 0);
      }
    }
  }
  return c;
}

// Words beside the law's thresholds, in every place where a kernel's loops are unrolled.
void AddRareWords(Operation op, reference::Rng& rng, std::vector<Case>& cases) {
  const bool is_noise = op.kind == OpKind::kNoise;
  const auto elements = static_cast<std::uint64_t>(formats::GroupingOf(op.law).elements);
  op.shape = {.rows = is_noise ? 1u : 32u, .cols = is_noise ? 512u : 32u};
  for (const formats::RandomKey& key : reference::KeysOfRareWords(op.law, rng)) {
    for (std::uint64_t part = 0; part < 8; ++part) {
      // Of a block, one of four vectors; of a run, one of eight groups.
      const std::uint64_t group = is_noise ? part : part / 2 * (256 / elements) + part % 2;
      op.key = key;
      op.key.offset -= group * elements;
      op.pow2 = false;
      op.bits_per_block = false;
      Case c = reference::RandomCase(op, rng);
      if (op.kind == OpKind::kSample) {  // Noise of the weights' own size.
        const formats::Code one = formats::EncodeExact(op.from, false, 1, 0).value();
        for (std::uint64_t i = 0; i < c.inputs[0].count(); ++i) {
          c.inputs[0].Set(i, one + rng.Below(128));
        }
        c.inputs[1].Set(0, 0x40000000);
      }
      cases.push_back(std::move(c));
    }
  }
}

// Between two neighbours of the target each element stands where the last bit decides under its own
// random number, or just below. Found by bisection: rounding is monotone.
Case WithFlips(Operation op, std::uint64_t count, formats::Backend& truth, reference::Rng& rng) {
  op.shape = {.rows = 1, .cols = count};
  op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Below(1 << 20) * 8};
  const auto code_of = [&](formats::Code target) {
    const formats::Decoded value = formats::Decode(op.to, target);
    return formats::EncodeExact(op.from, false, value.significand, value.exponent).value();
  };
  std::vector<formats::Code> below(count), above(count), signs(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    const formats::Code target = rng.Below(op.to.max_finite_code());
    below[i] = code_of(target);
    above[i] = code_of(target + 1);
    signs[i] = rng.OneIn(2) ? op.from.sign_mask() : 0;
  }
  const auto outputs = [&](const std::vector<formats::Code>& codes) {
    Case c = {op, {formats::Tensor(formats::SignatureOf(op).inputs[0].type, count)}};
    for (std::uint64_t i = 0; i < count; ++i) c.inputs[0].Set(i, codes[i] | signs[i]);
    auto result = formats::RunCase(truth, c);
    ULPROOF_CHECK(result.ok(), result.error().ToString());
    return std::move(result->front());
  };
  const Tensor first = outputs(below);
  for (bool narrows = true; narrows;) {
    narrows = false;
    std::vector<formats::Code> middle(count);
    for (std::uint64_t i = 0; i < count; ++i) middle[i] = below[i] + (above[i] - below[i]) / 2;
    const Tensor result = outputs(middle);
    for (std::uint64_t i = 0; i < count; ++i) {
      if (above[i] - below[i] <= 1) continue;
      (result.Get(i) == first.Get(i) ? below : above)[i] = middle[i];
      narrows = true;
    }
  }
  Case c = formats::EmptyCase(op);
  for (std::uint64_t i = 0; i < count; ++i) {
    c.inputs[0].Set(i, (rng.OneIn(2) ? above : below)[i] | signs[i]);
  }
  return c;
}

// Short rows and rows with a short tail: what is done element by element, with every special value
// in every place.
void AddTails(const Operation& op, const std::vector<formats::Code>& edges, reference::Rng& rng,
              std::vector<Case>& cases) {
  constexpr int kRepeats = 300;
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

}  // namespace

std::vector<Case> MutationCases(Operation op, formats::Backend& truth) {
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
    for (int repeat = 0; repeat < (has_stride ? 10 : 4); ++repeat) {
      op.shape = {.rows = rows, .cols = cols};
      op.key = {};
      if (has_stride) {
        op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = 0};
        if (repeat == 1) op.key.offset = CarryOf(op) - cols / 2;
        if (repeat == 2) op.key.offset = rng.Next() >> 1;
        // Offsets and strides that are multiples of some powers of two and not of others: kernels
        // choose their path by that.
        if (repeat >= 3) op.key.offset = (rng.Next() >> 1) << (repeat - 2) << rng.Below(2) >> 1;
        if (repeat == 2 || repeat == 3) op.shape.index_stride = cols + 13;
        // Logical elements from 2^63 on.
        if (repeat >= 8) op.key.offset = (std::uint64_t{1} << 63) + (rng.Next() >> 3 << 3);
        if (repeat == 9) op.key.offset += 5;
        if (repeat >= 8) op.key.offset -= rng.Next() >> 1 & ~std::uint64_t{7};
        if (repeat >= 4 && repeat < 8)
          op.shape.index_stride = (cols + 1 + rng.Below(3)) << (repeat - 3);
      }
      op.pow2 = rng.OneIn(2);
      op.bits_per_block = rng.OneIn(2);
      op.rule = static_cast<formats::ScaleRule>(rng.Below(formats::kScaleRules.size()));
      if (op.block_format.has_tensor_scale) op.rule = {};
      if (!formats::ValidateOperation(op).ok()) continue;
      cases.push_back(reference::RandomCase(op, rng));
    }
  }
  // Aligned, for the paths that take vectors.
  op.key = {};
  if (has_stride)
    op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = rng.Next() >> 8 << 6};
  AddPlantedMaxima(op, rng, cases);
  if (op.kind == OpKind::kQuantize) AddScaleGroups(op, rng, cases);
  if (op.kind == OpKind::kBackward) {
    cases.push_back(WithFewGradients(op, 32, 32 * 48, truth, rng));
    cases.push_back(WithFewGradients(op, 32, 32 * 47 + 5, truth, rng));
  }
  if (HasKey(op) && op.kind != OpKind::kCast) AddRareWords(op, rng, cases);
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
    op.key = {.seed = rng.Next(), .stream = rng.Next(), .offset = CarryOf(op) - 128};
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
    if (op.rounding.is_stochastic() && op.from.storage_bits() > op.to.storage_bits()) {
      for (const std::uint64_t count : {8192, 2043}) {
        cases.push_back(WithFlips(op, count, truth, rng));
      }
      for (int repeat = 0; repeat < 60; ++repeat) {
        cases.push_back(WithFlips(op, 7, truth, rng));  // All of it a tail.
      }
    }
  }
  return cases;
}

}  // namespace ulproof::cli
