// SPDX-License-Identifier: Apache-2.0
// NVFP4 dequantisation (contract section 9): the exact rational e2m1 * D / G, rounded once.
#ifndef ULPROOF_REFERENCE_OPS_DEQUANTIZE_NVFP4_H_
#define ULPROOF_REFERENCE_OPS_DEQUANTIZE_NVFP4_H_

#include "formats/operation.h"

namespace ulproof::reference {

// element * D / G as a code of op.to, rounded once by op.rounding and op.overflow; not through
// binary32. NaN scales give op.to's canonical NaN. G of a quantised tensor is positive and finite;
// for any other G IEEE 754 decides the quotient of the exact product element * D (x / 0 is an
// infinity, 0 / 0 NaN, x / inf a zero). A zero has the sign of the product of signs.
//   tensor_scale   G, a binary32 code
// Preconditions: op.kind is kDequantize with NVFP4; the codes fit their formats; the rounding is
// deterministic.
formats::Code DequantizeNvfp4Element(const formats::Operation& op, formats::Code element,
                                     formats::Code scale, formats::Code tensor_scale);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_DEQUANTIZE_NVFP4_H_
