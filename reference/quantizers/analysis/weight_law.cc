// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/weight_law.h"

#include "base/text.h"

namespace ulproof::reference {

std::string_view WeightLawName(WeightLaw law) {
  switch (law) {
    case WeightLaw::kNormal:
      return "normal";
    case WeightLaw::kLaplace:
      return "laplace";
    case WeightLaw::kUniform:
      break;
  }
  return "uniform";
}

base::Result<WeightLaw> ParseWeightLaw(std::string_view name) {
  std::array<std::string_view, kWeightLaws.size()> known;
  for (std::size_t i = 0; i < known.size(); ++i) {
    known[i] = WeightLawName(kWeightLaws[i]);
    if (known[i] == name) return kWeightLaws[i];
  }
  return base::UnknownName("law of weights", name, known);
}

}  // namespace ulproof::reference
