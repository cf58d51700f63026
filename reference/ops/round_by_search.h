// SPDX-License-Identifier: Apache-2.0
// A second definition of rounding, on other ground than round_to_format.h: it only decodes. The
// neighbours of x are found by binary search over the format's magnitude codes, comparing exact
// values; the choice between them compares exact distances in integers. No MPFR, no grid
// arithmetic, and its own reading of the overflow clauses. The two must agree everywhere
// (tests/reference/ops/rounding_paths_test.cc).
//
// What each catches in the other. A wrong grid (the exponent of the last place, where subnormals
// begin, the count of codes) or a wrong use of MPFR shows in round_to_format, as the search knows
// nothing but Decode. A wrong choice between neighbours, a wrong r comparison or a policy misread
// in one of them shows in both, as they share no line of it. What neither can catch alone is a
// wrong Decode, which both trust: that is tested against tables and arithmetic of the machine
// (tests/formats/codec_test.cc).
#ifndef ULPROOF_REFERENCE_OPS_ROUND_BY_SEARCH_H_
#define ULPROOF_REFERENCE_OPS_ROUND_BY_SEARCH_H_

#include <cstdint>

#include "formats/codec.h"
#include "formats/format_spec.h"
#include "formats/rounding.h"
#include "reference/exact/dyadic.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::reference {

// The two values of a format around a magnitude.
struct Neighbours {
  // The largest magnitude code whose value is <= |x|. The next one is below + 1; when `below` is
  // the largest finite code, that is the value one last place further, as if the exponent were
  // unbounded.
  formats::Code below;
  Dyadic below_value;
  Dyadic above_value;
  Dyadic magnitude;  // |x|
  // |x| is less than every value of the format (only possible without zero); then `below` is the
  // smallest value, and both neighbours are that one.
  bool underflow = false;
  // |x| is at or above above_value while `below` is the largest finite code.
  bool beyond = false;

  bool exact() const { return !underflow && !beyond && magnitude == below_value; }
  // (|x| - below_value) : (above_value - below_value) as two integers, the discarded fraction nu.
  // Precondition: not underflow, not beyond.
  struct Fraction {
    Dyadic::Integer numerator;
    Dyadic::Integer denominator;
  };
  Fraction fraction() const;
};

// The neighbours of |x|. Precondition: x is not zero.
Neighbours FindNeighbours(const formats::FormatSpec& to, const Dyadic& x);

// The rounding of a number with these neighbours and this sign; same result as
// RoundToFormatDetail.
RoundDetail RoundBetween(const formats::FormatSpec& to, bool negative, const Neighbours& neighbours,
                         const formats::Rounding& rounding, formats::Overflow overflow,
                         std::uint32_t random = 0);

// Same arguments and result as RoundToFormatDetail.
RoundDetail RoundBySearch(const formats::FormatSpec& to, const formats::Decoded& x,
                          const formats::Rounding& rounding, formats::Overflow overflow,
                          std::uint32_t random = 0);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_ROUND_BY_SEARCH_H_
