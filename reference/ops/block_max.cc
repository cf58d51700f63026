// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/block_max.h"

#include <algorithm>

#include "reference/ops/arith.h"
#include "reference/ops/elements.h"

namespace ulproof::reference {

using formats::Code;

Code BlockMax(const formats::ConstBuffer& w, const formats::Shape& shape,
              const formats::BlockGrid::Extent& extent) {
  const formats::FormatSpec& from = w.type.format;
  // Without its sign, a larger code is a larger magnitude, and infinity is the largest.
  Code largest = 0;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const Code code = w.Get(MemoryIndex(shape, row, col));
      if (from.IsNan(code)) return kNan32;
      largest = std::max(largest, code & from.magnitude_mask());
    }
  }
  return ToFloat32(from, largest);
}

}  // namespace ulproof::reference
