// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/clip_rules.h"

#include "reference/quantizers/analysis/law_moments.h"
#include "reference/quantizers/analysis/solve.h"

namespace ulproof::reference {
namespace {

Number FourToMinus(int bits_of_quantizer, int bits) {
  return Scale2(Number(1, bits), -2l * bits_of_quantizer);
}

Number MeanMagnitude(const LawMoments& law) {
  return 2 * law.At(Number(0, law.precision_bits())).first;
}

}  // namespace

Dyadic AciqNormalClip(int quantizer_bits, int digits) {
  ULPROOF_CHECK(quantizer_bits >= 1 && quantizer_bits <= 32);
  const int bits = WorkingBits(digits);
  const LawMoments law(WeightLaw::kNormal, bits);
  const Number target = FourToMinus(quantizer_bits, bits) / 6;
  const auto condition = [&](const Number& a) {
    const TailMoments beyond = law.At(a);
    return beyond.density / a - beyond.tail - target;
  };
  return SolveBetween(condition, Number(1, bits) / 2, Number(64, bits)).ToDyadic();
}

Dyadic AciqLaplaceClip(int quantizer_bits, int digits) {
  ULPROOF_CHECK(quantizer_bits >= 1 && quantizer_bits <= 32);
  const int bits = WorkingBits(digits);
  // log w + w = log x is nearly a line where w is large.
  const Number target = Log(3 / FourToMinus(quantizer_bits, bits));
  const auto condition = [&](const Number& w) { return Log(w) + w - target; };
  return SolveBetween(condition, Number(1, bits), Number(64, bits)).ToDyadic();
}

Dyadic OctavClip(WeightLaw law_name, int quantizer_bits, int digits) {
  ULPROOF_CHECK(quantizer_bits >= 1 && quantizer_bits <= 32);
  const int bits = WorkingBits(digits);
  const LawMoments law(law_name, bits);
  const Number noise = FourToMinus(quantizer_bits, bits) / 3;
  // c (noise (1 - 2 T) + 2 T) - 2 M.
  const auto condition = [&](const Number& c) {
    const TailMoments beyond = law.At(c);
    const Number inside = 1 - 2 * beyond.tail;
    return c * (noise * inside + 2 * beyond.tail) - 2 * beyond.first;
  };
  return SolveBetween(condition, Scale2(Number(1, bits), -8), Number(64, bits)).ToDyadic();
}

std::optional<Dyadic> SawbClip(WeightLaw law_name, int quantizer_bits, int digits) {
  if (quantizer_bits != 2 && quantizer_bits != 4) return std::nullopt;
  const int bits = WorkingBits(digits);
  const LawMoments law(law_name, bits);
  const long c1 = quantizer_bits == 2 ? 3212 : 12680;
  const long c2 = quantizer_bits == 2 ? 2178 : 12800;
  return ((c1 - c2 * MeanMagnitude(law)) / 1000).ToDyadic();
}

Dyadic LsqInitialStep(WeightLaw law_name, int largest_level, int digits) {
  ULPROOF_CHECK(largest_level >= 1);
  const int bits = WorkingBits(digits);
  const LawMoments law(law_name, bits);
  return (2 * MeanMagnitude(law) / Sqrt(Number(largest_level, bits))).ToDyadic();
}

}  // namespace ulproof::reference
