// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/law_moments.h"

namespace ulproof::reference {
namespace {

constexpr long kCentersPerUnit = 16;
constexpr int kHalfSpacingBits = 5;
constexpr int kGuardBits = 40;
// A tail below 2^-(precision + this) is taken for 0.
constexpr int kNegligibleBits = 128;

Number Sqrt(long value, int precision_bits) { return Sqrt(Number(value, precision_bits)); }

// h' = -3 p - u p' is zero where the normal density has u^2 = 3 and Laplace's u = 3 b.
Number TurningPoint(WeightLaw law, int bits) {
  return law == WeightLaw::kLaplace ? 3 / Sqrt(2, bits) : Sqrt(3, bits);
}

// From where on the density is 0, or too small to count.
Number End(WeightLaw law, int bits) {
  const Number nepers = (bits + kNegligibleBits) * Log(Number(2, bits));
  switch (law) {
    case WeightLaw::kNormal:
      return Sqrt(2 * nepers);
    case WeightLaw::kLaplace:
      return nepers / Sqrt(2, bits);
    case WeightLaw::kUniform:
      break;
  }
  return Sqrt(3, bits);
}

// What the density takes of it: 1 / sqrt(2 pi); b. (1 / 2 sqrt 3.)
Number Constant(WeightLaw law, int bits) {
  switch (law) {
    case WeightLaw::kNormal:
      return 1 / Sqrt(2 * Number::Pi(bits));
    case WeightLaw::kLaplace:
      return 1 / Sqrt(2, bits);
    case WeightLaw::kUniform:
      break;
  }
  return 1 / (2 * Sqrt(3, bits));
}

// From the definition: sqrt(pi / 2) exp(u^2 / 2) erfc(u / sqrt 2).
Number MillsByErfc(const Number& u, int bits) {
  const Number root2 = Sqrt(2, bits);
  return Exp(u * u / 2) * Erfc(u / root2) * Sqrt(Number::Pi(bits)) / root2;
}

}  // namespace

const std::vector<Number>& MillsRatio::Series(long center_sixteenths) {
  const auto index = static_cast<std::size_t>(center_sixteenths);
  if (series_.size() <= index) series_.resize(index + 1);
  if (series_[index]) return *series_[index];
  // R' = u R - 1 gives the coefficients a_n = R^(n) / n! by (n + 1) a_(n+1) = u a_n + a_(n-1). An
  // error of R grows like exp(u d + d^2 / 2) over the distance d <= 1/32, which the guard bits
  // cover for all u that At() asks for.
  const int bits = precision_bits_ + kGuardBits;
  const Number u = Number(center_sixteenths, bits) / kCentersPerUnit;
  std::vector<Number> series = {MillsByErfc(u, bits)};
  series.push_back(u * series[0] - 1);
  const Number negligible = Scale2(series[0], -bits);
  // |a_n| falls with n, so from the first negligible term on all are, and their sum too.
  for (long n = 1; Scale2(Abs(series.back()), -kHalfSpacingBits * n) > negligible; ++n) {
    series.push_back(
        (u * series[static_cast<std::size_t>(n)] + series[static_cast<std::size_t>(n) - 1]) /
        (n + 1));
  }
  series_[index] = std::move(series);
  return *series_[index];
}

Number MillsRatio::At(const Number& u) {
  const long center = (u * kCentersPerUnit).ToNearestInteger();
  const std::vector<Number>& series = Series(center);
  const Number distance = u - Number(center, precision_bits_ + kGuardBits) / kCentersPerUnit;
  Number sum = series.back();
  for (std::size_t n = series.size() - 1; n-- > 0;) sum = sum * distance + series[n];
  return sum;
}

LawMoments::LawMoments(WeightLaw law, int precision_bits)
    : law_(law),
      precision_bits_(precision_bits),
      turning_point_(TurningPoint(law, precision_bits)),
      constant_(Constant(law, precision_bits)),
      end_(End(law, precision_bits)),
      mills_(precision_bits) {}

TailMoments LawMoments::At(const Number& u) const {
  ULPROOF_CHECK(u.sign() >= 0);
  if (u > end_) {
    const Number zero(0, precision_bits_);
    return {zero, zero, zero, zero};
  }
  switch (law_) {
    case WeightLaw::kNormal: {
      const Number density = Exp(Scale2(-(u * u), -1)) * constant_;
      const Number tail = density * mills_.At(u);
      return {density, tail, density, tail + u * density};
    }
    case WeightLaw::kLaplace: {
      const Number& b = constant_;
      const Number tail = Scale2(Exp(-u / b), -1);
      return {tail / b, tail, (u + b) * tail, (u * u + 2 * b * (u + b)) * tail};
    }
    case WeightLaw::kUniform:
      break;
  }
  const Number& density = constant_;
  return {density, (end_ - u) * density, (end_ * end_ - u * u) * density / 2,
          (end_ * end_ * end_ - u * u * u) * density / 3};
}

Number LawMoments::SquareFrom(const Number& u, const Number& q) const {
  if (u.sign() >= 0) return At(u).SquareAround(q);
  // All of E (x - q)^2 = 1 + q^2 but the part left of u, which is that right of -u, mirrored.
  return 1 + q * q - At(-u).SquareAround(-q);
}

}  // namespace ulproof::reference
