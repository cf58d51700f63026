// SPDX-License-Identifier: Apache-2.0
// MX dequantisation (contract section 9): the exact value of an element times its scale, rounded
// once.
#ifndef ULPROOF_REFERENCE_OPS_DEQUANTIZE_MX_H_
#define ULPROOF_REFERENCE_OPS_DEQUANTIZE_MX_H_

#include "formats/operation.h"

namespace ulproof::reference {

// element * X as a code of op.to, rounded once by op.rounding and op.overflow. A NaN element or
// scale gives op.to's canonical NaN; an infinite element (float8_e5m2) stays infinite; a zero keeps
// its sign. An mxint8 element is a two's complement byte, 0x80 = -2 included.
// Preconditions: op.kind is kDequantize with an MX format; the codes fit their formats.
formats::Code DequantizeMxElement(const formats::Operation& op, formats::Code element,
                                  formats::Code scale);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_DEQUANTIZE_MX_H_
