// SPDX-License-Identifier: Apache-2.0
// Correctly rounded binary32 2^c (contract section 6), in integers only: one table entry, one
// polynomial in 64-bit fixed point, one rounding. No instruction set, flag or rounding mode can
// change it.
#ifndef ULPROOF_CPU_EXP2_H_
#define ULPROOF_CPU_EXP2_H_

#include <cstdint>

namespace ulproof::cpu {

// 2^fraction as a 64-bit number with 63 fraction bits, in [2^63, 2^64); `fraction` counts 2^-64.
// Exact for fraction 0; otherwise off by less than kExp2ErrorUnits units (derived in exp2.cc).
inline constexpr std::uint64_t kExp2ErrorUnits = 3;
std::uint64_t Exp2Fixed(std::uint64_t fraction);

// RN32(2^c) for every binary32 c: subnormal results kept, ties (c = -150 alone) to even;
// exp2(+inf) = +inf, exp2(-inf) = +0, exp2(NaN) = the canonical NaN.
// That the rounding is always decided by Exp2Fixed's 64 bits is checked over all inputs in
// tests/cpu/exp2_test.cc, and the results against MPFR.
float Exp2(float c);

}  // namespace ulproof::cpu

#endif  // ULPROOF_CPU_EXP2_H_
