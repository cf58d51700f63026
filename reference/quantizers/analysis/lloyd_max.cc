// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/lloyd_max.h"

#include <algorithm>

#include "reference/quantizers/analysis/law_moments.h"

namespace ulproof::reference {
namespace {

constexpr int kLloydSteps = 8;
constexpr int kNewtonSteps = 200;

// The positive levels q[0] < q[1] < ...; below q[0] is an edge at 0 (an even number of levels) or
// the level 0 (an odd one).
class Half {
 public:
  Half(const LawMoments& law, int levels) : law_(law), odd_(levels % 2 != 0) {
    // Panter and Dite: levels as dense as p^(1/3), which for a normal or Laplace law is the same
    // law 3^(1/2) or 3 times as wide; its quantiles, by halving, to start with.
    const int count = levels / 2;
    const int bits = law.precision_bits();
    const Number stretch =
        law.law() == WeightLaw::kNormal ? Sqrt(Number(3, bits)) : Number(3, bits);
    for (int k = 0; k < count; ++k) {
      const Number above = Number(2l * (count - k) - 1, bits) / (2l * levels);
      q_.push_back(law.law() == WeightLaw::kUniform ? (1 - 2 * above) * law.turning_point()
                                                    : stretch * TailQuantile(above));
    }
  }

  // One step of Lloyd's iteration: every level to the mean of its cell.
  void Lloyd() {
    const std::vector<Cell> cells = Cells();
    for (std::size_t i = 0; i < q_.size(); ++i) q_[i] = cells[i].mean;
  }

  // One step of Newton's method on q_i - mean_i(q_(i-1), q_i, q_(i+1)) = 0; returns the largest
  // change. The levels keep their order by halving the step where they would not.
  Number Newton() {
    const std::vector<Cell> cells = Cells();
    const std::size_t n = q_.size();
    const int bits = law_.precision_bits();
    // Row i: -l_i x_(i-1) + (1 - l_i - u_i) x_i - u_i x_(i+1) = mean_i - q_i, where l and u are the
    // derivatives of the mean by its lower and upper level, half those by its edges.
    std::vector<Number> diagonal, right;
    for (std::size_t i = 0; i < n; ++i) {
      const Number lower = LowerShare(cells, i);
      Number pivot = 1 - lower - cells[i].by_upper / 2;
      Number value = cells[i].mean - q_[i];
      if (i > 0) {
        const Number factor = cells[i].by_lower / 2 / diagonal[i - 1];
        pivot = pivot - factor * cells[i - 1].by_upper / 2;
        value += factor * right[i - 1];
      }
      diagonal.push_back(pivot);
      right.push_back(value);
    }
    std::vector<Number> step(n, Number(0, bits));
    for (std::size_t i = n; i-- > 0;) {
      step[i] = right[i];
      if (i + 1 < n) step[i] += cells[i].by_upper / 2 * step[i + 1];
      step[i] = step[i] / diagonal[i];
    }
    std::vector<Number> moved = q_;
    do {
      for (std::size_t i = 0; i < n; ++i) moved[i] = q_[i] + step[i];
      for (Number& part : step) part = part / 2;
    } while (moved[0].sign() <= 0 || !std::ranges::is_sorted(moved));
    Number largest(0, bits);
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, Abs(moved[i] - q_[i]));
    q_ = std::move(moved);
    return largest;
  }

  // E (x - q)^2 = 1 - sum of mass mean^2, as q is the mean of its cell; both halves.
  Number Error() const {
    Number error(1, law_.precision_bits());
    const std::vector<Cell> cells = Cells();
    for (std::size_t i = 0; i < q_.size(); ++i) {
      error += 2 * cells[i].mass * q_[i] * (q_[i] - 2 * cells[i].mean);
    }
    return error;
  }

  const std::vector<Number>& levels() const { return q_; }

 private:
  struct Cell {
    Number mass, mean, by_lower, by_upper;  // d mean / d edge; 0 at an infinite edge.
  };

  // What of d mean / d lower edge comes back to the level itself: half, and all of it is 0 where
  // the lower edge is fixed at 0.
  Number LowerShare(const std::vector<Cell>& cells, std::size_t i) const {
    if (i == 0 && !odd_) return Number(0, law_.precision_bits());
    return cells[i].by_lower / 2;
  }

  std::vector<Cell> Cells() const {
    const int bits = law_.precision_bits();
    const Number zero(0, bits);
    std::vector<Cell> cells;
    Number edge = q_.empty() || !odd_ ? zero : q_[0] / 2;
    TailMoments from = law_.At(edge);
    for (std::size_t i = 0; i < q_.size(); ++i) {
      const bool last = i + 1 == q_.size();
      const Number upper = last ? zero : (q_[i] + q_[i + 1]) / 2;
      const TailMoments to = last ? TailMoments{zero, zero, zero, zero} : law_.At(upper);
      const Number mass = from.tail - to.tail;
      const Number mean = (from.first - to.first) / mass;
      cells.push_back(
          {mass, mean, from.density * (mean - edge) / mass, to.density * (upper - mean) / mass});
      edge = upper;
      from = to;
    }
    return cells;
  }

  // The u with tail(u) = above, to a few digits.
  Number TailQuantile(const Number& above) const {
    Number low(0, law_.precision_bits()), high(64, law_.precision_bits());
    for (int i = 0; i < 24; ++i) {
      const Number middle = (low + high) / 2;
      (law_.At(middle).tail > above ? low : high) = middle;
    }
    return (low + high) / 2;
  }

  const LawMoments& law_;
  bool odd_;
  std::vector<Number> q_;
};

}  // namespace

LloydMax LloydMaxLevels(WeightLaw law, int levels, int digits) {
  ULPROOF_CHECK(levels >= 1 && levels <= kMaxLloydMaxLevels);
  const int bits = WorkingBits(digits);
  const LawMoments moments(law, bits);
  Half half(moments, levels);
  LloydMax result;
  if (levels > 1) {
    for (int i = 0; i < kLloydSteps; ++i) half.Lloyd();
    const Number enough = Scale2(Number(1, bits), -(bits - 64));
    bool converged = false;
    for (int i = 0; i < kNewtonSteps && !converged; ++i) converged = half.Newton() < enough;
    ULPROOF_CHECK(converged);
  }
  for (std::size_t i = half.levels().size(); i-- > 0;) {
    result.levels.push_back((-half.levels()[i]).ToDyadic());
  }
  if (levels % 2 != 0) result.levels.emplace_back();
  for (const Number& level : half.levels()) result.levels.push_back(level.ToDyadic());
  result.mse = half.Error().ToDyadic();
  return result;
}

}  // namespace ulproof::reference
