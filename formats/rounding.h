// SPDX-License-Identifier: Apache-2.0
// Rounding modes and overflow policies as data (contract section 2): what they are called and which
// there are. What they mean is computed in reference/ops/round_to_format.h.
#ifndef ULPROOF_FORMATS_ROUNDING_H_
#define ULPROOF_FORMATS_ROUNDING_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ulproof::formats {

enum class RoundingMode : std::uint8_t {
  kNearestEven,  // rne
  kNearestAway,  // rna: ties away from zero
  kTowardZero,   // rtz
  kUp,           // rup: toward +infinity
  kDown,         // rdn: toward -infinity
  kToOdd,        // rto: exact stays, else the neighbour with the odd code
  kStochasticA,  // sra<N>: away iff floor(nu 2^N) + r >= 2^N
  kStochasticB,  // srb<N>: away iff floor(nu 2^(N+1)) + 2r + 1 >= 2^(N+1)
  kStochasticC,  // src<N>: away iff RNE(nu 2^N) + r >= 2^N
};

inline constexpr int kMaxRandomBits = 32;

struct Rounding {
  RoundingMode mode = RoundingMode::kNearestEven;
  // N of the stochastic modes, 1..32; 0 for the others.
  int random_bits = 0;

  friend constexpr bool operator==(const Rounding&, const Rounding&) = default;
  constexpr bool is_stochastic() const { return mode >= RoundingMode::kStochasticA; }
};

// The six deterministic modes, in the contract's order.
inline constexpr std::array<Rounding, 6> kDeterministicRoundings = {{
    {RoundingMode::kNearestEven},
    {RoundingMode::kNearestAway},
    {RoundingMode::kTowardZero},
    {RoundingMode::kUp},
    {RoundingMode::kDown},
    {RoundingMode::kToOdd},
}};

// "rne", "rna", "rtz", "rup", "rdn", "rto", "sra<N>", "srb<N>", "src<N>".
std::string RoundingName(const Rounding& rounding);
base::Result<Rounding> ParseRounding(std::string_view name);

// What happens when the rounded magnitude exceeds the largest finite value, or the input is
// infinite.
enum class Overflow : std::uint8_t {
  kIeee,  // ovf: as IEEE 754 for the mode; infinity becomes NaN, then largest finite, where absent
  kSaturate,        // sat: largest finite, for finite and infinite inputs
  kSaturateFinite,  // satprop: finite inputs saturate, infinite inputs as in ovf
  kToInfinity,      // ovfinf: infinity whatever the mode (or NaN, or largest finite, where absent)
};

inline constexpr std::array<Overflow, 4> kOverflows = {
    Overflow::kIeee, Overflow::kSaturate, Overflow::kSaturateFinite, Overflow::kToInfinity};

// "ovf", "sat", "satprop", "ovfinf".
std::string_view OverflowName(Overflow overflow);
base::Result<Overflow> ParseOverflow(std::string_view name);

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_ROUNDING_H_
