// SPDX-License-Identifier: Apache-2.0
#include "reference/inspect/law_table.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "reference/random/law.h"

namespace ulproof::reference {
namespace {

using formats::NoiseLaw;

constexpr int kLargestBoxMuller = 3;
constexpr int kPrecisionBits = 128;

// The law's thresholds, or null for a law that has none.
const formats::ThresholdLaw* ThresholdsOf(NoiseLaw law) {
  switch (law) {
    case NoiseLaw::kRg16:
      return &formats::kRg16Law;
    case NoiseLaw::kRg32:
      return &formats::kRg32Law;
    case NoiseLaw::kRgbits:
      return &formats::kRgbitsLaw;
    default:
      return nullptr;
  }
}

LawValue ThresholdValue(const formats::ThresholdLaw& law, int r) {
  const Rational probability = Probability(law, r);
  // Over sign and magnitude every R is a whole number of words.
  const Rational words = boost::multiprecision::cpp_int(1) << (law.magnitude_bits + 1);
  return {r, probability.convert_to<double>(),
          Rational(probability * words).str() + "/" + words.str()};
}

}  // namespace

LawTable LawTableOf(NoiseLaw law) {
  LawTable table = {.law = law, .values = {}};
  if (law == NoiseLaw::kUniform) {
    const double step = 0x1p-24;
    table.intact = step;
    table.variance = 1.0 / 12 + step * step / 6;
    table.fourth_moment = 1.0 / 80;
    return table;
  }
  if (law == NoiseLaw::kNormal2) {
    table.variance = 0.25;
    table.fourth_moment = 3.0 / 16;
    return table;
  }
  const formats::ThresholdLaw* thresholds = ThresholdsOf(law);
  const int largest = thresholds != nullptr ? LargestMagnitude(*thresholds) : kLargestBoxMuller;
  for (int r = -largest; r <= largest; ++r) {
    table.values.push_back(
        thresholds != nullptr
            ? ThresholdValue(*thresholds, r)
            : LawValue{r, ExactProbability(r, kPrecisionBits).low.convert_to<double>(), ""});
  }
  table.intact = table.values[static_cast<std::size_t>(largest)].probability;
  for (const LawValue& value : table.values) {
    const double square = double(value.r) * value.r;
    table.variance += square * value.probability;
    table.fourth_moment += square * square * value.probability;
  }
  return table;
}

double RealLawProbability(NoiseLaw law, double low, double high) {
  ULPROOF_CHECK(!formats::HasIntegerNoise(law));
  if (law == NoiseLaw::kUniform) {
    return std::max(0.0, std::min(high, 0.5) - std::max(low, -0.5));
  }
  // R = z / 2, so P(R < x) = P(z < 2x) = erfc(-sqrt(2) x) / 2; taken on the side that is small.
  const auto below = [](double x) { return std::erfc(-std::sqrt(2.0) * x) / 2; };
  return low > 0 ? below(-low) - below(-high) : below(high) - below(low);
}

}  // namespace ulproof::reference
