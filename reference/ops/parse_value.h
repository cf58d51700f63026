// SPDX-License-Identifier: Apache-2.0
// Values typed by people: text to the code of the nearest value of a format, without a binary64 (or
// any other) format in between.
#ifndef ULPROOF_REFERENCE_OPS_PARSE_VALUE_H_
#define ULPROOF_REFERENCE_OPS_PARSE_VALUE_H_

#include <string_view>

#include "base/result.h"
#include "formats/format_spec.h"
#include "formats/rounding.h"

namespace ulproof::reference {

// The code for a decimal ("0.1", "-1e-7", "+3"), a hexadecimal float as of C ("0x1.8p-3", the
// exponent may be left out), "inf", "infinity" or "nan" with an optional sign; letters of any case.
// The exact value of the text is rounded once, to nearest even, and overflows by `overflow`
// (contract section 2); "nan" gives the canonical NaN code whatever its sign.
// Errors: anything else, blanks included, with the column; more than kMaxValueTextLength
// characters.
inline constexpr std::size_t kMaxValueTextLength = 20'000;
base::Result<formats::Code> ParseValue(const formats::FormatSpec& spec, std::string_view text,
                                       formats::Overflow overflow = formats::Overflow::kIeee);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_OPS_PARSE_VALUE_H_
