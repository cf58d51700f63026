// SPDX-License-Identifier: Apache-2.0
// The best of neighbouring scales for a group of 4-bit elements (contract section 14): errors are
// exact, so there is no question which is smaller.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_BEST_SCALE_H_
#define ULPROOF_REFERENCE_QUANTIZERS_BEST_SCALE_H_

#include <cstdint>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// Quantise one group of op.scale_grid(), writing its elements and its scale. `tensor_scale` is G,
// a binary32 code. Preconditions: op.kind is kQuantize with rule kBest and MXFP4 (NVFP4); the
// buffers are those of SignatureOf(op).
void QuantizeMxGroupBest(const formats::Operation& op, const formats::ConstBuffer& w,
                         const formats::Buffer& elements, const formats::Buffer& scales,
                         std::uint64_t group);
void QuantizeNvfp4GroupBest(const formats::Operation& op, const formats::ConstBuffer& w,
                            formats::Code tensor_scale, const formats::Buffer& elements,
                            const formats::Buffer& scales, std::uint64_t group);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_BEST_SCALE_H_
