// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace ulproof::base {
namespace {

Result<std::uint64_t> ParseInBase(std::string_view text, std::string_view digits, int base,
                                  std::string_view what, std::uint64_t max) {
  std::uint64_t value = 0;
  const auto [end, code] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  const bool whole = !digits.empty() && end == digits.data() + digits.size();
  if (code == std::errc::result_out_of_range || (whole && value > max)) {
    return UsageError(base == 16 ? fmt::format("{} '{}' is larger than {:#x}", what, text, max)
                                 : fmt::format("{} '{}' is larger than {}", what, text, max));
  }
  if (code != std::errc() || !whole) {
    return UsageError(
        fmt::format("{} '{}' is not {}", what, text,
                    base == 16 ? "a hexadecimal number" : "an unsigned decimal number"));
  }
  return value;
}

// Typing errors between a and b: letters wrong, missing, too many, or two neighbours swapped (the
// "optimal string alignment" distance), three rows at a time.
std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j] + (a[i] != b[j]), row[j] + 1, last[j + 1] + 1});
      const bool swapped = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j];
      if (swapped) row[j + 1] = std::min(row[j + 1], before[j - 1] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

Result<std::uint64_t> ParseUnsigned(std::string_view text, std::string_view what,
                                    std::uint64_t max) {
  return ParseInBase(text, text, 10, what, max);
}

Result<std::uint64_t> ParseHex(std::string_view text, std::string_view what, std::uint64_t max) {
  const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
  return ParseInBase(text, prefixed ? text.substr(2) : text, 16, what, max);
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(separator, begin);
    pieces.push_back(text.substr(begin, end == text.npos ? text.npos : end - begin));
    if (end == text.npos) return pieces;
    begin = end + 1;
  }
}

std::string_view Nearest(std::string_view text, std::span<const std::string_view> candidates) {
  std::string_view best;
  // A name is only offered when at least half of it was typed right.
  std::size_t best_distance = text.size() / 2 + 1;
  for (const std::string_view candidate : candidates) {
    // "e4m3fn" should find "float8_e4m3fn": a contained name counts as nearly right.
    const bool contained = text.size() >= 3 && candidate.find(text) != candidate.npos;
    const std::size_t distance = contained ? 1 : EditDistance(text, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

Error UnknownName(std::string_view kind, std::string_view text,
                  std::span<const std::string_view> known) {
  const std::string_view nearest = Nearest(text, known);
  const std::string hint = nearest.empty() ? "" : fmt::format(" (did you mean '{}'?)", nearest);
  return UsageError(
      fmt::format("unknown {} '{}'{}; known: {}", kind, text, hint, fmt::join(known, ", ")));
}

}  // namespace ulproof::base
