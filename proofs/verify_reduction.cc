// SPDX-License-Identifier: Apache-2.0
// The canonical reduction (contract section 8): after the butterfly every lane holds the same bits,
// so it does not matter which one a kernel reads; and the bound on any other order.
#include <fmt/format.h>

#include <array>

#include "formats/catalogue.h"
#include "proofs/claims.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/arith.h"

namespace ulproof::proofs {
namespace {

using formats::Code;
using reference::Dyadic;
using Lanes = std::array<Code, 32>;

// Ordinary terms of both signs over 20 binades, so that most sums round.
Lanes Terms(std::uint64_t trial) {
  Lanes lanes;
  std::uint64_t state = trial * 0x9E3779B97F4A7C15u + 1;
  for (Code& lane : lanes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    lane = (117 + (state >> 59)) << 23 | (state >> 32 & 0x807F'FFFF);
  }
  return lanes;
}

// x_j <- x_j + x_(j xor d) for all lanes, or shuffle-down, where lane j takes lane j + d's and the
// last lanes take their own.
Lanes Tree(Lanes lanes, bool shuffle_down) {
  for (int d = 16; d >= 1; d /= 2) {
    Lanes next;
    for (int j = 0; j < 32; ++j) {
      const int other = shuffle_down ? (j + d < 32 ? j + d : j) : j ^ d;
      next[static_cast<std::size_t>(j)] = reference::Add32(lanes[static_cast<std::size_t>(j)],
                                                           lanes[static_cast<std::size_t>(other)]);
    }
    lanes = next;
  }
  return lanes;
}

// Equal lanes follow from x + y = y + x: after step d, lane j and lane j xor d hold the same bits.
// Run, because it is the code that must do so.
Outcome Symmetric(bool shuffle_down) {
  Outcome outcome;
  for (std::uint64_t trial = 0; trial < 2000; ++trial) {
    const Lanes terms = Terms(trial);
    const Lanes sums = Tree(terms, shuffle_down);
    for (std::size_t j = 1; j < 32; ++j) {
      outcome.Check(sums[j] == sums[0], [&] {
        return fmt::format("trial {}: lane {} holds {:08x}, lane 0 {:08x}", trial, j, sums[j],
                           sums[0]);
      });
    }
    // The bound of the contract: n 2^-24 sum |terms|, here for the canonical order and one lane
    // after the other.
    Dyadic exact, magnitude;
    Code sequential = 0;
    for (const Code term : terms) {
      const Dyadic value = Dyadic::FromCode(formats::kFloat32, term);
      exact += value;
      magnitude += value.Abs();
      sequential = reference::Add32(sequential, term);
    }
    const Dyadic bound = (magnitude * Dyadic::FromInteger(32)).Scale2(-24);
    for (const Code sum : {sums[0], sequential}) {
      outcome.Check((Dyadic::FromCode(formats::kFloat32, sum) - exact).Abs() <= bound, [&] {
        return fmt::format("trial {}: {:08x} is beyond the bound", trial, sum);
      });
    }
  }
  return outcome;
}

}  // namespace

Outcome ButterflySymmetric(Depth) { return Symmetric(false); }
Outcome ButterflySymmetricVariant(Depth) { return Symmetric(true); }

}  // namespace ulproof::proofs
