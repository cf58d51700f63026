// SPDX-License-Identifier: Apache-2.0
#include "formats/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/check.h"
#include "formats/catalogue.h"

namespace ulproof::formats {
namespace {

// Text only: long double carries values to the C library's exact printer and back. It holds every
// value of every format, and every midpoint between two, exactly: 54 bits, exponents within 4300.
static_assert(LDBL_MANT_DIG >= 64 && LDBL_MAX_EXP >= 16384);

constexpr int kMaxExactDigits = 17;

std::string_view SignText(bool negative) { return negative ? "-" : ""; }

// |value| of a finite code.
long double Magnitude(const Decoded& value) {
  return std::ldexp(static_cast<long double>(value.significand), value.exponent);
}

// Whether significand * 2^exponent has at most kMaxExactDigits significant decimal digits.
bool HasShortDecimal(std::uint64_t significand, int exponent) {
  constexpr std::uint64_t kLimit = 100'000'000'000'000'000;  // 10^kMaxExactDigits
  if (significand == 0) return true;
  const int zeros = std::countr_zero(significand);
  significand >>= zeros;
  exponent += zeros;
  // Below 1 the digits are those of significand * 5^-exponent, which is odd: none is a trailing 0.
  for (; exponent < 0; ++exponent) {
    if (significand > kLimit / 5) return false;
    significand *= 5;
  }
  // From 1 up, each 5 takes a 2 away with it into a trailing 0.
  for (; exponent > 0; --exponent) {
    if (significand % 5 == 0) {
      significand /= 5;
    } else if (significand > kLimit / 2) {
      return false;
    } else {
      significand *= 2;
    }
  }
  return significand < kLimit;
}

std::string Printed(long double x, int digits) {
  char text[64];
  const int length = std::snprintf(text, sizeof(text), "%.*Lg", digits, x);
  ULPROOF_CHECK(0 < length && length < static_cast<int>(sizeof(text)));
  return text;
}

// The fewest digits that name this magnitude among its format's. Precondition: finite, not zero.
std::string ShortestDecimal(const FormatSpec& spec, Code magnitude_code) {
  const long double x = Magnitude(Decode(spec, magnitude_code));
  // Midpoints to the neighbours; beyond the ends of the format, as far as on the other side.
  const bool has_lower = magnitude_code > 0;
  const bool has_upper = magnitude_code < spec.max_finite_code();
  long double low = has_lower ? (x + Magnitude(Decode(spec, magnitude_code - 1))) / 2 : 0;
  const long double high =
      has_upper ? (x + Magnitude(Decode(spec, magnitude_code + 1))) / 2 : x + (x - low);
  if (!has_lower) low = x - (high - x);
  for (int digits = 1;; ++digits) {
    const std::string text = Printed(x, digits);
    // Reading is monotone and the midpoints are exact, so a strict comparison of what was read is
    // one of the decimal itself.
    const long double read = std::strtold(text.c_str(), nullptr);
    if (low < read && read < high) return text;
  }
}

// Sign and "~" left out. Precondition: finite.
struct Decimal {
  std::string digits;
  bool is_exact;
};
Decimal DecimalOf(const FormatSpec& spec, Code code) {
  const Decoded value = Decode(spec, code);
  if (HasShortDecimal(value.significand, value.exponent)) {
    return {Printed(Magnitude(value), kMaxExactDigits), true};
  }
  return {ShortestDecimal(spec, code & spec.magnitude_mask()), false};
}

}  // namespace

std::string CodeText(const FormatSpec& spec, Code code) {
  return fmt::format("{:#0{}x}", code, 2 + (spec.storage_bits() + 3) / 4);
}

std::string HexFloat(const FormatSpec& spec, Code code) {
  const Decoded value = Decode(spec, code);
  const std::string_view sign = SignText(value.negative);
  switch (value.value_class) {
    case ValueClass::kNan:
      return "nan";
    case ValueClass::kInfinity:
      return fmt::format("{}inf", sign);
    case ValueClass::kZero:
      return fmt::format("{}0x0p+0", sign);
    case ValueClass::kSubnormal:
    case ValueClass::kNormal:
      break;
  }
  const int leading = std::bit_width(value.significand) - 1;
  // The bits after the leading one, at the top of a word: sixteen hex digits.
  const std::uint64_t rest = leading == 0 ? 0 : value.significand << (64 - leading);
  std::string digits = fmt::format("{:016x}", rest);
  digits.erase(digits.find_last_not_of('0') + 1);
  return fmt::format("{}0x1{}{}p{:+d}", sign, digits.empty() ? "" : ".", digits,
                     value.exponent + leading);
}

std::string DecimalText(const FormatSpec& spec, Code code) {
  const Decoded value = Decode(spec, code);
  if (!spec.IsFinite(code)) return HexFloat(spec, code);
  const Decimal decimal = DecimalOf(spec, code);
  return fmt::format("{}{}{}", decimal.is_exact ? "" : "~", SignText(value.negative),
                     decimal.digits);
}

std::string Describe(const FormatSpec& spec, Code code) {
  const std::string name = FormatName(spec);
  const std::string code_text = CodeText(spec, code);
  const Decoded value = Decode(spec, code);
  const char sign = value.negative ? '-' : '+';
  if (value.value_class == ValueClass::kNan) {
    return fmt::format("{} = NaN ({}canonical), {}", code_text,
                       code == spec.canonical_nan_code() ? "" : "not ", name);
  }
  if (value.value_class == ValueClass::kInfinity) {
    return fmt::format("{} = {}inf, {}", code_text, sign, name);
  }
  const Decimal decimal = DecimalOf(spec, code);
  const Code biased_exponent = (code & spec.exponent_mask()) >> spec.trailing_bits;
  const Code leading_bit = value.significand >> spec.trailing_bits;
  std::string significand = fmt::format("{}", leading_bit);
  if (spec.trailing_bits > 0) {
    significand += fmt::format(".{:0{}b}", code & spec.trailing_mask(), spec.trailing_bits);
  }
  return fmt::format("{} = {}{}{} = {}, exponent {}, significand {}, {}", code_text,
                     decimal.is_exact ? "" : "~", sign, decimal.digits, HexFloat(spec, code),
                     biased_exponent, significand, name);
}

std::vector<ValueRow> ValueTable(const FormatSpec& spec) {
  ULPROOF_CHECK(spec.storage_bits() <= kMaxTableBits);
  std::vector<ValueRow> rows;
  rows.reserve(std::size_t{spec.code_mask()} + 1);
  for (Code code = 0; code <= spec.code_mask(); ++code) {
    rows.push_back({code, Decode(spec, code), HexFloat(spec, code), DecimalText(spec, code)});
  }
  return rows;
}

}  // namespace ulproof::formats
