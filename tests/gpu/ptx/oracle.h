// SPDX-License-Identifier: Apache-2.0
// The second definition of floating-point results: the reference's exact values and one rounding;
// MPFR where the exact value has no end.
#ifndef ULPROOF_TESTS_GPU_PTX_ORACLE_H_
#define ULPROOF_TESTS_GPU_PTX_ORACLE_H_

#include <mpfr.h>

#include <cmath>
#include <cstdint>
#include <string_view>

#include "formats/catalogue.h"
#include "reference/ops/cast.h"

namespace ulproof::gpu::ptx {

struct Mode {
  std::string_view name;  // The PTX modifier.
  formats::Rounding rounding;
  mpfr_rnd_t mpfr;
};
inline constexpr Mode kModes[] = {
    {"rn", {formats::RoundingMode::kNearestEven}, MPFR_RNDN},
    {"rz", {formats::RoundingMode::kTowardZero}, MPFR_RNDZ},
    {"rm", {formats::RoundingMode::kDown}, MPFR_RNDD},
    {"rp", {formats::RoundingMode::kUp}, MPFR_RNDU},
};

// a * b + c by the reference, NaN as its canonical code. A sum of zeros follows IEEE 754.
inline std::uint64_t OracleFma(const formats::FormatSpec& f, std::uint64_t a, std::uint64_t b,
                               std::uint64_t c, const Mode& mode) {
  const bool down = mode.rounding.mode == formats::RoundingMode::kDown;
  if (f.IsNan(a) || f.IsNan(b) || f.IsNan(c)) return f.canonical_nan_code();
  const bool negative = f.IsNegative(a) != f.IsNegative(b);
  const std::uint64_t infinity = f.infinity_code();
  if (f.IsInfinity(a) || f.IsInfinity(b)) {
    if (f.IsZero(a) || f.IsZero(b)) return f.canonical_nan_code();
    if (f.IsInfinity(c) && f.IsNegative(c) != negative) return f.canonical_nan_code();
    return infinity | (negative ? f.sign_mask() : 0);
  }
  if (f.IsInfinity(c)) return c;
  const auto product = reference::Dyadic::FromCode(f, a) * reference::Dyadic::FromCode(f, b);
  const auto sum = product + reference::Dyadic::FromCode(f, c);
  bool negative_zero = down;
  if (product.is_zero() && f.IsZero(c) && negative == f.IsNegative(c)) negative_zero = negative;
  return reference::RoundToFormat(f, sum, mode.rounding, formats::Overflow::kIeee, 0,
                                  negative_zero);
}

// A binary format in MPFR: precision and exponent range, with gradual underflow.
class MpfrFormat {
 public:
  explicit MpfrFormat(const formats::FormatSpec& format) : format_(format) {
    mpfr_init2(wide_, 512);
    mpfr_init2(result_, format.trailing_bits + 1);
    mpfr_init2(other_, 512);
  }
  MpfrFormat(const MpfrFormat&) = delete;
  MpfrFormat& operator=(const MpfrFormat&) = delete;
  ~MpfrFormat() { mpfr_clears(wide_, result_, other_, static_cast<mpfr_ptr>(nullptr)); }

  std::uint64_t Div(std::uint64_t a, std::uint64_t b, const Mode& mode) {
    Set(wide_, a);
    Set(other_, b);
    return Round([&] { return mpfr_div(result_, wide_, other_, mode.mpfr); }, mode);
  }
  std::uint64_t Sqrt(std::uint64_t a, const Mode& mode) {
    Set(wide_, a);
    return Round([&] { return mpfr_sqrt(result_, wide_, mode.mpfr); }, mode);
  }

 private:
  void Set(mpfr_ptr to, std::uint64_t code) {
    const formats::Decoded x = formats::Decode(format_, code);
    if (x.value_class == formats::ValueClass::kNan) {
      mpfr_set_nan(to);
    } else if (x.value_class == formats::ValueClass::kInfinity) {
      mpfr_set_inf(to, x.negative ? -1 : 1);
    } else if (x.significand == 0) {
      mpfr_set_zero(to, x.negative ? -1 : 1);
    } else {
      mpfr_set_ui_2exp(to, x.significand, x.exponent, MPFR_RNDN);
      if (x.negative) mpfr_neg(to, to, MPFR_RNDN);
    }
  }
  template <typename Operation>
  std::uint64_t Round(Operation operation, const Mode& mode) {
    mpfr_set_emin(format_.quantum_exponent() + 1);
    mpfr_set_emax(format_.max_exponent() + 1);
    const int ternary = operation();
    mpfr_subnormalize(result_, ternary, mode.mpfr);
    mpfr_set_emin(mpfr_get_emin_min());
    mpfr_set_emax(mpfr_get_emax_max());
    if (mpfr_nan_p(result_) != 0) return format_.canonical_nan_code();
    const std::uint64_t sign = mpfr_signbit(result_) != 0 ? format_.sign_mask() : 0;
    if (mpfr_inf_p(result_) != 0) return sign | format_.infinity_code();
    if (mpfr_zero_p(result_) != 0) return sign;
    mpfr_abs(result_, result_, MPFR_RNDN);
    const double value = mpfr_get_d(result_, MPFR_RNDN);  // Exact: at most 53 bits in range.
    int exponent = 0;
    const double fraction = std::frexp(value, &exponent);
    const auto significand = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
    return sign | *formats::EncodeExact(format_, false, significand, exponent - 53);
  }

  formats::FormatSpec format_;
  mpfr_t wide_;
  mpfr_t other_;
  mpfr_t result_;
};

}  // namespace ulproof::gpu::ptx

#endif  // ULPROOF_TESTS_GPU_PTX_ORACLE_H_
