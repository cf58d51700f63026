// SPDX-License-Identifier: Apache-2.0
#include "reference/exact/real.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/check.h"
#include "reference/exact/dyadic.h"

namespace ulproof::reference {
namespace {

// An mpz_t with an owner.
class Mpz {
 public:
  Mpz() { mpz_init(value_); }
  ~Mpz() { mpz_clear(value_); }
  Mpz(const Mpz&) = delete;
  Mpz& operator=(const Mpz&) = delete;
  mpz_ptr get() { return value_; }

 private:
  mpz_t value_;
};

// MPFR keeps constants such as ln 2, and free integers, for each thread, and a thread that ends
// leaks them unless it says so.
struct ThreadCaches {
  ~ThreadCaches() { mpfr_free_cache(); }
};

}  // namespace

Real::Real(mpfr_prec_t precision_bits) {
  // Here, as whoever computes what MPFR caches for has a Real to put it in.
  static thread_local const ThreadCaches caches;
  mpfr_init2(value_, precision_bits);
}

Real ToReal(const Dyadic& value) {
  Real real(std::max<std::int64_t>(64, value.SignificandBits()));
  std::vector<std::uint64_t> words;
  export_bits(value.Abs().significand(), std::back_inserter(words), 64, false);
  Mpz integer;
  mpz_import(integer.get(), words.size(), -1, sizeof(words[0]), 0, 0, words.data());
  if (value.is_negative()) mpz_neg(integer.get(), integer.get());
  const int inexact = mpfr_set_z_2exp(real, integer.get(), value.exponent(), MPFR_RNDN);
  ULPROOF_CHECK(inexact == 0);
  return real;
}

Dyadic ToDyadic(mpfr_srcptr value) {
  ULPROOF_CHECK(mpfr_number_p(value) != 0);
  if (mpfr_zero_p(value)) return Dyadic();
  Mpz significand;
  const mpfr_exp_t exponent = mpfr_get_z_2exp(significand.get(), value);
  std::vector<std::uint64_t> words(mpz_size(significand.get()));
  mpz_export(words.data(), nullptr, -1, sizeof(words[0]), 0, 0, significand.get());
  Dyadic::Integer integer;
  import_bits(integer, words.begin(), words.end(), 64, false);
  if (mpz_sgn(significand.get()) < 0) integer = -integer;
  return Dyadic(std::move(integer), exponent);
}

}  // namespace ulproof::reference
