// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/arith.h"

#include "base/check.h"
#include "reference/exact/dyadic.h"
#include "reference/exact/real.h"
#include "reference/ops/cast.h"
#include "reference/ops/round_real.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::kFloat32;
using formats::Overflow;
using formats::Rounding;
using formats::ValueClass;

constexpr Code kSign32 = kFloat32.sign_mask();

Code Rn32(const Decoded& x) { return RoundToFormat(kFloat32, x, Rounding{}, Overflow::kIeee); }

Decoded DecodeFloat32(Code code) { return Decode(kFloat32, code); }

bool IsNan(const Decoded& x) { return x.value_class == ValueClass::kNan; }
bool IsInfinity(const Decoded& x) { return x.value_class == ValueClass::kInfinity; }
bool IsZero(const Decoded& x) { return x.value_class == ValueClass::kZero; }

Code Signed(bool negative, Code magnitude) { return negative ? kSign32 | magnitude : magnitude; }

// a * b as it is in the reals: exact, in at most 48 bits. Infinity and NaN by IEEE 754.
Decoded ExactProduct(const Decoded& a, const Decoded& b) {
  const bool negative = a.negative != b.negative;
  if (IsNan(a) || IsNan(b) || (IsInfinity(a) && IsZero(b)) || (IsZero(a) && IsInfinity(b))) {
    return {ValueClass::kNan, false, 0, 0};
  }
  if (IsInfinity(a) || IsInfinity(b)) return {ValueClass::kInfinity, negative, 0, 0};
  const std::uint64_t significand = a.significand * b.significand;
  return {significand == 0 ? ValueClass::kZero : ValueClass::kNormal, negative, significand,
          a.exponent + b.exponent};
}

// RN32(a + b). Finite terms are multiples of 2^-298 below 2^256 (products of two binary32 values),
// so every sum is exact in kSumBits.
constexpr int kSumBits = 576;
Code RoundedSum(const Decoded& a, const Decoded& b) {
  if (IsNan(a) || IsNan(b)) return kNan32;
  if (IsInfinity(a) && IsInfinity(b) && a.negative != b.negative) return kNan32;
  if (IsInfinity(a)) return Signed(a.negative, kInfinity32);
  if (IsInfinity(b)) return Signed(b.negative, kInfinity32);
  // A zero term leaves the other as it is; this also keeps the sign of -0 + -0.
  if (IsZero(a) && IsZero(b)) return Signed(a.negative && b.negative, 0);
  if (IsZero(a)) return Rn32(b);
  if (IsZero(b)) return Rn32(a);
  const FixedReal<64> x(a.negative, a.significand, a.exponent);
  const FixedReal<64> y(b.negative, b.significand, b.exponent);
  FixedReal<kSumBits> sum;
  const int rounded = mpfr_add(sum, x, y, MPFR_RNDN);  // An exact zero is +0 in this mode.
  ULPROOF_CHECK(rounded == 0);
  return RoundRealDetail(kFloat32, sum, Rounding{}, Overflow::kIeee).code;
}

}  // namespace

Code Add32(Code a, Code b) { return RoundedSum(DecodeFloat32(a), DecodeFloat32(b)); }

Code Sub32(Code a, Code b) { return Add32(a, b ^ kSign32); }

Code Mul32(Code a, Code b) { return Rn32(ExactProduct(DecodeFloat32(a), DecodeFloat32(b))); }

Code Fma32(Code a, Code b, Code c) {
  return RoundedSum(ExactProduct(DecodeFloat32(a), DecodeFloat32(b)), DecodeFloat32(c));
}

Code Div32(Code a, Code b) {
  const Decoded x = DecodeFloat32(a);
  const Decoded y = DecodeFloat32(b);
  const bool negative = x.negative != y.negative;
  if (IsNan(x) || IsNan(y) || (IsInfinity(x) && IsInfinity(y)) || (IsZero(x) && IsZero(y))) {
    return kNan32;
  }
  if (IsInfinity(x) || IsZero(y)) return Signed(negative, kInfinity32);
  if (IsInfinity(y) || IsZero(x)) return Signed(negative, 0);
  constexpr int kBits = 24 + 2;  // Two more than binary32: see QuotientToOdd.
  const Dyadic quotient = QuotientToOdd(Dyadic::FromDecoded(x), Dyadic::FromDecoded(y), kBits);
  return RoundToFormat(kFloat32, quotient, Rounding{}, Overflow::kIeee);
}

Code Sqrt32(Code code) {
  const Decoded x = DecodeFloat32(code);
  if (IsNan(x) || (x.negative && !IsZero(x))) return kNan32;
  if (IsInfinity(x) || IsZero(x)) return code;
  const FixedReal<64> exact(false, x.significand, x.exponent);
  FixedReal<128> root;
  // A root of a 24-bit number that is not one of 24 bits is further than 2^-52 from every midpoint
  // of binary32 in relative terms, so the 128-bit root rounds as the real one does.
  mpfr_sqrt(root, exact, MPFR_RNDN);
  return RoundRealDetail(kFloat32, root, Rounding{}, Overflow::kIeee).code;
}

Code ToFloat32(const formats::FormatSpec& from, Code code) {
  // Exact, so no mode or policy is at work.
  if (from == kFloat32 && !from.IsNan(code)) return code;
  return Cast(from, code, kFloat32, Rounding{}, Overflow::kIeee);
}

}  // namespace ulproof::reference
