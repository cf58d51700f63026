// SPDX-License-Identifier: Apache-2.0
#include "formats/rounding.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ulproof::formats {
namespace {

using base::Result;
using base::UsageError;

// Indexed by RoundingMode.
constexpr std::array<std::string_view, 9> kModeNames = {"rne", "rna", "rtz", "rup", "rdn",
                                                        "rto", "sra", "srb", "src"};
// Indexed by Overflow.
constexpr std::array<std::string_view, 4> kOverflowNames = {"ovf", "sat", "satprop", "ovfinf"};

}  // namespace

std::string RoundingName(const Rounding& rounding) {
  const std::string_view mode = kModeNames[static_cast<std::size_t>(rounding.mode)];
  return rounding.is_stochastic() ? fmt::format("{}{}", mode, rounding.random_bits)
                                  : std::string(mode);
}

Result<Rounding> ParseRounding(std::string_view name) {
  for (std::size_t i = 0; i < kModeNames.size(); ++i) {
    Rounding rounding{static_cast<RoundingMode>(i)};
    if (!rounding.is_stochastic() && name == kModeNames[i]) return rounding;
    if (rounding.is_stochastic() && name.starts_with(kModeNames[i])) {
      const auto bits =
          base::ParseUnsigned(name.substr(3), "number of random bits", kMaxRandomBits);
      if (!bits.ok() || *bits == 0) {
        return UsageError(fmt::format("rounding mode '{}': {}<N> takes N random bits, N in 1..{}",
                                      name, kModeNames[i], kMaxRandomBits));
      }
      rounding.random_bits = static_cast<int>(*bits);
      return rounding;
    }
  }
  static constexpr std::array<std::string_view, 9> kKnown = {
      "rne", "rna", "rtz", "rup", "rdn", "rto", "sra<N>", "srb<N>", "src<N>"};
  return base::UnknownName("rounding mode", name, kKnown);
}

std::string_view OverflowName(Overflow overflow) {
  return kOverflowNames[static_cast<std::size_t>(overflow)];
}

Result<Overflow> ParseOverflow(std::string_view name) {
  for (const Overflow overflow : kOverflows) {
    if (name == OverflowName(overflow)) return overflow;
  }
  return base::UnknownName("overflow policy", name, kOverflowNames);
}

}  // namespace ulproof::formats
