// SPDX-License-Identifier: Apache-2.0
// MX block quantisation (OCP Microscaling 1.0; contract section 9): a power-of-two scale a group by
// one of the four public rules, and elements w / X rounded to nearest even with saturation.
#ifndef ULPROOF_REFERENCE_OPS_QUANTIZE_MX_H_
#define ULPROOF_REFERENCE_OPS_QUANTIZE_MX_H_

#include <cstdint>

#include "formats/operation.h"
#include "formats/tensor.h"

namespace ulproof::reference {

// mxint8's elements as a format: an exponent field of one bit leaves a single grid, here steps of
// 2^-6 up to 127/64, so the magnitude code is the magnitude of the two's complement integer.
inline constexpr formats::FormatSpec kFixedPoint8 = {
    .exponent_bits = 1, .trailing_bits = 6, .bias = 1, .specials = formats::Specials::kFinite};

// The format in which elements are rounded: block_format.element, or kFixedPoint8 for mxint8.
formats::FormatSpec ElementSpec(const formats::BlockFormat& block_format);

// The scale code (float8_e8m0fnu) that `rule` gives for a group maximum M, a binary32 code:
// X clamped to 2^-127..2^127; M = 0 gives 2^-127; infinite or NaN M gives 0xFF. Exponents of M are
// exact; `rceil` divides in RN32. `best` gives its first candidate, `floor`'s.
formats::Code MxScale(const formats::BlockFormat& block_format, formats::ScaleRule rule,
                      formats::Code max);

// One element's code (two's complement byte for mxint8) under a scale code: cast(w / X) by rne and
// sat; the canonical NaN (largest finite where none) under scale NaN. w is a binary32 code.
formats::Code MxElement(const formats::BlockFormat& block_format, formats::Code scale,
                        formats::Code w);

// Quantises one group of op.scale_grid(): writes its elements and its scale.
// Preconditions: op.kind is kQuantize with an MX format; the buffers are those of SignatureOf(op).
void QuantizeMxGroup(const formats::Operation& op, const formats::ConstBuffer& w,
                     const formats::Buffer& elements, const formats::Buffer& scales,
                     std::uint64_t group);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_QUANTIZE_MX_H_
