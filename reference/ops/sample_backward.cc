// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/sample_backward.h"

#include <vector>

#include "reference/ops/arith.h"
#include "reference/ops/elements.h"
#include "reference/random/noise.h"

namespace ulproof::reference {

using formats::Code;
using formats::ConstBuffer;

Code CanonicalSum(std::span<const Code> terms) {
  std::array<Code, kSumLanes> lanes{};  // +0
  for (std::size_t i = 0; i < terms.size(); ++i) {
    Code& lane = lanes[i % kSumLanes];
    lane = i < kSumLanes ? terms[i] : Add32(lane, terms[i]);
  }
  // Lane 0 depends on the lanes below d only, and there x_(j xor d) is x_(j + d).
  for (int d = kSumLanes / 2; d > 0; d /= 2) {
    for (int j = 0; j < d; ++j) lanes[j] = Add32(lanes[j], lanes[j + d]);
  }
  return lanes[0];
}

Code BackwardBlock(const formats::Operation& op, const ConstBuffer& grad, const ConstBuffer& scale,
                   std::uint64_t block) {
  const formats::BlockGrid::Extent extent = op.grid().ExtentOf(block);
  std::vector<Code> row_sums;
  std::vector<Code> products;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    products.clear();
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col) {
      const Code g = ToFloat32(op.from, grad.Get(MemoryIndex(op.shape, row, col)));
      products.push_back(Mul32(g, RealNoise(op.law, op.key, LogicalIndex(op, row, col))));
    }
    row_sums.push_back(CanonicalSum(products));
  }
  return Mul32(Mul32(kMinusLn2, scale.Get(block)), CanonicalSum(row_sums));
}

}  // namespace ulproof::reference
