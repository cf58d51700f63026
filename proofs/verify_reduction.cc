// SPDX-License-Identifier: Apache-2.0
// The canonical reduction (contract section 8): after the butterfly every lane holds the same bits,
// so it does not matter which one a kernel reads, nor how many blocks a launch has; and the bound
// on any other order.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <set>
#include <span>
#include <utility>
#include <vector>

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

// x rounded to three significant bits, ties to even: the arithmetic of the small format below.
// Precondition: |x| < 64.
int Round3(int x) {
  const int magnitude = std::abs(x);
  const int drop =
      std::max(0, static_cast<int>(std::bit_width(static_cast<unsigned>(magnitude))) - 3);
  const int below = magnitude >> drop;
  const int rest = magnitude - (below << drop);
  const int half = drop == 0 ? 1 : 1 << (drop - 1);  // Nothing is cut off without a drop.
  const bool up = rest > half || (rest == half && (below & 1) != 0);
  const int rounded = (up ? below + 1 : below) << drop;
  return x < 0 ? -rounded : rounded;
}

// Every way to add terms[begin, end) in the order they stand, one sum each into `sums`. As the
// terms run over all lists, so do their orders.
using Sums = std::set<int>;
Sums AllTrees(std::span<const int> terms) {
  if (terms.size() == 1) return {terms.front()};
  Sums sums;
  for (std::size_t cut = 1; cut < terms.size(); ++cut) {
    const Sums left = AllTrees(terms.first(cut));
    const Sums right = AllTrees(terms.subspan(cut));
    for (const int a : left) {
      for (const int b : right) sums.insert(Round3(a + b));
    }
  }
  return sums;
}

// The error of n terms added in any order is at most factor(n) 2^-p sum |terms|, p the precision;
// for factor n - 1 a theorem [JeannerodRump], for all formats in sum_in_any_order.v. Decided for p
// = 3, all lists of up to four (full: five) terms with values 0, +-1 .. +-8, all trees; and in
// binary32 for random orders of up to 1,000 terms. `factor`: n - 1, or log2 n, what a balanced tree
// has.
Outcome AnyOrder(Depth depth, bool balanced) {
  Outcome outcome;
  const auto factor = [balanced](std::size_t n) {
    return static_cast<int>(balanced ? static_cast<std::size_t>(std::bit_width(n - 1)) : n - 1);
  };
  const std::size_t largest = depth == Depth::kFull ? 5 : 4;
  int worst_error = 0;
  int worst_bound = 1;
  for (std::size_t n = 2; n <= largest; ++n) {
    std::vector<int> terms(n, -8);
    for (bool done = false; !done;) {
      int exact = 0;
      int magnitude = 0;
      for (const int term : terms) {
        exact += term;
        magnitude += std::abs(term);
      }
      for (const int sum : AllTrees(terms)) {
        const int error = 8 * std::abs(sum - exact);
        const int bound = factor(n) * magnitude;
        outcome.Check(error <= bound, [&] {
          return fmt::format("3 bits: {} in some order gives {}", fmt::join(terms, " + "), sum);
        });
        if (error * worst_bound > worst_error * bound) {
          worst_error = error;
          worst_bound = bound;
        }
      }
      // The next list: an odometer.
      std::size_t i = 0;
      while (i < n && terms[i] == 8) terms[i++] = -8;
      done = i == n;
      if (!done) ++terms[i];
    }
  }
  std::uint64_t state = 1;
  const auto below = [&state](std::uint64_t n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>((state >> 33) % n);
  };
  for (std::uint64_t trial = 0; trial < 40 && !balanced; ++trial) {
    std::vector<Code> sums;
    for (std::size_t n = below(999) + 2; sums.size() < n;) {
      sums.push_back(Terms(trial * 1000 + sums.size())[below(32)]);
    }
    Dyadic exact, magnitude;
    for (const Code term : sums) {
      exact += Dyadic::FromCode(formats::kFloat32, term);
      magnitude += Dyadic::FromCode(formats::kFloat32, term).Abs();
    }
    const Dyadic bound =
        (magnitude * Dyadic::FromInteger(static_cast<std::int64_t>(sums.size() - 1))).Scale2(-24);
    while (sums.size() > 1) {  // Any two of what there is: any tree in any order.
      std::swap(sums[below(sums.size())], sums.back());
      const Code one = sums.back();
      sums.pop_back();
      Code& other = sums[below(sums.size())];
      other = reference::Add32(other, one);
    }
    const Dyadic error = (Dyadic::FromCode(formats::kFloat32, sums.front()) - exact).Abs();
    outcome.Check(error <= bound, [&] { return fmt::format("binary32, trial {}", trial); });
  }
  outcome.figures = fmt::format("3 bits: the error reaches {:.3f} of the bound",
                                static_cast<double>(worst_error) / worst_bound);
  return outcome;
}

}  // namespace

Outcome ButterflySymmetric(Depth) { return Symmetric(false); }
Outcome ButterflySymmetricVariant(Depth) { return Symmetric(true); }
Outcome SumInAnyOrder(Depth depth) { return AnyOrder(depth, false); }
Outcome SumInAnyOrderVariant(Depth) { return AnyOrder(Depth::kQuick, true); }

}  // namespace ulproof::proofs
