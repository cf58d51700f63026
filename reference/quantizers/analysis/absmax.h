// SPDX-License-Identifier: Apache-2.0
// The scale from the largest magnitude of a group (absmax, MinMax): s = max |x| / r, where r is
// half the distance between the grid's ends. Its error over groups of n independent weights,
// exactly: an integral over the law of the largest of n magnitudes, given which the other n - 1 are
// independent weights of the law cut off there.
#ifndef ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_ABSMAX_H_
#define ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_ABSMAX_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "reference/quantizers/analysis/scale_error.h"

namespace ulproof::reference {

struct AbsmaxError {
  Dyadic mse;         // The mean of the squared error of a weight.
  Dyadic difference;  // Between the quadratures of step h and 2 h: the error of mse is far below.
};

// The nodes of the integral do not depend on n, so that one table answers for every group size.
class AbsmaxTable {
 public:
  // `digits` up to 60. Errors: a grid whose last edge lies beyond r, so that weights beyond the
  // maximum would matter (unsigned formats).
  static base::Result<AbsmaxTable> Make(const Grid& grid, WeightLaw law, int digits);
  ~AbsmaxTable();
  AbsmaxTable(AbsmaxTable&&) noexcept;

  // Precondition: 1 <= group <= 2^40.
  AbsmaxError At(std::uint64_t group) const;

  // The smallest group size of which absmax has a larger error than `mse`, up to `limit`; nothing
  // if it has none. The error of absmax grows with the group from some size on: sizes up to
  // kScannedGroups are tried one by one, the rest by halving.
  static constexpr std::uint64_t kScannedGroups = 64;
  std::optional<std::uint64_t> FirstWorseThan(const Dyadic& mse, std::uint64_t limit) const;

 private:
  struct Nodes;
  explicit AbsmaxTable(std::unique_ptr<const Nodes> nodes);
  std::unique_ptr<const Nodes> nodes_;
};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_QUANTIZERS_ANALYSIS_ABSMAX_H_
