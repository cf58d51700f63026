// SPDX-License-Identifier: Apache-2.0
#include "reference/exact/dyadic.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "base/check.h"

namespace ulproof::reference {
namespace {

using Integer = Dyadic::Integer;

// Both significands on the smaller of the two exponents.
struct Aligned {
  Integer a;
  Integer b;
  std::int64_t exponent;
};
Aligned Align(const Dyadic& a, const Dyadic& b) {
  const std::int64_t exponent = std::min(a.exponent(), b.exponent());
  return {a.significand() << (a.exponent() - exponent),
          b.significand() << (b.exponent() - exponent), exponent};
}

}  // namespace

Dyadic::Dyadic(Integer significand, std::int64_t exponent)
    : significand_(std::move(significand)), exponent_(exponent) {
  if (significand_.is_zero()) {
    exponent_ = 0;
    return;
  }
  const auto trailing_zeros = lsb(boost::multiprecision::abs(significand_));
  if (trailing_zeros == 0) return;
  significand_ /= Integer(1) << trailing_zeros;  // Exact; a shift would round negatives down.
  exponent_ += static_cast<std::int64_t>(trailing_zeros);
}

Dyadic Dyadic::FromInteger(std::int64_t value) { return Dyadic(Integer(value)); }

Dyadic Dyadic::FromParts(bool negative, std::uint64_t significand, std::int64_t exponent) {
  Integer integer(significand);
  if (negative) integer = -integer;
  return Dyadic(std::move(integer), exponent);
}

Dyadic Dyadic::FromDecoded(const formats::Decoded& value) {
  ULPROOF_CHECK(value.value_class != formats::ValueClass::kNan &&
                value.value_class != formats::ValueClass::kInfinity);
  return FromParts(value.negative, value.significand, value.exponent);
}

Dyadic Dyadic::FromCode(const formats::FormatSpec& spec, formats::Code code) {
  return FromDecoded(formats::Decode(spec, code));
}

std::int64_t Dyadic::SignificandBits() const {
  if (is_zero()) return 0;
  return static_cast<std::int64_t>(msb(boost::multiprecision::abs(significand_))) + 1;
}

std::int64_t Dyadic::FloorLog2() const {
  ULPROOF_CHECK(!is_zero());
  return exponent_ + SignificandBits() - 1;
}

std::int64_t Dyadic::CeilLog2() const {
  // An odd significand is a power of two only when it is 1.
  return FloorLog2() + (SignificandBits() > 1 ? 1 : 0);
}

Dyadic Dyadic::Scale2(std::int64_t k) const {
  Dyadic scaled = *this;
  if (!is_zero()) scaled.exponent_ += k;
  return scaled;
}

Dyadic Dyadic::Abs() const { return is_negative() ? -*this : *this; }

Dyadic Dyadic::operator-() const {
  Dyadic negated = *this;
  negated.significand_.backend().negate();
  return negated;
}

Dyadic operator+(const Dyadic& a, const Dyadic& b) {
  if (a.is_zero()) return b;
  if (b.is_zero()) return a;
  Aligned aligned = Align(a, b);
  return Dyadic(aligned.a += aligned.b, aligned.exponent);
}

Dyadic operator-(const Dyadic& a, const Dyadic& b) { return a + -b; }

Dyadic operator*(const Dyadic& a, const Dyadic& b) {
  return Dyadic(Integer(a.significand_ * b.significand_), a.exponent_ + b.exponent_);
}

std::strong_ordering operator<=>(const Dyadic& a, const Dyadic& b) {
  if (a.sign() != b.sign() || a.is_zero()) return a.sign() <=> b.sign();
  // Different binades decide without aligning, however far apart.
  const std::int64_t a_log2 = a.FloorLog2();
  const std::int64_t b_log2 = b.FloorLog2();
  if (a_log2 != b_log2) return a.is_negative() ? b_log2 <=> a_log2 : a_log2 <=> b_log2;
  const Aligned aligned = Align(a, b);
  return aligned.a.compare(aligned.b) <=> 0;
}

std::string Dyadic::ToString() const {
  if (is_zero()) return "0";
  // 1.xxx in hexadecimal: move the leading bit to the end of a digit, the rest behind it.
  const std::int64_t fraction_bits = SignificandBits() - 1;
  const std::int64_t padded_bits = (fraction_bits + 3) / 4 * 4;
  std::ostringstream digits;
  digits << std::hex << Integer(Abs().significand_ << (padded_bits - fraction_bits));
  std::string text = digits.str();
  if (text.size() > 1) text.insert(1, ".");
  const std::int64_t exponent = FloorLog2();
  return (is_negative() ? "-0x" : "0x") + text + (exponent < 0 ? "p" : "p+") +
         std::to_string(exponent);
}

Dyadic QuotientToOdd(const Dyadic& a, const Dyadic& b, int bits) {
  ULPROOF_CHECK(!b.is_zero() && bits >= 2);
  if (a.is_zero()) return Dyadic();
  // Enough zeros below a that the integer quotient has at least `bits` bits.
  const std::int64_t shift =
      std::max<std::int64_t>(0, bits + b.SignificandBits() - a.SignificandBits());
  Integer quotient;
  Integer remainder;
  divide_qr(Integer(a.Abs().significand() << shift), b.Abs().significand(), quotient, remainder);
  if (!remainder.is_zero()) bit_set(quotient, 0);
  if (a.is_negative() != b.is_negative()) quotient = -quotient;
  return Dyadic(std::move(quotient), a.exponent() - b.exponent() - shift);
}

}  // namespace ulproof::reference
