// SPDX-License-Identifier: Apache-2.0
// An MPFR number with operators, so that a formula reads as in the paper. Every operation rounds to
// nearest at the larger of its operands' precisions; how many bits a result needs is the business
// of the function that returns it. Internal to reference/quantizers/analysis, its tests and the
// proofs: public headers hand out Dyadic.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_NUMBER_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_NUMBER_H_

#include <algorithm>
#include <compare>

#include "base/check.h"
#include "reference/exact/dyadic.h"
#include "reference/exact/real.h"

namespace ulproof::reference {

// Bits that carry `digits` decimal digits through the sums of this folder. They lose what cancels
// between the second moment and an error of 2^-40 of it, what 2^16 levels add up to, and the
// conditioning of a flat optimum.
inline int WorkingBits(int digits) {
  ULPROOF_CHECK(digits >= 1 && digits <= 10'000);
  return digits * 10 / 3 + 1 + 112;
}

class Number {
 public:
  // The integer `value`, of `precision_bits` bits. Precondition: it fits.
  Number(long value, int precision_bits) : real_(precision_bits) {
    mpfr_set_si(real_, value, MPFR_RNDN);
  }
  // Rounded to `precision_bits` bits.
  Number(const Dyadic& value, int precision_bits) : real_(precision_bits) {
    const Real exact = ToReal(value);
    mpfr_set(real_, exact, MPFR_RNDN);
  }

  int precision_bits() const { return static_cast<int>(mpfr_get_prec(real_)); }
  int sign() const { return mpfr_sgn(static_cast<mpfr_srcptr>(real_)); }
  Dyadic ToDyadic() const { return reference::ToDyadic(real_); }
  long ToNearestInteger() const { return mpfr_get_si(real_, MPFR_RNDN); }

  friend Number operator+(const Number& a, const Number& b) { return Apply(mpfr_add, a, b); }
  friend Number operator-(const Number& a, const Number& b) { return Apply(mpfr_sub, a, b); }
  friend Number operator*(const Number& a, const Number& b) { return Apply(mpfr_mul, a, b); }
  friend Number operator/(const Number& a, const Number& b) { return Apply(mpfr_div, a, b); }
  friend Number operator+(const Number& a, long b) { return Apply(mpfr_add_si, a, b); }
  friend Number operator-(const Number& a, long b) { return Apply(mpfr_sub_si, a, b); }
  friend Number operator*(const Number& a, long b) { return Apply(mpfr_mul_si, a, b); }
  friend Number operator/(const Number& a, long b) { return Apply(mpfr_div_si, a, b); }
  friend Number operator+(long a, const Number& b) { return b + a; }
  friend Number operator-(long a, const Number& b) { return -(b - a); }
  friend Number operator*(long a, const Number& b) { return b * a; }
  friend Number operator/(long a, const Number& b) { return Number(a, b.precision_bits()) / b; }
  Number operator-() const { return Apply(mpfr_neg, *this); }
  Number& operator+=(const Number& b) {
    mpfr_add(real_, real_, b.real_, MPFR_RNDN);
    return *this;
  }

  friend bool operator==(const Number& a, const Number& b) {
    return mpfr_equal_p(a.real_, b.real_) != 0;
  }
  friend std::strong_ordering operator<=>(const Number& a, const Number& b) {
    return mpfr_cmp(static_cast<mpfr_srcptr>(a.real_), static_cast<mpfr_srcptr>(b.real_)) <=> 0;
  }
  friend bool operator==(const Number& a, long b) { return (a <=> b) == 0; }
  friend std::strong_ordering operator<=>(const Number& a, long b) {
    return mpfr_cmp_si(static_cast<mpfr_srcptr>(a.real_), b) <=> 0;
  }

  friend Number Abs(const Number& a) { return Apply(mpfr_abs, a); }
  friend Number Sqrt(const Number& a) { return Apply(mpfr_sqrt, a); }
  friend Number Exp(const Number& a) { return Apply(mpfr_exp, a); }
  friend Number Log(const Number& a) { return Apply(mpfr_log, a); }
  friend Number Log1p(const Number& a) { return Apply(mpfr_log1p, a); }
  friend Number Log10(const Number& a) { return Apply(mpfr_log10, a); }
  friend Number Erfc(const Number& a) { return Apply(mpfr_erfc, a); }
  friend Number Sinh(const Number& a) { return Apply(mpfr_sinh, a); }
  friend Number Cosh(const Number& a) { return Apply(mpfr_cosh, a); }
  // a * 2^k, exactly.
  friend Number Scale2(const Number& a, long k) {
    Number result = a;
    mpfr_mul_2si(result.real_, a.real_, k, MPFR_RNDN);
    return result;
  }
  static Number Pi(int precision_bits) {
    Number pi(0, precision_bits);
    mpfr_const_pi(pi.real_, MPFR_RNDN);
    return pi;
  }

 private:
  template <typename Function>
  static Number Apply(Function function, const Number& a) {
    Number result(a.precision_bits());
    function(result.real_, a.real_, MPFR_RNDN);
    return result;
  }
  template <typename Function>
  static Number Apply(Function function, const Number& a, const Number& b) {
    Number result(std::max(a.precision_bits(), b.precision_bits()));
    function(result.real_, a.real_, b.real_, MPFR_RNDN);
    return result;
  }
  template <typename Function>
  static Number Apply(Function function, const Number& a, long b) {
    Number result(a.precision_bits());
    function(result.real_, a.real_, b, MPFR_RNDN);
    return result;
  }
  explicit Number(int precision_bits) : real_(precision_bits) {}

  Real real_;
};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_NUMBER_H_
