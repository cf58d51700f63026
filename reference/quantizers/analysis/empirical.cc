// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/empirical.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace ulproof::reference {
namespace {

// Bits of a crossing's scale that decide nearly every comparison.
constexpr int kKeyBits = 60;

// The scale at which a weight falls below an edge: magnitude / place.
struct Crossing {
  std::int64_t exponent;  // A rounding of it that keeps the order, as (exponent, significand).
  std::uint64_t significand;
  const Dyadic* magnitude;
  const GridEdge* edge;

  friend bool operator<(const Crossing& a, const Crossing& b) {
    if (a.exponent != b.exponent) return a.exponent < b.exponent;
    if (a.significand != b.significand) return a.significand < b.significand;
    return *a.magnitude * b.edge->place < *b.magnitude * a.edge->place;
  }
};

Crossing CrossingOf(const Dyadic& magnitude, const GridEdge& edge) {
  // Rounding to odd is monotone; cut to the leading bits it still is.
  const Dyadic scale = QuotientToOdd(magnitude, edge.place, kKeyBits + 2);
  const std::int64_t exponent = scale.FloorLog2();
  const Dyadic::Integer& bits = scale.significand();
  const std::int64_t shift = scale.SignificandBits() - kKeyBits;
  const Dyadic::Integer leading =
      shift > 0 ? Dyadic::Integer(bits >> shift) : Dyadic::Integer(bits << -shift);
  return {exponent, leading.convert_to<std::uint64_t>(), &magnitude, &edge};
}

// Whether a / b lies strictly above (below) the crossing.
bool IsAbove(const EmpiricalMinimum& point, const Crossing& crossing) {
  return point.a * crossing.edge->place > *crossing.magnitude * point.b;
}
bool IsBelow(const EmpiricalMinimum& point, const Crossing& crossing) {
  return point.a * crossing.edge->place < *crossing.magnitude * point.b;
}

}  // namespace

EmpiricalError EmpiricalErrorAtScale(const Grid& grid, std::span<const Dyadic> weights,
                                     const Dyadic& scale) {
  ULPROOF_CHECK(scale.sign() > 0);
  std::vector<Dyadic> values, edges;
  for (const Dyadic& value : grid.values) values.push_back(value * scale);
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    edges.push_back((values[i] + values[i + 1]).Scale2(-1));
  }
  EmpiricalError sums;
  for (const Dyadic& x : weights) {
    const auto cell = std::ranges::upper_bound(edges, x) - edges.begin();
    const Dyadic difference = x - values[static_cast<std::size_t>(cell)];
    const Dyadic square = difference * difference;
    const bool is_clipped = x > values.back() || x < values.front();
    (is_clipped ? sums.clipping : sums.granular) += square;
    sums.signal += x * x;
  }
  sums.error = sums.granular + sums.clipping;
  return sums;
}

base::Result<EmpiricalMinima> FindEmpiricalMinima(const Grid& grid,
                                                  std::span<const Dyadic> weights) {
  const GridHalf halves[2] = {HalfOf(grid, false), HalfOf(grid, true)};
  EmpiricalMinima result;
  // From scale 0 on: every weight saturates.
  EmpiricalMinimum sums;
  std::vector<Dyadic> magnitudes;
  std::uint64_t crossings_needed = 0;
  for (const Dyadic& x : weights) {
    magnitudes.push_back(x.Abs());
    if (!x.is_zero()) crossings_needed += halves[x.is_negative() ? 1 : 0].edges.size();
  }
  if (crossings_needed > kMaxCrossings) {
    return base::UsageError("the search over all scales needs " + std::to_string(crossings_needed) +
                            " crossings of a weight and an edge, more than " +
                            std::to_string(kMaxCrossings) + ": take fewer weights or a scale");
  }
  std::vector<Crossing> crossings;
  crossings.reserve(crossings_needed);
  bool any = false;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i].is_zero()) continue;
    any = true;
    const GridHalf& half = halves[weights[i].is_negative() ? 1 : 0];
    const Dyadic& magnitude = magnitudes[i];
    result.signal += magnitude * magnitude;
    Dyadic value = half.start;
    for (const GridEdge& edge : half.edges) {
      value += edge.jump;
      crossings.push_back(CrossingOf(magnitude, edge));
    }
    sums.a += magnitude * value;
    sums.b += value * value;
  }
  if (!any) return base::UsageError("no weight but zeros");
  std::ranges::sort(crossings, std::less<>());

  Dyadic best_a, best_b = Dyadic::FromInteger(1);
  for (std::size_t i = 0; i <= crossings.size(); ++i) {
    // Between crossing i - 1 and crossing i. (Of two at one scale, nothing is between.)
    if (sums.b.sign() > 0 && sums.a.sign() > 0 && (i == 0 || IsAbove(sums, crossings[i - 1])) &&
        (i == crossings.size() || IsBelow(sums, crossings[i]))) {
      result.minima.push_back(sums);
      if (sums.a * sums.a * best_b > best_a * best_a * sums.b) {
        result.best = result.minima.size() - 1;
        best_a = sums.a;
        best_b = sums.b;
      }
    }
    if (i == crossings.size()) break;
    const GridEdge& edge = *crossings[i].edge;
    sums.a += -(edge.jump * *crossings[i].magnitude);
    sums.b += -(edge.jump * edge.place).Scale2(1);
  }
  return result;
}

}  // namespace ulproof::reference
