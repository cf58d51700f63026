// SPDX-License-Identifier: Apache-2.0
// The third entry to the rounding of round_to_format.h, for exact MPFR numbers. Internal to
// reference: no public header shows MPFR.
#ifndef ULPROOF_REFERENCE_OPS_ROUND_REAL_H_
#define ULPROOF_REFERENCE_OPS_ROUND_REAL_H_

#include <mpfr.h>

#include <cstdint>

#include "reference/ops/round_to_format.h"

namespace ulproof::reference {

// x of any precision; a zero keeps its sign.
RoundDetail RoundRealDetail(const formats::FormatSpec& to, mpfr_srcptr x,
                            const formats::Rounding& rounding, formats::Overflow overflow,
                            std::uint32_t random = 0);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_ROUND_REAL_H_
