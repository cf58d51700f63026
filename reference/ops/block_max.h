// SPDX-License-Identifier: Apache-2.0
// The block absolute maximum M (contract section 6).
#ifndef ULPROOF_REFERENCE_OPS_BLOCK_MAX_H_
#define ULPROOF_REFERENCE_OPS_BLOCK_MAX_H_

#include "formats/block_spec.h"
#include "formats/codec.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// M = largest |w| over the elements of `extent` of a row-major matrix of codes, as a binary32 code.
// Exact, and independent of order. NaN (the canonical one) if any element is NaN, else infinity if
// any is infinite. Precondition: w holds codes of a format that is exact in binary32.
formats::Code BlockMax(const formats::ConstBuffer& w, const formats::Shape& shape,
                       const formats::BlockGrid::Extent& extent);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_BLOCK_MAX_H_
