// SPDX-License-Identifier: Apache-2.0
// Blocks: names, and a grid that holds every element exactly once.
#include "formats/block_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ulproof::formats {
namespace {

using testing::HasSubstr;

TEST(BlockShapeTest, NamesParseBack) {
  for (const BlockShape block : {BlockShape{1, 1}, {32, 32}, {1, 65536}, {65536, 1}}) {
    EXPECT_EQ(*ParseBlockShape(BlockShapeName(block)), block);
  }
  EXPECT_EQ(BlockShapeName({16, 32}), "16x32");
}

TEST(BlockShapeTest, RefusesWhatIsNoShape) {
  for (const char* text : {"", "x", "32", "32x", "x32", "32x32x32", "0x32", "32x0", "-1x1", "32X32",
                           "32x65537", "32x 32", "18446744073709551617x1"}) {
    EXPECT_FALSE(ParseBlockShape(text).ok()) << "'" << text << "'";
  }
  EXPECT_THAT(ParseBlockShape("32").error().message, HasSubstr("ROWSxCOLS"));
  EXPECT_THAT(ParseBlockShape("0x4").error().message, HasSubstr("side of 0"));
}

TEST(ScaleRuleTest, NamesParseBack) {
  for (const ScaleRule rule : kScaleRules) EXPECT_EQ(*ParseScaleRule(ScaleRuleName(rule)), rule);
  EXPECT_THAT(ParseScaleRule("flor").error().message, HasSubstr("did you mean 'floor'?"));
}

// Would catch a lost edge block, an overlap and a wrong count: contract section 6.
TEST(BlockGridTest, CoversEveryElementExactlyOnce) {
  for (const Shape shape : {Shape{1, 1}, {1, 100}, {33, 1}, {64, 64}, {65, 31}, {5, 97}}) {
    for (const BlockShape block : {BlockShape{32, 32}, {1, 16}, {7, 3}, {100, 100}}) {
      const BlockGrid grid = {shape, block};
      std::vector<int> visits(shape.count());
      for (std::uint64_t i = 0; i < grid.count(); ++i) {
        const BlockGrid::Extent extent = grid.ExtentOf(i);
        ASSERT_LT(extent.row_begin, extent.row_end);
        ASSERT_LT(extent.col_begin, extent.col_end);
        ASSERT_EQ(extent.row_begin % block.rows, 0u);
        ASSERT_EQ(extent.col_begin % block.cols, 0u);
        ASSERT_LE(extent.row_end - extent.row_begin, block.rows);
        ASSERT_LE(extent.col_end - extent.col_begin, block.cols);
        for (std::uint64_t r = extent.row_begin; r < extent.row_end; ++r) {
          for (std::uint64_t c = extent.col_begin; c < extent.col_end; ++c) {
            ++visits[r * shape.cols + c];
          }
        }
      }
      for (const int count : visits) ASSERT_EQ(count, 1);
    }
  }
}

TEST(BlockGridTest, NumbersBlocksByRows) {
  const BlockGrid grid = {{.rows = 3, .cols = 70}, {.rows = 2, .cols = 32}};
  EXPECT_EQ(grid.rows(), 2u);
  EXPECT_EQ(grid.cols(), 3u);
  const BlockGrid::Extent last_of_first_row = grid.ExtentOf(2);
  EXPECT_EQ(last_of_first_row.row_end, 2u);
  EXPECT_EQ(last_of_first_row.col_begin, 64u);
  EXPECT_EQ(last_of_first_row.col_end, 70u);
  EXPECT_EQ(grid.ExtentOf(3).row_begin, 2u);
}

TEST(ShapeTest, StrideIsTheColumnsUnlessGiven) {
  EXPECT_EQ((Shape{.rows = 2, .cols = 5}.stride()), 5u);
  EXPECT_EQ((Shape{.rows = 2, .cols = 5, .index_stride = 9}.stride()), 9u);
}

// Facts of OCP MX 1.0 and of NVFP4.
TEST(BlockFormatTest, HasTheFactsOfItsSources) {
  for (const BlockFormat& format : kBlockFormats) {
    SCOPED_TRACE(format.name);
    EXPECT_EQ(*ParseBlockFormat(format.name), format);
    EXPECT_EQ(format.has_tensor_scale, format.name == "nvfp4");
    EXPECT_EQ(format.group, format.name == "nvfp4" ? 16u : 32u);
    EXPECT_EQ(format.scale, format.name == "nvfp4" ? kFloat8E4m3fn : kFloat8E8m0fnu);
    EXPECT_EQ(format.element_bits, format.is_int8 ? 8 : format.element.storage_bits());
  }
  EXPECT_EQ(ScaleBlock(kBlockFormats[0], false), (BlockShape{1, 32}));
  EXPECT_EQ(ScaleBlock(*ParseBlockFormat("nvfp4"), true), (BlockShape{16, 16}));
  EXPECT_THAT(ParseBlockFormat("mxfp8").error().message, HasSubstr("did you mean 'mxfp8_e4m3'?"));
}

}  // namespace
}  // namespace ulproof::formats
