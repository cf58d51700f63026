// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/absmax.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "reference/quantizers/analysis/grid_edges.h"

namespace ulproof::reference {
namespace {

// Bits beyond the digits asked for at which a node no longer counts; its weight is multiplied by up
// to 2^40 members of a group.
constexpr int kSpareBits = 16;
constexpr int kGroupBits = 40;

// The substitution m(t) and its derivative: the trapezoidal rule in t converges exponentially.
struct Substituted {
  Number m, slope;
};

// m = log(1 + e^t), near e^t at the lower end and t itself at the upper: the integrand, which is
// analytic, then falls off exponentially or faster at both.
Substituted Softplus(const Number& t) {
  const Number e = Exp(-t);
  return {Log1p(e) + t, 1 / (1 + e)};
}

// m = end / (1 + exp(-pi sinh t)), for a law that ends abruptly.
Substituted TanhSinh(const Number& t, const Number& end) {
  const Number pi = Number::Pi(t.precision_bits());
  const Number e = Exp(-pi * Sinh(t));
  return {end / (1 + e), end * pi * Cosh(t) * e / ((1 + e) * (1 + e))};
}

}  // namespace

// At the magnitude m of the maximum, without the factors that depend on n: weight of the quadrature
// times the density of |x|; log P(|x| <= m); the integral of the squared error over |x| < m; the
// squared error of the maximum itself, mean of both signs.
struct AbsmaxTable::Nodes {
  struct Node {
    Number weight, log_below, below, error, own_error;
    bool is_coarse;  // Belongs to the rule of twice the step.
  };
  int bits;
  std::vector<Node> nodes;
};

AbsmaxTable::AbsmaxTable(std::unique_ptr<const Nodes> nodes) : nodes_(std::move(nodes)) {}
AbsmaxTable::~AbsmaxTable() = default;
AbsmaxTable::AbsmaxTable(AbsmaxTable&&) noexcept = default;

base::Result<AbsmaxTable> AbsmaxTable::Make(const Grid& grid, WeightLaw law_name, int digits) {
  ULPROOF_CHECK(digits >= 1 && digits <= 60);
  const int bits = WorkingBits(digits);
  const Dyadic reach = (grid.highest() - grid.lowest()).Scale2(-1);
  const std::size_t count = grid.values.size();
  const Dyadic last = (grid.values[count - 2] + grid.highest()).Scale2(-1);
  const Dyadic first = (grid.values[0] + grid.values[1]).Scale2(-1);
  if (reach < last || reach < -first) {
    return base::UsageError(grid.name +
                            ": its two sides are too different for a scale by the "
                            "largest magnitude");
  }
  const LawMoments law(law_name, bits);
  const GridEdges edges(grid, law);
  const Number r(reach, bits), highest(grid.highest(), bits), lowest(grid.lowest(), bits);
  auto made = std::make_unique<Nodes>(Nodes{bits, {}});
  // Twice as fine as the digits need for groups of up to 2^20, so that the rule of twice the step,
  // which goes into AbsmaxError::difference, has them too.
  const auto fineness = static_cast<long>(std::bit_width(static_cast<unsigned>(digits)));
  const Number step = Scale2(Number(1, bits), -(fineness + 1));
  const Number negligible = Scale2(Number(1, bits), -(digits * 10 / 3 + kSpareBits));
  const Number negligible_weight = Scale2(negligible, -kGroupBits);
  for (const long direction : {1l, -1l}) {
    for (long k = direction == 1 ? 0 : 1;; ++k) {
      const Number t = step * (direction * k);
      const auto [m, slope] =
          law_name == WeightLaw::kUniform ? TanhSinh(t, law.turning_point()) : Softplus(t);
      const TailMoments beyond = law.At(m);
      const Number weight = step * slope * 2 * beyond.density;
      // Nothing further out adds up to a digit: few maxima are so large, and near 0 the error, at
      // most m^2, goes with them.
      const Number least = direction > 0 ? negligible_weight : negligible;
      if (weight * (direction > 0 ? Number(1, bits) : m * m) < least || beyond.tail.sign() == 0) {
        break;
      }
      const Number s = m / r;
      const GridEdges::Sums sums = edges.At(s);
      const Number all = 1 - 2 * s * sums.a + s * s * sums.b;
      const Number outside = beyond.SquareAround(s * highest) + beyond.SquareAround(-s * lowest);
      const Number up = m - s * highest;
      const Number down = m + s * lowest;
      const Number below = 1 - 2 * beyond.tail;
      made->nodes.push_back({weight, Log1p(-2 * beyond.tail), below, all - outside,
                             (up * up + down * down) / 2, k % 2 == 0});
    }
  }
  return AbsmaxTable(std::move(made));
}

AbsmaxError AbsmaxTable::At(std::uint64_t group) const {
  ULPROOF_CHECK(group >= 1 && group <= std::uint64_t{1} << 40);
  const auto n = static_cast<long>(group);
  Number fine(0, nodes_->bits), coarse(0, nodes_->bits);
  for (const Nodes::Node& node : nodes_->nodes) {
    // n f F^(n-1) [own / n + (n-1)/n error / F], with the density f in the weight.
    Number term = node.own_error;
    if (n > 1) term += (n - 1) * node.error / node.below;
    term = node.weight * Exp((n - 1) * node.log_below) * term;
    fine += term;
    if (node.is_coarse) coarse += 2 * term;
  }
  return {fine.ToDyadic(), Abs(fine - coarse).ToDyadic()};
}

std::optional<std::uint64_t> AbsmaxTable::FirstWorseThan(const Dyadic& mse,
                                                         std::uint64_t limit) const {
  const auto is_worse = [&](std::uint64_t group) { return At(group).mse > mse; };
  for (std::uint64_t group = 1; group <= std::min(limit, kScannedGroups); ++group) {
    if (is_worse(group)) return group;
  }
  if (limit <= kScannedGroups || !is_worse(limit)) return std::nullopt;
  std::uint64_t low = kScannedGroups;
  while (limit - low > 1) {
    const std::uint64_t middle = low + (limit - low) / 2;
    (is_worse(middle) ? limit : low) = middle;
  }
  return limit;
}

}  // namespace ulproof::reference
