// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/grid_edges.h"

#include <map>

namespace ulproof::reference {

GridEdges::GridEdges(const Grid& grid, const LawMoments& law)
    : law_(law), a0_(0, law.precision_bits()), b0_(0, law.precision_bits()) {
  const int bits = law.precision_bits();
  std::map<Dyadic, Dyadic> jumps;
  for (const bool is_left : {false, true}) {
    const GridHalf half = HalfOf(grid, is_left);
    const Number start(half.start, bits);
    a0_ += start * law.At(Number(0, bits)).first;
    b0_ += start * start / 2;
    for (const GridEdge& edge : half.edges) jumps[edge.place] += edge.jump;
  }
  for (const auto& [place, jump] : jumps) {
    edges_.push_back({Number(place, bits), Number(jump, bits)});
  }
}

GridEdges::Sums GridEdges::At(const Number& scale) const {
  Sums sums = {a0_, b0_};
  for (const EdgeNumbers& edge : edges_) {
    const TailMoments beyond = law_.At(scale * edge.place);
    sums.a += edge.jump * beyond.first;
    sums.b += 2 * edge.jump * edge.place * beyond.tail;
  }
  return sums;
}

}  // namespace ulproof::reference
