// SPDX-License-Identifier: Apache-2.0
#include "formats/noise_law.h"

#include "base/text.h"

namespace ulproof::formats {
namespace {

// Indexed by NoiseLaw.
constexpr std::array<std::string_view, 6> kNames = {"rg16",      "rg32",    "rgbits",
                                                    "boxmuller", "uniform", "normal2"};

}  // namespace

std::string_view NoiseLawName(NoiseLaw law) { return kNames[static_cast<std::size_t>(law)]; }

base::Result<NoiseLaw> ParseNoiseLaw(std::string_view name) {
  for (const NoiseLaw law : kNoiseLaws) {
    if (name == NoiseLawName(law)) return law;
  }
  return base::UnknownName("noise law", name, kNames);
}

}  // namespace ulproof::formats
