// SPDX-License-Identifier: Apache-2.0
// SUM of contract section 14: a term for each element of a block, in the canonical order of
// section 8.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_BLOCK_SUM_H_
#define ULPROOF_REFERENCE_QUANTIZERS_BLOCK_SUM_H_

#include <vector>

#include "reference/ops/elements.h"
#include "reference/ops/sample_backward.h"

namespace ulproof::reference {

// The binary32 code of the sum of term(row, col) over the block.
template <typename Term>
formats::Code BlockSum(const formats::BlockGrid::Extent& extent, const Term& term) {
  std::vector<formats::Code> row_sums, terms;
  for (std::uint64_t row = extent.row_begin; row < extent.row_end; ++row) {
    terms.clear();
    for (std::uint64_t col = extent.col_begin; col < extent.col_end; ++col)
      terms.push_back(term(row, col));
    row_sums.push_back(CanonicalSum(terms));
  }
  return CanonicalSum(row_sums);
}

// n: how many elements, as binary32, to nearest even.
formats::Code BlockCount(const formats::BlockGrid::Extent& extent);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_BLOCK_SUM_H_
