// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/scale_error.h"

#include <cctype>
#include <vector>

#include "reference/quantizers/analysis/grid_edges.h"

namespace ulproof::reference {
namespace {

// Decimal exponents from here to kDigits - 1 are written without "e".
constexpr long kLeastPlainExponent = -5;

}  // namespace

ScaleError ErrorAtScale(const Grid& grid, WeightLaw law, const Dyadic& scale, int digits) {
  return ErrorsAtScales(grid, law, std::span(&scale, 1), digits)[0];
}

std::vector<ScaleError> ErrorsAtScales(const Grid& grid, WeightLaw law,
                                       std::span<const Dyadic> scales, int digits) {
  const int bits = WorkingBits(digits);
  const LawMoments moments(law, bits);
  const GridEdges edges(grid, moments);
  std::vector<ScaleError> errors;
  for (const Dyadic& scale : scales) {
    ULPROOF_CHECK(scale.sign() > 0);
    const Number s(scale, bits);
    const GridEdges::Sums sums = edges.At(s);
    const Number mse = 1 - 2 * s * sums.a + s * s * sums.b;
    const Number highest = s * Number(grid.highest(), bits);
    const Number lowest = s * Number(grid.lowest(), bits);
    const Number clipping =
        moments.SquareFrom(highest, highest) + moments.SquareFrom(-lowest, -lowest);
    errors.push_back({mse.ToDyadic(), (mse - clipping).ToDyadic(), clipping.ToDyadic()});
  }
  return errors;
}

Dyadic SnrDb(const Dyadic& mse, int digits) {
  ULPROOF_CHECK(mse.sign() > 0);
  return (-10 * Log10(Number(mse, WorkingBits(digits)))).ToDyadic();
}

std::string DecimalText(const Dyadic& value, int digits) {
  if (value.is_zero()) return "0";
  const Real exact = ToReal(value);
  std::vector<char> buffer(static_cast<std::size_t>(digits) + 2);
  mpfr_exp_t exponent = 0;  // Of 0.ddd.
  mpfr_get_str(buffer.data(), &exponent, 10, static_cast<std::size_t>(digits), exact, MPFR_RNDN);
  std::string text(buffer.data());
  std::string sign;
  if (text.front() == '-') {
    sign = "-";
    text.erase(0, 1);
  }
  text.erase(text.find_last_not_of('0') + 1);
  const long leading = exponent - 1;
  if (leading < kLeastPlainExponent || leading >= std::max(digits, 1)) {
    if (text.size() > 1) text.insert(1, ".");
    return sign + text + "e" + (leading < 0 ? "-" : "+") + std::to_string(std::abs(leading));
  }
  if (exponent <= 0)
    return sign + "0." + std::string(static_cast<std::size_t>(-exponent), '0') + text;
  const auto whole = static_cast<std::size_t>(exponent);
  if (text.size() <= whole) return sign + text + std::string(whole - text.size(), '0');
  return sign + text.insert(whole, ".");
}

base::Result<Dyadic> ParseDecimal(std::string_view text, int digits) {
  const std::string copy(text);
  Real value(WorkingBits(digits));
  char* end = nullptr;
  const bool starts = !copy.empty() && (std::isdigit(static_cast<unsigned char>(copy[0])) != 0 ||
                                        copy[0] == '-' || copy[0] == '.');
  if (starts) mpfr_strtofr(value, copy.c_str(), &end, 10, MPFR_RNDN);
  if (!starts || end != copy.c_str() + copy.size() || end == copy.c_str() ||
      mpfr_number_p(static_cast<mpfr_srcptr>(value)) == 0) {
    return base::UsageError("'" + copy + "' is not a number");
  }
  return ToDyadic(value);
}

}  // namespace ulproof::reference
