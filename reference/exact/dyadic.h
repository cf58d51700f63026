// SPDX-License-Identifier: Apache-2.0
// Exact dyadic numbers, significand * 2^exponent with an integer significand of any size: every
// finite code of every format, and every sum and product of such, without a rounding. Exponents
// come from the representation, never from a logarithm.
#ifndef ULPROOF_REFERENCE_EXACT_DYADIC_H_
#define ULPROOF_REFERENCE_EXACT_DYADIC_H_

#include <boost/multiprecision/cpp_int.hpp>
#include <compare>
#include <cstdint>
#include <string>

#include "formats/codec.h"
#include "formats/format_spec.h"

namespace ulproof::reference {

// A value type; all arithmetic is exact. There is one zero (no sign), no infinity and no NaN.
// Kept reduced: the significand is odd, or zero with exponent 0, so equal values are equal members.
class Dyadic {
 public:
  using Integer = boost::multiprecision::cpp_int;

  Dyadic() = default;
  // significand * 2^exponent.
  explicit Dyadic(Integer significand, std::int64_t exponent = 0);
  static Dyadic FromInteger(std::int64_t value);
  // (-1)^negative * significand * 2^exponent.
  static Dyadic FromParts(bool negative, std::uint64_t significand, std::int64_t exponent);
  // The value of a code. Precondition: the code is finite.
  static Dyadic FromCode(const formats::FormatSpec& spec, formats::Code code);
  // Precondition: a finite value class.
  static Dyadic FromDecoded(const formats::Decoded& value);

  // Odd, or zero; carries the sign.
  const Integer& significand() const { return significand_; }
  std::int64_t exponent() const { return exponent_; }

  bool is_zero() const { return significand_.is_zero(); }
  bool is_negative() const { return significand_.sign() < 0; }
  // -1, 0 or +1.
  int sign() const { return significand_.sign(); }
  // The k with 2^k <= |value| < 2^(k+1); the k with 2^(k-1) < |value| <= 2^k.
  // Precondition: not zero.
  std::int64_t FloorLog2() const;
  std::int64_t CeilLog2() const;
  // Bits of the (odd) significand; 0 for zero.
  std::int64_t SignificandBits() const;

  // value * 2^k.
  Dyadic Scale2(std::int64_t k) const;
  Dyadic Abs() const;
  Dyadic operator-() const;
  friend Dyadic operator+(const Dyadic& a, const Dyadic& b);
  friend Dyadic operator-(const Dyadic& a, const Dyadic& b);
  friend Dyadic operator*(const Dyadic& a, const Dyadic& b);
  Dyadic& operator+=(const Dyadic& other) { return *this = *this + other; }

  friend bool operator==(const Dyadic&, const Dyadic&) = default;
  friend std::strong_ordering operator<=>(const Dyadic& a, const Dyadic& b);

  // The exact value in hexadecimal, "-0x1.8p-3"; zero is "0".
  std::string ToString() const;

 private:
  Integer significand_ = 0;
  std::int64_t exponent_ = 0;
};

// a / b rounded to odd: the exact quotient where `bits` bits hold it, else the neighbour of at
// least that many bits whose last bit is 1. It lies strictly between the same two numbers of at
// most bits - 2 bits as the quotient does, and on the same side of their midpoint; so every
// deterministic rounding to so few bits may start from it (Boldo and Melquiond, "Emulation of FMA
// and correctly rounded sums", 2008). Preconditions: b is not zero; bits >= 2.
Dyadic QuotientToOdd(const Dyadic& a, const Dyadic& b, int bits);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_EXACT_DYADIC_H_
