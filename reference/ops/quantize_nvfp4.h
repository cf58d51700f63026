// SPDX-License-Identifier: Apache-2.0
// NVFP4 quantisation (contract section 9): e2m1 elements in groups of 16, a float8_e4m3fn scale a
// group and one binary32 scale for the tensor, in the operation order of TransformerEngine's public
// reference. Every step is RN32.
#ifndef ULPROOF_REFERENCE_OPS_QUANTIZE_NVFP4_H_
#define ULPROOF_REFERENCE_OPS_QUANTIZE_NVFP4_H_

#include <cstdint>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// G of a tensor whose largest |w| is `max`: min(RN32(2688 / A), FLT_MAX), 1 for A = 0, NaN for
// infinite or NaN A. Binary32 codes.
formats::Code Nvfp4TensorScale(formats::Code max);

// D of a group: cast to float8_e4m3fn (rne, sat) of RN32(M * RN32(G * RN32(1/6))), and NaN (0x7F)
// for G = NaN. M and G are binary32 codes.
formats::Code Nvfp4GroupScale(formats::Code tensor_scale, formats::Code group_max);

// E of a group: min(RN32(1 / RN32(D * RN32(1/G))), FLT_MAX), a binary32 code.
formats::Code Nvfp4Encoder(formats::Code tensor_scale, formats::Code group_scale);

// Element: cast to float4_e2m1fn (rne, sat) of RN32(w * E); 0x7 where that is NaN.
formats::Code Nvfp4Element(formats::Code encoder, formats::Code w);

// Quantises one group of op.scale_grid() under a tensor scale: writes its elements and its scale.
// Preconditions: op.kind is kQuantize with NVFP4; the buffers are those of SignatureOf(op).
void QuantizeNvfp4Group(const formats::Operation& op, const formats::ConstBuffer& w,
                        formats::Code tensor_scale, const formats::Buffer& elements,
                        const formats::Buffer& scales, std::uint64_t group);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_QUANTIZE_NVFP4_H_
