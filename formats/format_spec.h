// SPDX-License-Identifier: Apache-2.0
// A number format as data: four numbers, a sign flag and the family of its special values.
// Everything else (largest finite value, code of NaN, ...) is derived here and nowhere else. A
// structural type, so that it serves at run time and as a template argument. Names live in
// formats/catalogue.h.
//
//        sign   biased exponent      trailing significand
//       +----+---------------------+----------------------+
//       | 0/1|   exponent_bits     |    trailing_bits     |     code = this bit pattern as an
//       integer
//       +----+---------------------+----------------------+
//
//   biased exponent > 0:  value = (-1)^sign * 1.trailing * 2^(biased exponent - bias)      (normal)
//   biased exponent = 0:  value = (-1)^sign * 0.trailing * 2^(1 - bias)                    (zero,
//   subnormal)
#ifndef ULPROOF_FORMATS_FORMAT_SPEC_H_
#define ULPROOF_FORMATS_FORMAT_SPEC_H_

#include <cstdint>

namespace ulproof::formats {

// The integer bit pattern of a number, in the low storage_bits() bits; the rest is zero.
using Code = std::uint64_t;

// How a format encodes what is not an ordinary number (contract section 1).
enum class Specials : std::uint8_t {
  kIeee,    // All-ones exponent: infinity (trailing 0) or NaN (trailing > 0).
  kFn,      // No infinity; only S.1..1.1..1 is NaN.
  kFnuz,    // No infinity, no negative zero; the code of negative zero is the only NaN.
  kFinite,  // Neither infinity nor NaN.
  kE8m0,    // Unsigned powers of two, no zero, no subnormals; the all-ones code is NaN.
};

struct FormatSpec {
  int exponent_bits;
  int trailing_bits;
  int bias;
  bool is_signed = true;
  Specials specials = Specials::kIeee;

  friend constexpr bool operator==(const FormatSpec&, const FormatSpec&) = default;

  // --- Fields of the code
  // -------------------------------------------------------------------------
  constexpr int storage_bits() const { return magnitude_bits() + (is_signed ? 1 : 0); }
  constexpr int magnitude_bits() const { return exponent_bits + trailing_bits; }
  // Bytes per element in memory: the smallest of 1, 2, 4, 8 that holds the code.
  constexpr int storage_bytes() const {
    return storage_bits() <= 8 ? 1 : storage_bits() <= 16 ? 2 : storage_bits() <= 32 ? 4 : 8;
  }
  constexpr Code code_mask() const { return LowMask(storage_bits()); }
  constexpr Code magnitude_mask() const { return LowMask(magnitude_bits()); }
  constexpr Code sign_mask() const { return is_signed ? Code{1} << magnitude_bits() : 0; }
  constexpr Code trailing_mask() const { return LowMask(trailing_bits); }
  constexpr Code exponent_mask() const { return magnitude_mask() & ~trailing_mask(); }

  // --- Which values exist
  // -------------------------------------------------------------------------
  constexpr bool has_infinity() const { return specials == Specials::kIeee; }
  // An `ieee` format without trailing bits has an infinity and no room for a NaN.
  constexpr bool has_nan() const {
    return specials != Specials::kFinite && !(specials == Specials::kIeee && trailing_bits == 0);
  }
  constexpr bool has_zero() const { return specials != Specials::kE8m0; }
  constexpr bool has_negative_zero() const { return is_signed && specials != Specials::kFnuz; }
  // Whether biased exponent 0 means "no implicit leading bit". (With 0 trailing bits that is zero
  // alone.)
  constexpr bool has_subnormals() const { return specials != Specials::kE8m0; }

  // --- Distinguished codes
  // ------------------------------------------------------------------------ Magnitude code (sign
  // 0) of the largest finite value.
  constexpr Code max_finite_code() const {
    switch (specials) {
      case Specials::kIeee:
        return exponent_mask() - 1;
      case Specials::kFn:
      case Specials::kE8m0:
        return magnitude_mask() - 1;
      case Specials::kFnuz:
      case Specials::kFinite:
        break;
    }
    return magnitude_mask();
  }
  // Precondition: has_infinity(). Code of +infinity.
  constexpr Code infinity_code() const { return exponent_mask(); }
  // The NaN that operations return (contract section 2): sign 0, only the top trailing bit set in
  // `ieee`, the single NaN elsewhere; the largest positive finite value where no code is NaN.
  constexpr Code canonical_nan_code() const {
    if (!has_nan()) return max_finite_code();
    switch (specials) {
      case Specials::kIeee:
        return exponent_mask() | Code{1} << (trailing_bits - 1);
      case Specials::kFnuz:
        return sign_mask();
      case Specials::kFn:
      case Specials::kE8m0:
      case Specials::kFinite:
        break;
    }
    return magnitude_mask();
  }

  // --- Exponents (unbiased)
  // ----------------------------------------------------------------------- Exponent of the
  // smallest normal value.
  constexpr int min_exponent() const { return (has_subnormals() ? 1 : 0) - bias; }
  // The finest grid step is 2^quantum_exponent(): the smallest subnormal where there are trailing
  // bits.
  constexpr int quantum_exponent() const { return min_exponent() - trailing_bits; }
  // Exponent of the largest finite value when that value is normal (true for the whole catalogue).
  constexpr int max_exponent() const {
    return static_cast<int>(max_finite_code() >> trailing_bits) - bias;
  }

  // --- Predicates on codes (precondition: code <= code_mask())
  // ------------------------------------
  constexpr bool IsNegative(Code code) const { return (code & sign_mask()) != 0; }
  constexpr bool IsNan(Code code) const {
    switch (specials) {
      case Specials::kIeee:
        return (code & magnitude_mask()) > exponent_mask();
      case Specials::kFn:
      case Specials::kE8m0:
        return (code & magnitude_mask()) == magnitude_mask();
      case Specials::kFnuz:
        return code == sign_mask();
      case Specials::kFinite:
        break;
    }
    return false;
  }
  constexpr bool IsInfinity(Code code) const {
    return has_infinity() && (code & magnitude_mask()) == exponent_mask();
  }
  constexpr bool IsZero(Code code) const {
    return has_zero() && (code & magnitude_mask()) == 0 && !IsNan(code);
  }
  constexpr bool IsFinite(Code code) const { return !IsNan(code) && !IsInfinity(code); }
  constexpr bool IsSubnormal(Code code) const {
    return has_subnormals() && (code & exponent_mask()) == 0 && (code & trailing_mask()) != 0 &&
           IsFinite(code);
  }

 private:
  static constexpr Code LowMask(int bits) { return bits >= 64 ? ~Code{0} : (Code{1} << bits) - 1; }
};

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_FORMAT_SPEC_H_
