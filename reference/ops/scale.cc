// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/scale.h"

#include "base/check.h"
#include "formats/catalogue.h"
#include "reference/exact/dyadic.h"
#include "reference/exact/real.h"
#include "reference/ops/arith.h"
#include "reference/ops/round_real.h"

namespace ulproof::reference {
namespace {

using formats::Code;
using formats::Decoded;
using formats::kFloat32;
using formats::Overflow;
using formats::Rounding;
using formats::ValueClass;

// RN32(+-2^k).
Code PowerOfTwo(bool negative, std::int64_t k) {
  return RoundToFormat(kFloat32, Dyadic::FromParts(negative, 1, k), Rounding{}, Overflow::kIeee);
}

Code RoundReal(mpfr_srcptr x) {
  return RoundRealDetail(kFloat32, x, Rounding{}, Overflow::kIeee).code;
}

}  // namespace

Code Exp2(Code c) {
  const Decoded value = Decode(kFloat32, c);
  if (value.value_class == ValueClass::kNan) return kNan32;
  if (value.value_class == ValueClass::kInfinity) return value.negative ? 0 : kInfinity32;
  const Dyadic exact = Dyadic::FromDecoded(value);
  // Beyond these, 2^c >= 2^128 overflows and 2^c <= 2^-151 is less than half of the least value.
  if (exact >= Dyadic::FromInteger(128)) return kInfinity32;
  if (exact <= Dyadic::FromInteger(-151)) return 0;
  // An integer c is where 2^c is dyadic: there alone a binary32 value or a tie can be met exactly.
  if (exact.exponent() >= 0) {
    return PowerOfTwo(false, static_cast<std::int64_t>(exact.significand() << exact.exponent()));
  }
  // Any other c is a fraction with an even denominator, and 2^c is irrational: it lies strictly
  // between two neighbouring points where roundings change, and an enclosure that is tight enough
  // shows between which (Ziv). No c needs many bits: 2^c stays clear of 1 for all but tiny c, and
  // for these the first enclosure already rounds to 1. It decides for all but about one in 100.
  constexpr int kMaxPrecisionBits = 4096;
  const FixedReal<64> argument(value.negative, value.significand, value.exponent);
  for (int precision_bits = 32;; precision_bits *= 2) {
    ULPROOF_CHECK(precision_bits <= kMaxPrecisionBits, "2^c is too near a rounding boundary");
    Real below(precision_bits), above(precision_bits);
    mpfr_exp2(below, argument, MPFR_RNDD);
    mpfr_set(above, below, MPFR_RNDN);
    mpfr_nextabove(above);
    const Code rounded = RoundReal(below);
    if (rounded == RoundReal(above)) return rounded;
  }
}

Code RoundUpToPowerOfTwo(Code value) {
  if (!kFloat32.IsFinite(value) || kFloat32.IsZero(value)) return value;
  return PowerOfTwo(kFloat32.IsNegative(value), Dyadic::FromCode(kFloat32, value).CeilLog2());
}

Code Scale(Code max, Code bits, bool pow2) {
  if (kFloat32.IsZero(max)) return 0;
  const Code e = Exp2(Sub32(kOne32, bits));
  return Mul32(pow2 ? RoundUpToPowerOfTwo(max) : max, e);
}

}  // namespace ulproof::reference
