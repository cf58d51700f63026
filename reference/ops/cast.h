// SPDX-License-Identifier: Apache-2.0
// Cast (contract section 3): one rounding of the exact value of a code.
#ifndef ULPROOF_REFERENCE_OPS_CAST_H_
#define ULPROOF_REFERENCE_OPS_CAST_H_

#include <cstdint>

#include "formats/codec.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::reference {

// The code of `to` for a code of `from`. A cast through a middle format is another operation: two
// calls of this one.
//   random   the r of a stochastic mode, below 2^random_bits; ignored by the other modes
// Specials: round_to_format.h. Exact where `to` has the value, in every mode.
// Precondition: code <= from.code_mask().
inline formats::Code Cast(const formats::FormatSpec& from, formats::Code code,
                          const formats::FormatSpec& to, const formats::Rounding& rounding,
                          formats::Overflow overflow, std::uint32_t random = 0) {
  return RoundToFormat(to, formats::Decode(from, code), rounding, overflow, random);
}

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_CAST_H_
