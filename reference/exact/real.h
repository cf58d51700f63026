// SPDX-License-Identifier: Apache-2.0
// MPFR numbers with an owner. Real has any precision, in bits, given at construction and never
// taken from MPFR's default; FixedReal keeps its bits inside itself, so that the paths that run
// once an element never allocate. Both are plain storage that converts to MPFR's pointers: the
// arithmetic is MPFR's own functions. A temporary does not convert: some of these "functions" are
// macros that would outlive it. Internal to reference: no public header shows MPFR.
#ifndef ULPROOF_REFERENCE_EXACT_REAL_H_
#define ULPROOF_REFERENCE_EXACT_REAL_H_

#include <mpfr.h>

#include <bit>
#include <cstdint>
#include <utility>

namespace ulproof::reference {

class Dyadic;

// A number of `precision_bits` bits of significand; NaN until it is set. Moving leaves a valid
// number of unspecified value.
class Real {
 public:
  explicit Real(mpfr_prec_t precision_bits);
  Real(const Real& other) : Real(mpfr_get_prec(other.value_)) {
    mpfr_set(value_, other.value_, MPFR_RNDN);  // Exact: the same precision.
  }
  Real(Real&& other) noexcept {
    mpfr_init2(value_, MPFR_PREC_MIN);
    mpfr_swap(value_, other.value_);
  }
  Real& operator=(Real other) noexcept {
    mpfr_swap(value_, other.value_);
    return *this;
  }
  ~Real() { mpfr_clear(value_); }

  operator mpfr_ptr() & { return value_; }          // NOLINT: implicit by design
  operator mpfr_srcptr() const& { return value_; }  // NOLINT: implicit by design
  operator mpfr_srcptr() const&& = delete;          // See the file comment.

 private:
  mpfr_t value_;
};

// A number of kPrecisionBits bits that lives where it is declared.
template <int kPrecisionBits>
class FixedReal {
  static_assert(kPrecisionBits % GMP_NUMB_BITS == 0 && GMP_NUMB_BITS == 64);
  static constexpr int kLimbs = kPrecisionBits / GMP_NUMB_BITS;

 public:
  // NaN until it is set.
  FixedReal() { mpfr_custom_init_set(value_, MPFR_NAN_KIND, 0, kPrecisionBits, limbs_); }
  // Exactly (-1)^negative * significand * 2^exponent; significand 0 gives a zero of that sign.
  FixedReal(bool negative, std::uint64_t significand, std::int64_t exponent) {
    if (significand == 0) {
      mpfr_custom_init_set(value_, negative ? -MPFR_ZERO_KIND : MPFR_ZERO_KIND, 0, kPrecisionBits,
                           limbs_);
      return;
    }
    // MPFR keeps 0.1xxx * 2^exp with the leading bit at the top of the last limb.
    for (int i = 0; i < kLimbs - 1; ++i) limbs_[i] = 0;
    limbs_[kLimbs - 1] = significand << std::countl_zero(significand);
    mpfr_custom_init_set(value_, negative ? -MPFR_REGULAR_KIND : MPFR_REGULAR_KIND,
                         exponent + std::bit_width(significand), kPrecisionBits, limbs_);
  }
  // The bits are inside, and MPFR points at them.
  FixedReal(const FixedReal&) = delete;
  FixedReal& operator=(const FixedReal&) = delete;

  operator mpfr_ptr() & { return value_; }          // NOLINT: implicit by design
  operator mpfr_srcptr() const& { return value_; }  // NOLINT: implicit by design
  operator mpfr_srcptr() const&& = delete;          // See the file comment.

 private:
  mp_limb_t limbs_[kLimbs];
  mpfr_t value_;
};

// The same value as an MPFR number of just enough bits (at least 64), and back. Exact.
// Precondition of ToDyadic: neither infinite nor NaN.
Real ToReal(const Dyadic& value);
Dyadic ToDyadic(mpfr_srcptr value);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_EXACT_REAL_H_
