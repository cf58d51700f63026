// SPDX-License-Identifier: Apache-2.0
#include "reference/ops/parse_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "reference/exact/dyadic.h"
#include "reference/ops/round_to_format.h"

namespace ulproof::reference {
namespace {

using base::Result;
using base::UsageError;
using formats::Code;
using formats::FormatSpec;
using formats::Overflow;
using formats::ValueClass;

// Powers of ten beyond this are far outside of every format: exponents of two lie within 2^12.
constexpr std::int64_t kHugeExponent = 1 << 15;

int DigitValue(char c) {
  if ('0' <= c && c <= '9') return c - '0';
  if ('a' <= c && c <= 'f') return c - 'a' + 10;
  return 99;
}

// |value| = significand * base^exponent, the base of the exponent being 10 or 2.
struct Scanned {
  Dyadic::Integer significand = 0;
  std::int64_t exponent = 0;
};

// Reads digits[.digits][e|p[+-]digits]. `text` is lower-case; `place` is where it begins in what
// the user typed.
class Scanner {
 public:
  Scanner(std::string_view text, std::size_t place, bool is_hex)
      : text_(text), place_(place), base_(is_hex ? 16 : 10) {}

  Result<Scanned> Scan() {
    bool any_digit = TakeDigits();
    if (Take('.')) {
      const std::size_t before = next_;
      any_digit |= TakeDigits();
      const auto places = static_cast<std::int64_t>(next_ - before);
      scanned_.exponent -= base_ == 16 ? 4 * places : places;
    }
    if (!any_digit) return Fail(base_ == 16 ? "a hexadecimal digit" : "a digit");
    if (Take(base_ == 16 ? 'p' : 'e') && !TakeExponent()) return Fail("a digit of the exponent");
    if (next_ != text_.size()) return Fail("the end of the number");
    return scanned_;
  }

 private:
  bool Take(char letter) {
    if (next_ == text_.size() || text_[next_] != letter) return false;
    ++next_;
    return true;
  }

  bool TakeDigits() {
    const std::size_t begin = next_;
    while (next_ < text_.size() && DigitValue(text_[next_]) < base_) ++next_;
    for (const char c : text_.substr(begin, next_ - begin)) {
      scanned_.significand = scanned_.significand * base_ + DigitValue(c);
    }
    return next_ > begin;
  }

  bool TakeExponent() {
    const bool negative = Take('-');
    if (!negative) Take('+');
    const std::size_t begin = next_;
    std::int64_t exponent = 0;
    for (; next_ < text_.size() && DigitValue(text_[next_]) < 10; ++next_) {
      // Large exponents only have to stay large, even against every digit that a text can hold.
      exponent = std::min<std::int64_t>(exponent * 10 + DigitValue(text_[next_]), 1'000'000'000);
    }
    scanned_.exponent += negative ? -exponent : exponent;
    return next_ > begin;
  }

  base::Error Fail(std::string_view expected) const {
    base::Error error =
        UsageError(next_ == text_.size()
                       ? fmt::format("value: expected {} at the end", expected)
                       : fmt::format("value: expected {}, not '{}'", expected, text_[next_]));
    error.line = 1;
    error.column = static_cast<int>(place_ + next_) + 1;
    return error;
  }

  std::string_view text_;
  std::size_t place_;
  int base_;
  std::size_t next_ = 0;
  Scanned scanned_;
};

// A number that rounds to every format as significand * 10^exponent does. Significand not 0.
Dyadic DecimalToDyadic(const Scanned& scanned) {
  const auto bits = static_cast<std::int64_t>(msb(scanned.significand)) + 1;
  if (scanned.exponent > kHugeExponent) return Dyadic(1, kHugeExponent);
  if (scanned.exponent < -kHugeExponent - bits) return Dyadic(1, -kHugeExponent);
  const Dyadic power(boost::multiprecision::pow(Dyadic::Integer(10),
                                                static_cast<unsigned>(std::abs(scanned.exponent))));
  const Dyadic significand(scanned.significand);
  if (scanned.exponent >= 0) return significand * power;
  // Rounding to odd at 64 bits first is harmless: no format has more than 53 significant bits.
  return QuotientToOdd(significand, power, 64);
}

}  // namespace

Result<Code> ParseValue(const FormatSpec& spec, std::string_view text, Overflow overflow) {
  constexpr formats::Rounding kNearest = {formats::RoundingMode::kNearestEven};
  if (text.size() > kMaxValueTextLength) {
    return UsageError(fmt::format("value of {} characters; at most {} are read", text.size(),
                                  kMaxValueTextLength));
  }
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  std::string_view rest = lower;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "nan") return RoundSpecial(spec, ValueClass::kNan, false, overflow);
  if (rest == "inf" || rest == "infinity") {
    return RoundSpecial(spec, ValueClass::kInfinity, negative, overflow);
  }
  const bool is_hex = rest.starts_with("0x");
  if (is_hex) rest.remove_prefix(2);
  const auto scanned = Scanner(rest, lower.size() - rest.size(), is_hex).Scan();
  if (!scanned.ok()) return scanned.error();
  if (scanned->significand == 0) return RoundSpecial(spec, ValueClass::kZero, negative, overflow);
  const Dyadic magnitude =
      is_hex ? Dyadic(scanned->significand, scanned->exponent) : DecimalToDyadic(*scanned);
  return RoundToFormat(spec, negative ? -magnitude : magnitude, kNearest, overflow);
}

}  // namespace ulproof::reference
