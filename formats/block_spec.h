// SPDX-License-Identifier: Apache-2.0
// How a matrix is cut into blocks (contract section 6) and which block-scaled formats there are
// (section 9).
#ifndef ULPROOF_FORMATS_BLOCK_SPEC_H_
#define ULPROOF_FORMATS_BLOCK_SPEC_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "formats/catalogue.h"

namespace ulproof::formats {

// A row-major matrix, or a part of one: element (r, c) is the logical element offset + r *
// index_stride + c of the whole tensor, where index_stride is the number of columns of the whole (0
// = `cols`). In memory the rows stand `cols` elements apart. A vector is a matrix of one row.
struct Shape {
  std::uint64_t rows = 1;
  std::uint64_t cols = 1;
  std::uint64_t index_stride = 0;

  friend constexpr bool operator==(const Shape&, const Shape&) = default;
  constexpr std::uint64_t count() const { return rows * cols; }
  constexpr std::uint64_t stride() const { return index_stride == 0 ? cols : index_stride; }
};

struct BlockShape {
  std::uint32_t rows = 32;
  std::uint32_t cols = 32;

  friend constexpr bool operator==(const BlockShape&, const BlockShape&) = default;
};

// "32x32". Rows and columns 1..65536.
std::string BlockShapeName(const BlockShape& block);
base::Result<BlockShape> ParseBlockShape(std::string_view text);

// The blocks of a matrix: anchored at (0, 0), numbered row-major; edge blocks may be smaller.
struct BlockGrid {
  Shape shape;
  BlockShape block;

  constexpr std::uint64_t rows() const { return CeilDiv(shape.rows, block.rows); }
  constexpr std::uint64_t cols() const { return CeilDiv(shape.cols, block.cols); }
  constexpr std::uint64_t count() const { return rows() * cols(); }

  // Half-open element ranges of one block.
  struct Extent {
    std::uint64_t row_begin, row_end, col_begin, col_end;
  };
  constexpr Extent ExtentOf(std::uint64_t block_index) const {
    const std::uint64_t row = block_index / cols() * block.rows;
    const std::uint64_t col = block_index % cols() * block.cols;
    return {row, std::min<std::uint64_t>(row + block.rows, shape.rows), col,
            std::min<std::uint64_t>(col + block.cols, shape.cols)};
  }

 private:
  static constexpr std::uint64_t CeilDiv(std::uint64_t a, std::uint64_t b) {
    return a / b + (a % b != 0);
  }
};

// Which public rule gives the shared MX scale from the group's maximum (contract section 9), or
// kBest: the neighbouring scale of least error, of the 4-bit formats (section 14).
enum class ScaleRule : std::uint8_t { kFloor, kCeil, kEven, kRceil, kBest };
inline constexpr std::array<ScaleRule, 4> kScaleRules = {ScaleRule::kFloor, ScaleRule::kCeil,
                                                         ScaleRule::kEven, ScaleRule::kRceil};
// "floor", "ceil", "even", "rceil"; "best", which is not one of kScaleRules.
std::string_view ScaleRuleName(ScaleRule rule);
base::Result<ScaleRule> ParseScaleRule(std::string_view name);

// One block-scaled format. Elements are codes of `element`, except that `is_int8` elements are
// two's complement bytes with 6 fraction bits in the symmetric range +-127 (value = byte / 64).
struct BlockFormat {
  std::string_view name;
  FormatSpec element;  // Unused when is_int8.
  bool is_int8 = false;
  FormatSpec scale;     // float8_e8m0fnu for MX, float8_e4m3fn for NVFP4.
  std::uint32_t group;  // Elements along a row that share a scale; a square block is group x group.
  bool has_tensor_scale = false;  // NVFP4's G.
  int element_bits;               // Bits of one element in the packed form.

  friend constexpr bool operator==(const BlockFormat&, const BlockFormat&) = default;
};

inline constexpr auto kBlockFormats = std::to_array<BlockFormat>({
    {.name = "mxfp8_e4m3",
     .element = kFloat8E4m3fn,
     .scale = kFloat8E8m0fnu,
     .group = 32,
     .element_bits = 8},
    {.name = "mxfp8_e5m2",
     .element = kFloat8E5m2,
     .scale = kFloat8E8m0fnu,
     .group = 32,
     .element_bits = 8},
    {.name = "mxfp6_e3m2",
     .element = kFloat6E3m2fn,
     .scale = kFloat8E8m0fnu,
     .group = 32,
     .element_bits = 6},
    {.name = "mxfp6_e2m3",
     .element = kFloat6E2m3fn,
     .scale = kFloat8E8m0fnu,
     .group = 32,
     .element_bits = 6},
    {.name = "mxfp4",
     .element = kFloat4E2m1fn,
     .scale = kFloat8E8m0fnu,
     .group = 32,
     .element_bits = 4},
    {.name = "mxint8",
     .element = {},
     .is_int8 = true,
     .scale = kFloat8E8m0fnu,
     .group = 32,
     .element_bits = 8},
    {.name = "nvfp4",
     .element = kFloat4E2m1fn,
     .scale = kFloat8E4m3fn,
     .group = 16,
     .has_tensor_scale = true,
     .element_bits = 4},
});

base::Result<BlockFormat> ParseBlockFormat(std::string_view name);

// The block that shares one scale: 1 x group along a row, or group x group.
constexpr BlockShape ScaleBlock(const BlockFormat& format, bool square) {
  return {.rows = square ? format.group : 1, .cols = format.group};
}

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_BLOCK_SPEC_H_
