// SPDX-License-Identifier: Apache-2.0
// The laws of weights that have closed forms, all with mean 0 and variance 1, so that a scale is in
// standard deviations and an error is the inverse of a signal to noise ratio. Lists of weights are
// empirical.h's.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_WEIGHT_LAW_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_WEIGHT_LAW_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ulproof::reference {

enum class WeightLaw : std::uint8_t {
  kNormal,   // N(0, 1)
  kLaplace,  // density e^(-|x| / b) / 2b with b = 1 / sqrt 2
  kUniform,  // on [-sqrt 3, sqrt 3]
};

inline constexpr std::array<WeightLaw, 3> kWeightLaws = {WeightLaw::kNormal, WeightLaw::kLaplace,
                                                         WeightLaw::kUniform};

// "normal", "laplace", "uniform".
std::string_view WeightLawName(WeightLaw law);
base::Result<WeightLaw> ParseWeightLaw(std::string_view name);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_WEIGHT_LAW_H_
