// SPDX-License-Identifier: Apache-2.0
#include "cli/number_lists.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"
#include "cli/sample_tensor.h"

namespace ulproof::cli {
namespace {

using base::Result;

constexpr std::size_t kMaxNumbers = 1000;

Result<float> ParseBits(std::string_view text) {
  float bits = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (code != std::errc() || end != text.data() + text.size()) {
    return base::UsageError(fmt::format("bitwidth '{}' is not a number of float32", text));
  }
  if (const base::Status valid = CheckBits(bits); !valid.ok()) return valid.error();
  return bits;
}

// first..last or first..last/step
Result<std::vector<float>> ParseRange(std::string_view text, std::size_t dots) {
  const std::string_view rest = text.substr(dots + 2);
  const std::size_t slash = rest.find('/');
  const auto first = ParseBits(text.substr(0, dots));
  if (!first.ok()) return first.error();
  const auto last = ParseBits(rest.substr(0, slash));
  if (!last.ok()) return last.error();
  float step = 1;
  if (slash != std::string_view::npos) {
    const auto parsed = ParseBits(rest.substr(slash + 1));
    if (!parsed.ok()) return parsed.error();
    step = *parsed;
  }
  if (!(step > 0) || *last < *first || (*last - *first) / step > kMaxNumbers) {
    return base::UsageError(fmt::format(
        "'{}' is not a range FIRST..LAST/STEP of at most {} numbers", text, kMaxNumbers));
  }
  std::vector<float> numbers;
  for (int i = 0; *first + static_cast<float>(i) * step <= *last; ++i) {
    numbers.push_back(*first + static_cast<float>(i) * step);
  }
  return numbers;
}

}  // namespace

Result<std::vector<float>> ParseBitsList(const std::string& text) {
  std::vector<float> numbers;
  for (const std::string_view piece : base::Split(text, ',')) {
    if (const std::size_t dots = piece.find(".."); dots != std::string_view::npos) {
      const auto range = ParseRange(piece, dots);
      if (!range.ok()) return range;
      numbers.insert(numbers.end(), range->begin(), range->end());
    } else {
      const auto bits = ParseBits(piece);
      if (!bits.ok()) return bits.error();
      numbers.push_back(*bits);
    }
    if (numbers.size() > kMaxNumbers) {
      return base::UsageError(fmt::format("more than {} bitwidths", kMaxNumbers));
    }
  }
  return numbers;
}

Result<std::vector<formats::FormatSpec>> ParseFormatList(const std::string& text) {
  std::vector<formats::FormatSpec> list;
  for (const std::string_view piece : base::Split(text, ',')) {
    const auto format = formats::ParseFormat(std::string(piece));
    if (!format.ok()) return format.error();
    list.push_back(*format);
  }
  return list;
}

Result<double> ParseNumber(const std::string& text) {
  double number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return base::UsageError(fmt::format("'{}' is not a finite number", text));
  }
  return number;
}

}  // namespace ulproof::cli
