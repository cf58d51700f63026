// SPDX-License-Identifier: Apache-2.0
// The gradient of the bitwidth (contract section 8), in the one canonical order of sums that lets
// every implementation give the same bits.
#ifndef ULPROOF_REFERENCE_OPS_SAMPLE_BACKWARD_H_
#define ULPROOF_REFERENCE_OPS_SAMPLE_BACKWARD_H_

#include <array>
#include <cstdint>
#include <span>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// Lanes of a row sum, and of the sum of the rows.
inline constexpr int kSumLanes = 32;

// The canonical binary32 sum of `terms` (codes): lane j starts as term j, +0 where there is none;
// terms j + 32, j + 64, ... are added to it in increasing order; then x_j <- RN32(x_j + x_(j xor
// d)) over all lanes at once for d = 16, 8, 4, 2, 1; lane 0 is the sum.
formats::Code CanonicalSum(std::span<const formats::Code> terms);

// grad_b of one block: RN32(RN32(-ln 2 * s) * sum), the sum over the block of RN32(grad * R), each
// row by CanonicalSum, then the row sums by CanonicalSum. R is binary32 here: R = 0 gives signed
// zeros, and NaN times infinity. A NaN result is the canonical one, though only "a NaN" is
// promised.
//   grad   codes of op.from;  scale  s of each block, binary32
// Preconditions: the buffers are those of SignatureOf(op); block < op.grid().count().
formats::Code BackwardBlock(const formats::Operation& op, const formats::ConstBuffer& grad,
                            const formats::ConstBuffer& scale, std::uint64_t block);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_SAMPLE_BACKWARD_H_
