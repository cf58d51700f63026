// SPDX-License-Identifier: Apache-2.0
#include "gpu/ptx/soft_float.h"

#include <algorithm>
#include <bit>

#include "formats/codec.h"

namespace ulproof::gpu::ptx {
namespace {

using formats::Decoded;
using formats::ValueClass;

int BitWidth(Uint128 x) {
  const auto high = static_cast<std::uint64_t>(x >> 64);
  return high != 0 ? 64 + static_cast<int>(std::bit_width(high))
                   : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(x)));
}

Code Signed(const FormatSpec& format, bool negative, Code magnitude) {
  return magnitude | (negative ? format.sign_mask() : 0);
}

// Whether the magnitude `kept` + rest/2^shift (+ a little when sticky) goes up to kept + 1.
bool RoundsAway(const RoundingControl& control, bool negative, Uint128 kept, Uint128 rest,
                int shift, bool sticky) {
  const bool inexact = rest != 0 || sticky;
  switch (control.rounding) {
    case Rounding::kTowardZero:
      return false;
    case Rounding::kDown:
      return inexact && negative;
    case Rounding::kUp:
      return inexact && !negative;
    case Rounding::kStochastic: {
      const int drop = shift - control.random_bits;
      const Uint128 head = drop >= 128 ? 0 : drop >= 0 ? rest >> drop : rest << -drop;
      return ((head + control.random) >> control.random_bits) != 0;
    }
    case Rounding::kNearestEven:
    case Rounding::kNearestAway:
      break;
  }
  if (shift == 0 || shift > 128) return false;
  const Uint128 half = Uint128{1} << (shift - 1);
  if (rest != half || sticky) return rest >= half;
  return control.rounding == Rounding::kNearestAway || (kept & 1) != 0;
}

// The result when a rounded magnitude exceeds the largest finite value.
Code Overflowed(const FormatSpec& format, bool negative, const RoundingControl& control) {
  const bool stays_finite = control.saturate || control.rounding == Rounding::kTowardZero ||
                            (control.rounding == Rounding::kDown && !negative) ||
                            (control.rounding == Rounding::kUp && negative) ||
                            format.specials == formats::Specials::kFinite;
  if (stays_finite) return Signed(format, negative, format.max_finite_code());
  if (!format.has_infinity()) return DefaultNan(format);
  return Signed(format, negative, format.infinity_code());
}

// Both with the top bit at bit 125, so that a sum has room and alignment keeps every bit that a
// rounding can need; the exact value is unchanged.
Unrounded Normalised(Unrounded x) {
  const int shift = 126 - BitWidth(x.significand);
  x.significand <<= shift;
  x.exponent -= shift;
  return x;
}

// x + y for nonzero exact x and y. The result is zero (significand 0) exactly when x = -y.
Unrounded AddExact(Unrounded x, Unrounded y) {
  x = Normalised(x);
  y = Normalised(y);
  if (x.exponent < y.exponent || (x.exponent == y.exponent && x.significand < y.significand)) {
    std::swap(x, y);
  }
  const int shift = x.exponent - y.exponent;
  const Uint128 aligned = shift >= 128 ? 0 : y.significand >> shift;
  x.sticky = shift >= 128 || (aligned << shift) != y.significand;
  if (x.negative == y.negative) {
    x.significand += aligned;
  } else {
    // x - (aligned + f) = (x - aligned - 1) + (1 - f).
    x.significand -= aligned + (x.sticky ? 1 : 0);
  }
  return x;
}

bool ZeroSumIsNegative(bool a_negative, bool b_negative, Rounding rounding) {
  return a_negative == b_negative ? a_negative : rounding == Rounding::kDown;
}

}  // namespace

Code DefaultNan(const FormatSpec& format) {
  if (format == formats::kFloat64) return 0xFFF8000000000000;
  return format.has_nan() ? format.magnitude_mask() : format.max_finite_code();
}

Unrounded FromCode(const FormatSpec& format, Code code) {
  const Decoded value = formats::Decode(format, code);
  return {.negative = value.negative, .significand = value.significand, .exponent = value.exponent};
}

Code RoundTo(const FormatSpec& format, const Unrounded& x, const RoundingControl& control) {
  if (x.significand == 0 && !x.sticky) return Signed(format, x.negative, 0);
  const int trailing_bits = format.trailing_bits;
  const int leading = x.exponent + BitWidth(x.significand) - 1;
  const int grid = std::max(leading - trailing_bits, format.quantum_exponent());
  const int shift = grid - x.exponent;
  Uint128 kept = 0;
  Uint128 rest = 0;
  if (shift <= 0) {
    kept = x.significand << -shift;
  } else if (shift < 128) {
    kept = x.significand >> shift;
    rest = x.significand - (kept << shift);
  } else {
    rest = x.significand;
  }
  if (RoundsAway(control, x.negative, kept, rest, std::max(shift, 0), x.sticky)) ++kept;
  Code magnitude = static_cast<Code>(kept);
  if ((magnitude >> trailing_bits) != 0) {
    // A carry into the next binade moves the exponent field on by itself.
    const int biased_exponent = grid + trailing_bits + format.bias;
    if (biased_exponent >= 1 << format.exponent_bits) {
      return Overflowed(format, x.negative, control);
    }
    magnitude += (static_cast<Code>(biased_exponent) << trailing_bits) - (Code{1} << trailing_bits);
  }
  if (magnitude > format.max_finite_code()) return Overflowed(format, x.negative, control);
  return Signed(format, x.negative, magnitude);
}

