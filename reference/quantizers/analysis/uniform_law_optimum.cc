// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/uniform_law_optimum.h"

#include <algorithm>

namespace ulproof::reference {
namespace {

// With c the end of the law and t = s / c, 4 g / c is a piecewise quadratic in t: an edge (m, d)
// adds d (1 - t m)(3 t m - 1) while t m < 1 and nothing after.
// -a t^2 + b t - c, with a, b >= 0 and c > 0: concave.
struct Quadratic {
  Dyadic a, b, c;

  // The sign at t = 1 / m.
  int SignAtInverse(const Dyadic& m) const { return (-a + b * m - c * m * m).sign(); }
  // Whether it still rises at 1 / m.
  bool RisesAtInverse(const Dyadic& m) const { return (b * m - a.Scale2(1)).sign() > 0; }
  // Whether it becomes positive anywhere (a > 0) ...
  bool HasTwoZeros() const { return (b * b - (a * c).Scale2(2)).sign() > 0; }
  // ... and its smaller zero, in the form without cancellation.
  Number FirstZero(int bits) const {
    const Number root = Sqrt(Number(b * b - (a * c).Scale2(2), bits));
    return Number(c.Scale2(1), bits) / (Number(b, bits) + root);
  }
};

}  // namespace

std::vector<Number> UniformLawMinima(const Grid& grid, int bits) {
  // The edges of both halves, and the sums of q0 and q0^2 of the cells at zero.
  std::vector<GridEdge> edges;
  Dyadic start, start_square;
  for (const bool is_left : {false, true}) {
    const GridHalf half = HalfOf(grid, is_left);
    start += half.start;
    start_square += half.start * half.start;
    edges.insert(edges.end(), half.edges.begin(), half.edges.end());
  }
  std::ranges::sort(edges, {}, &GridEdge::place);

  const Dyadic three = Dyadic::FromInteger(3);
  Quadratic g = {.a = {}, .b = start_square.Scale2(1), .c = start};
  for (const GridEdge& edge : edges) {
    g.a += three * edge.jump * edge.place * edge.place;
    g.b += (edge.jump * edge.place).Scale2(2);
    g.c += edge.jump;
  }
  const Number end = Sqrt(Number(3, bits));
  std::vector<Number> minima;
  // The pieces run from t = 0 on; each ends where its outermost edge leaves the law. A concave
  // piece goes from negative to positive at most once, before its top.
  bool starts_negative = true;    // g(0) = -c.
  const Dyadic* begin = nullptr;  // The piece begins at t = 1 / *begin, the first at 0.
  for (std::size_t left = edges.size(); left > 0; --left) {
    const GridEdge& last = edges[left - 1];
    const int sign = g.SignAtInverse(last.place);
    // It does when g ends above zero, or at zero and rising, or has its top inside and above zero.
    const bool rises = begin == nullptr ? g.b.sign() > 0 : g.RisesAtInverse(*begin);
    const bool rises_to_end = g.RisesAtInverse(last.place);
    const bool crosses =
        sign > 0 || (sign == 0 && rises_to_end) || (rises && !rises_to_end && g.HasTwoZeros());
    if (starts_negative && crosses) minima.push_back(end * g.FirstZero(bits));
    // A piece that starts at zero has its own zero there: no crossing of its own.
    starts_negative = sign < 0;
    begin = &last.place;
    g.a += -(three * last.jump * last.place * last.place);
    g.b += -(last.jump * last.place).Scale2(2);
    g.c += -last.jump;
  }
  // Beyond all edges 4 g / c = b t - c: of the cells at zero alone.
  if (starts_negative && g.b.sign() > 0) {
    minima.push_back(end * Number(g.c, bits) / Number(g.b, bits));
  }
  return minima;
}

}  // namespace ulproof::reference
