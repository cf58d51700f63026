// SPDX-License-Identifier: Apache-2.0
// What a quantizer can represent: a sorted list of exact values, which a scale multiplies. Anything
// between two of them goes to the nearer one, anything beyond saturates. Which one a tie takes does
// not change the squared error.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_GRID_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_GRID_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/format_spec.h"
#include "reference/exact/dyadic.h"

namespace ulproof::reference {

struct Grid {
  std::string name;
  std::vector<Dyadic> values;  // Increasing and distinct; at least two.

  const Dyadic& lowest() const { return values.front(); }
  const Dyadic& highest() const { return values.back(); }
  // The larger magnitude of the two ends.
  Dyadic Reach() const { return std::max(lowest().Abs(), highest().Abs()); }
  // Every value has its negative.
  bool IsSymmetric() const;
};

// A grid as seen from zero to one side: the value of the cell next to zero, and where and by how
// much the quantizer jumps from there on. The left side is mirrored to the right, values with it.
struct GridEdge {
  Dyadic place;  // The middle between two values; greater than 0.
  Dyadic jump;   // Their distance; greater than 0.
};
struct GridHalf {
  Dyadic start;
  std::vector<GridEdge> edges;  // By increasing place.
};
GridHalf HalfOf(const Grid& grid, bool is_left);

inline constexpr int kMaxGridBits = 16;

// The finite values of a format; its two zeros are one value.
// Precondition: storage_bits() <= kMaxGridBits.
Grid FormatGrid(const formats::FormatSpec& spec);

// Two's complement, -2^(bits-1) .. 2^(bits-1) - 1. Precondition: 1 <= bits <= kMaxGridBits.
Grid IntegerGrid(int bits);

// `levels` values one apart around 0: midrise (+-1/2, +-3/2, ...) for an even number, midtread (0,
// +-1, ...) for an odd one. Precondition: 2 <= levels <= 2^kMaxGridBits.
Grid UniformGrid(int levels);

// A format's name, "int<bits>" or "uniform<levels>". Errors: none of them, or too large.
base::Result<Grid> ParseGrid(std::string_view name);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_GRID_H_