Code SoftFma(const FormatSpec& format, Code a, Code b, Code c, Rounding rounding) {
  if (format.IsNan(a) || format.IsNan(b) || format.IsNan(c)) return DefaultNan(format);
  const bool product_negative = format.IsNegative(a) != format.IsNegative(b);
  if (format.IsInfinity(a) || format.IsInfinity(b)) {
    const bool invalid = format.IsZero(a) || format.IsZero(b) ||
                         (format.IsInfinity(c) && format.IsNegative(c) != product_negative);
    return invalid ? DefaultNan(format) : Signed(format, product_negative, format.infinity_code());
  }
  if (format.IsInfinity(c)) return c;
  const Unrounded x = FromCode(format, a);
  const Unrounded y = FromCode(format, b);
  const Unrounded addend = FromCode(format, c);
  Unrounded product{.negative = product_negative,
                    .significand = x.significand * y.significand,
                    .exponent = x.exponent + y.exponent};
  if (product.significand == 0 && addend.significand == 0) {
    return Signed(format, ZeroSumIsNegative(product_negative, addend.negative, rounding), 0);
  }
  if (product.significand == 0) return c;
  if (addend.significand != 0) product = AddExact(product, addend);
  if (product.significand == 0 && !product.sticky) {
    return Signed(format, rounding == Rounding::kDown, 0);
  }
  return RoundTo(format, product, {.rounding = rounding});
}

Code SoftAdd(const FormatSpec& format, Code a, Code b, Rounding rounding) {
  const Code one = static_cast<Code>(format.bias) << format.trailing_bits;
  return SoftFma(format, a, one, b, rounding);
}

Code SoftMul(const FormatSpec& format, Code a, Code b, Rounding rounding) {
  // The addend zero has the product's own sign, so that no mode can change a zero product's sign.
  const Code zero = (a ^ b) & format.sign_mask();
  return SoftFma(format, a, b, zero, rounding);
}

Code SoftDiv(const FormatSpec& format, Code a, Code b, Rounding rounding) {
  if (format.IsNan(a) || format.IsNan(b)) return DefaultNan(format);
  const bool negative = format.IsNegative(a) != format.IsNegative(b);
  if ((format.IsInfinity(a) && format.IsInfinity(b)) || (format.IsZero(a) && format.IsZero(b))) {
    return DefaultNan(format);
  }
  if (format.IsInfinity(a) || format.IsZero(b)) {
    return Signed(format, negative, format.infinity_code());
  }
  if (format.IsInfinity(b) || format.IsZero(a)) return Signed(format, negative, 0);
  const Unrounded y = FromCode(format, b);
  const Unrounded x = Normalised(FromCode(format, a));
  const Uint128 quotient = x.significand / y.significand;
  return RoundTo(format,
                 {.negative = negative,
                  .significand = quotient,
                  .exponent = x.exponent - y.exponent,
                  .sticky = quotient * y.significand != x.significand},
                 {.rounding = rounding});
}

Code SoftSqrt(const FormatSpec& format, Code a, Rounding rounding) {
  if (format.IsNan(a)) return DefaultNan(format);
  if (format.IsZero(a)) return a;
  if (format.IsNegative(a)) return DefaultNan(format);
  if (format.IsInfinity(a)) return a;
  Unrounded x = Normalised(FromCode(format, a));
  if ((x.exponent & 1) != 0) {  // Top bit at 126 then: still no overflow.
    x.significand <<= 1;
    x.exponent -= 1;
  }
  Uint128 root = 0;
  Uint128 remainder = x.significand;
  for (Uint128 bit = Uint128{1} << 126; bit != 0; bit >>= 2) {
    if (remainder >= root + bit) {
      remainder -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return RoundTo(format,
                 {.significand = root, .exponent = x.exponent / 2, .sticky = remainder != 0},
                 {.rounding = rounding});
}

Integral RoundToIntegral(const Unrounded& x, Rounding rounding) {
  Integral result{.negative = x.negative};
  if (x.significand == 0) return result;
  if (x.exponent + BitWidth(x.significand) > 65) {
    result.overflow = true;
    return result;
  }
  const int shift = -x.exponent;
  Uint128 kept = 0;
  Uint128 rest = 0;
  if (shift <= 0) {
    kept = x.significand << -shift;
  } else if (shift < 128) {
    kept = x.significand >> shift;
    rest = x.significand - (kept << shift);
  } else {
    rest = x.significand;
  }
  if (RoundsAway({.rounding = rounding}, x.negative, kept, rest, std::max(shift, 0), x.sticky)) {
    ++kept;
  }
  result.overflow = (kept >> 64) != 0;
  result.magnitude = static_cast<std::uint64_t>(kept);
  return result;
}

}  // namespace ulproof::gpu::ptx
