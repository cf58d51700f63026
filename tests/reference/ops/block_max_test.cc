// SPDX-License-Identifier: Apache-2.0
// The block maximum against one found by comparing exact values. Would catch an edge block that
// reads beyond the matrix or skips its last row, a sign taken for magnitude, a NaN that loses to
// infinity, a NaN code of fnuz (which has no magnitude bits) taken for zero.
#include "reference/ops/block_max.h"

#include <gtest/gtest.h>

#include <random>

#include "formats/catalogue.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"

namespace ulproof::reference {
namespace {

using formats::BlockGrid;
using formats::Code;
using formats::FormatSpec;
using formats::kFloat32;
using formats::Tensor;

Tensor Matrix(const FormatSpec& spec, std::uint64_t count) {
  return Tensor(formats::ElementType::CodeOf(spec), count);
}

TEST(BlockMaxTest, IsTheLargestMagnitude) {
  std::mt19937_64 random(10);
  for (const formats::CatalogueEntry& entry : formats::kCatalogue) {
    const FormatSpec& spec = entry.spec;
    if (spec == formats::kFloat64) continue;  // Not exact in binary32.
    const BlockGrid grid = {{.rows = 7, .cols = 11}, {.rows = 3, .cols = 4}};
    Tensor w = Matrix(spec, 77);
    for (std::uint64_t i = 0; i < 77; ++i) {
      Code code = random() & spec.code_mask();
      while (!spec.IsFinite(code)) code = random() & spec.code_mask();
      w.Set(i, code);
    }
    ASSERT_EQ(grid.count(), 9u);
    for (std::uint64_t block = 0; block < grid.count(); ++block) {
      Dyadic largest;
      for (std::uint64_t row = 0; row < 7; ++row) {
        for (std::uint64_t col = 0; col < 11; ++col) {
          if (row / 3 * 3 + col / 4 != block) continue;
          largest = std::max(largest, Dyadic::FromCode(spec, w.Get(row * 11 + col)).Abs());
        }
      }
      const Code max = BlockMax(w.view(), grid.shape, grid.ExtentOf(block));
      ASSERT_FALSE(kFloat32.IsNegative(max));
      ASSERT_EQ(Dyadic::FromCode(kFloat32, max), largest) << entry.name << " block " << block;
    }
  }
}

TEST(BlockMaxTest, NanWinsOverInfinity) {
  const BlockGrid grid = {{.rows = 1, .cols = 3}, {}};
  const auto max = [&](const FormatSpec& spec, std::array<Code, 3> codes) {
    Tensor w = Matrix(spec, 3);
    for (int i = 0; i < 3; ++i) w.Set(i, codes[i]);
    return BlockMax(w.view(), grid.shape, grid.ExtentOf(0));
  };
  EXPECT_EQ(max(formats::kBfloat16, {0xFF80, 0xFFC1, 0x3F80}), kNan32);
  EXPECT_EQ(max(formats::kBfloat16, {0x3F80, 0xFF80, 0x7F7F}), kInfinity32);
  EXPECT_EQ(max(formats::SpecOf("float8_e4m3fnuz"), {0, 0x80, 0}), kNan32);
  EXPECT_EQ(max(formats::kFloat32, {0x8000'0000, 0, 0x8000'0000}), 0u);
}

}  // namespace
}  // namespace ulproof::reference
