// SPDX-License-Identifier: Apache-2.0
// A grid as its edges: the midpoints between neighbouring values, where the quantizer jumps. For a
// law that is its own mirror image the two halves of the line are the same, so the edges of both
// are kept as distances from zero, and with T, M the tail and first moment of the right half
//
//   E (x - s q)^2 = 1 - 2 s A + s^2 B,  A = a0 + sum of d M(s m),  B = b0 + sum of 2 d m T(s m)
//
// over all edges m > 0, where d is the size of the jump. Internal: shows Number.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_GRID_EDGES_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_GRID_EDGES_H_

#include <vector>

#include "reference/quantizers/analysis/grid.h"
#include "reference/quantizers/analysis/law_moments.h"

namespace ulproof::reference {

struct EdgeNumbers {
  Number place;  // m
  Number jump;   // d; edges of both halves at one distance are one
};

class GridEdges {
 public:
  GridEdges(const Grid& grid, const LawMoments& law);

  const std::vector<EdgeNumbers>& edges() const { return edges_; }  // By increasing place.
  const Number& a0() const { return a0_; }
  const Number& b0() const { return b0_; }

  // A and B at a scale.
  struct Sums {
    Number a, b;
  };
  Sums At(const Number& scale) const;

 private:
  const LawMoments& law_;
  std::vector<EdgeNumbers> edges_;
  Number a0_, b0_;
};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_GRID_EDGES_H_
