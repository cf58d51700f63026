// SPDX-License-Identifier: Apache-2.0
// From a failing case to the smallest one that still fails: fewer rows and columns, a simpler
// random key, zeroed elements, fewer bits set in those that remain. Logical indices are kept when a
// matrix is cut, so a case that depends on the noise of one element shrinks to that element.
#ifndef ULPROOF_REFERENCE_COMPARE_SHRINK_H_
#define ULPROOF_REFERENCE_COMPARE_SHRINK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "formats/case.h"

namespace ulproof::reference {

// Rows [row_begin, row_end) and columns [col_begin, col_end) of a case, each element with the
// logical index, and each new block with the block-wise inputs, that its first element had. Nothing
// if the result would not be a valid operation. Precondition: non-empty ranges within the shape.
std::optional<formats::Case> SubMatrix(const formats::Case& c, std::uint64_t row_begin,
                                       std::uint64_t row_end, std::uint64_t col_begin,
                                       std::uint64_t col_end);

// Cases that are strictly simpler in one step (fewer elements, else a smaller key, else fewer set
// bits), most daring first. All are valid operations.
std::vector<formats::Case> ShrinkCandidates(const formats::Case& c);

// Takes the first failing candidate again and again until none fails or `max_tries` were tried.
// Precondition: fails(c).
formats::Case Minimise(formats::Case c, const std::function<bool(const formats::Case&)>& fails,
                       int max_tries = 5000);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_SHRINK_H_
