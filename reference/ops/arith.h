// SPDX-License-Identifier: Apache-2.0
// The binary32 arithmetic of the contract, RN32: each result is the exact one rounded once, to
// nearest even, with IEEE 754's rules for special operands. Codes in, codes out; the machine's own
// floating point takes no part.
#ifndef ULPROOF_REFERENCE_OPS_ARITH_H_
#define ULPROOF_REFERENCE_OPS_ARITH_H_

#include "formats/catalogue.h"
#include "formats/codec.h"

namespace ulproof::reference {

// --- binary32 codes that the contract names
inline constexpr formats::Code kOne32 = 0x3F80'0000;
inline constexpr formats::Code kLargest32 = 0x7F7F'FFFF;  // FLT_MAX
inline constexpr formats::Code kInfinity32 = 0x7F80'0000;
inline constexpr formats::Code kNan32 = 0x7FC0'0000;     // The canonical NaN.
inline constexpr formats::Code kMinusLn2 = 0xBF31'7218;  // RN32(-ln 2), contract section 8.

// Arguments are any binary32 codes. A NaN argument or an invalid operation (inf - inf, 0 * inf,
// 0 / 0, inf / inf) gives the canonical NaN; x / 0 is an infinity. An exact zero sum is +0 unless
// both terms are -0.
formats::Code Add32(formats::Code a, formats::Code b);
formats::Code Sub32(formats::Code a, formats::Code b);
formats::Code Mul32(formats::Code a, formats::Code b);
formats::Code Div32(formats::Code a, formats::Code b);
// a * b + c with one rounding.
formats::Code Fma32(formats::Code a, formats::Code b, formats::Code c);
// The square root: -0 gives -0, anything else below zero NaN.
formats::Code Sqrt32(formats::Code x);

// The code of the same value in binary32; NaN gives the canonical NaN.
// Precondition: formats::IsExactInFloat32(from).
formats::Code ToFloat32(const formats::FormatSpec& from, formats::Code code);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_ARITH_H_
