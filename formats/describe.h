// SPDX-License-Identifier: Apache-2.0
// A code as people read it. Everything printed is exact or marked with "~"; nothing here rounds a
// value that is computed with.
#ifndef ULPROOF_FORMATS_DESCRIBE_H_
#define ULPROOF_FORMATS_DESCRIBE_H_

#include <string>
#include <vector>

#include "formats/codec.h"
#include "formats/format_spec.h"

namespace ulproof::formats {

// In all functions: any format that ParseFormat can return; precondition code <= spec.code_mask().

// One line that says all of a code: fields and value.
//   0x38 = +1 = 0x1p+0, exponent 7, significand 1.000, float8_e4m3fn
//   0x3dcccccd = ~+0.1 = 0x1.99999ap-4, exponent 123, significand 1.10011001100110011001101,
//   float32 0x83 = -0.005859375 = -0x1.8p-8, exponent 0, significand 0.011, float8_e4m3fn 0xfc =
//   -inf, float8_e5m2 0x7f = NaN (canonical), float8_e4m3fn
// The exponent is the biased exponent field; the significand is in binary, with all trailing bits.
std::string Describe(const FormatSpec& spec, Code code);

// "0x38": as many digits as the format's bits need.
std::string CodeText(const FormatSpec& spec, Code code);

// The exact value in C's hexadecimal notation with leading digit 1 (subnormals too): "0x1.8p-3",
// "-0x0p+0", "inf", "-inf", "nan".
std::string HexFloat(const FormatSpec& spec, Code code);

// The value in decimal: exact where 17 significant digits suffice ("0.015625"), else "~" and the
// fewest correctly rounded digits that lie nearer to it than to any other value of the format
// ("~0.1"). "0", "-0", "inf", "-inf", "nan".
std::string DecimalText(const FormatSpec& spec, Code code);

struct ValueRow {
  Code code;
  Decoded decoded;
  std::string hex_float;
  std::string decimal;
};

// Every code of the format in increasing order. Precondition: storage_bits() <= kMaxTableBits.
inline constexpr int kMaxTableBits = 16;
std::vector<ValueRow> ValueTable(const FormatSpec& spec);

}  // namespace ulproof::formats

#endif  // ULPROOF_FORMATS_DESCRIBE_H_
