// SPDX-License-Identifier: Apache-2.0
// The scale of a block from its maximum and its bitwidth (contract section 6).
#ifndef ULPROOF_REFERENCE_OPS_SCALE_H_
#define ULPROOF_REFERENCE_OPS_SCALE_H_

#include "formats/codec.h"

namespace ulproof::reference {

// All codes are binary32.

// s = RN32(M * e) with e = RN32(2^c), c = RN32(1 - b); e is correctly rounded for every c.
//   max   M: any code (a block's maximum is never negative; a negative M scales like any number)
//   bits  b: any code
//   pow2  M is first rounded up to a power of two (RoundUpToPowerOfTwo)
// M = 0 gives +0 whatever b is, even NaN; otherwise IEEE 754 decides: b = NaN gives NaN, b = +inf
// gives e = +0 (and NaN for M = +inf), b = -inf gives e = +inf.
formats::Code Scale(formats::Code max, formats::Code bits, bool pow2);

// RN32(2^c), correctly rounded for every c, subnormal results included. NaN gives the canonical
// NaN, +inf gives +inf, -inf gives +0.
formats::Code Exp2(formats::Code c);

// The smallest power of two that is not less than |value|, with value's sign; infinity beyond
// 2^127. Zero, infinity and NaN stay. Exact for subnormals too.
formats::Code RoundUpToPowerOfTwo(formats::Code value);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_SCALE_H_
