// SPDX-License-Identifier: Apache-2.0
// The noise of NIPQ as its authors' code draws it (arXiv 2206.00820): the rounding errors that the
// weights really have, in steps, counted in 256 bins, and numbers drawn from those counts.
#ifndef ULPROOF_TRAINER_METHODS_ERROR_HISTOGRAM_H_
#define ULPROOF_TRAINER_METHODS_ERROR_HISTOGRAM_H_

#include <array>
#include <cstdint>
#include <span>

namespace ulproof::trainer {

class ErrorHistogram {
 public:
  // Of the errors that lie in [-1/2, 1/2]; the others do not count, NaN among them.
  explicit ErrorHistogram(std::span<const float> errors);

  // Draws a bin by its count from the high half of 64 random bits and a place in it, uniformly,
  // from the low half. In [-1/2, 1/2); uniform over all of it where nothing was counted.
  float Draw(std::uint64_t bits) const;

 private:
  static constexpr std::size_t kBins = 256;
  std::array<std::uint64_t, kBins> up_to_;  // How many errors lie in this bin or before it.
};

}  // namespace ulproof::trainer

#endif  // ULPROOF_TRAINER_METHODS_ERROR_HISTOGRAM_H_
