// SPDX-License-Identifier: Apache-2.0
// What the errors of an implementation have in common when no deviation explains them: where they
// stand (lanes, positions, rows, blocks, tails), which inputs they come from (binades, special
// values), and what they look like (distance, sign). A statement is made only if it holds for all
// errors, or for nearly all with the figure, and if errors spread like the elements would hardly
// ever satisfy it.
#ifndef ULPROOF_REFERENCE_COMPARE_ERROR_PATTERN_H_
#define ULPROOF_REFERENCE_COMPARE_ERROR_PATTERN_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/case.h"

namespace ulproof::reference {

// One case with the right outputs and the observed ones.
struct ComparedCase {
  const formats::Case* c;
  std::span<const formats::Tensor> expected;
  std::span<const formats::Tensor> got;
};

// An output element.
struct ElementPlace {
  std::size_t port;
  std::uint64_t index;

  friend bool operator==(const ElementPlace&, const ElementPlace&) = default;
};

// The elements that are errors by the judge's rules (judge.h), in order.
std::vector<ElementPlace> WrongElements(const ComparedCase& compared);

// Statements such as "all 37 errors are in columns with bit 4 set; so are 50% of all elements", the
// most telling first, at most `max_statements`. The first line always says how many elements are
// wrong. None without an error.
std::vector<std::string> ErrorPatterns(std::span<const ComparedCase> cases,
                                       std::size_t max_statements = 6);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_ERROR_PATTERN_H_
