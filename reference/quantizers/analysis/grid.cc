// SPDX-License-Identifier: Apache-2.0
#include "reference/quantizers/analysis/grid.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/text.h"
#include "formats/catalogue.h"

namespace ulproof::reference {
namespace {

// The number after a prefix, or nothing when the name is of another kind.
std::optional<std::string_view> NumberAfter(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix) || name.size() == prefix.size()) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return digits;
}

}  // namespace

bool Grid::IsSymmetric() const {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] == -values[values.size() - 1 - i])) return false;
  }
  return true;
}

GridHalf HalfOf(const Grid& grid, bool is_left) {
  std::vector<Dyadic> values = grid.values;
  if (is_left) {
    for (Dyadic& value : values) value = -value;
    std::ranges::reverse(values);
  }
  // The first value whose upper edge is positive.
  std::size_t first = 0;
  while (first + 1 < values.size() && (values[first] + values[first + 1]).sign() <= 0) ++first;
  GridHalf half = {.start = values[first], .edges = {}};
  for (std::size_t i = first; i + 1 < values.size(); ++i) {
    half.edges.push_back({(values[i] + values[i + 1]).Scale2(-1), values[i + 1] - values[i]});
  }
  return half;
}

Grid FormatGrid(const formats::FormatSpec& spec) {
  ULPROOF_CHECK(spec.storage_bits() <= kMaxGridBits);
  Grid grid = {.name = FormatName(spec), .values = {}};
  for (formats::Code code = 0; code <= spec.code_mask(); ++code) {
    if (spec.IsFinite(code)) grid.values.push_back(Dyadic::FromCode(spec, code));
  }
  std::ranges::sort(grid.values);
  const auto repeated = std::ranges::unique(grid.values);
  grid.values.erase(repeated.begin(), repeated.end());
  return grid;
}

Grid IntegerGrid(int bits) {
  ULPROOF_CHECK(bits >= 1 && bits <= kMaxGridBits);
  Grid grid = {.name = "int" + std::to_string(bits), .values = {}};
  const long half = 1l << (bits - 1);
  for (long value = -half; value < half; ++value) {
    grid.values.push_back(Dyadic::FromInteger(value));
  }
  return grid;
}

Grid UniformGrid(int levels) {
  ULPROOF_CHECK(levels >= 2 && levels <= 1 << kMaxGridBits);
  Grid grid = {.name = "uniform" + std::to_string(levels), .values = {}};
  for (long twice = 1 - levels; twice < levels; twice += 2) {
    grid.values.push_back(Dyadic(twice, -1));
  }
  return grid;
}

base::Result<Grid> ParseGrid(std::string_view name) {
  if (const auto digits = NumberAfter(name, "int")) {
    const auto bits = base::ParseUnsigned(*digits, "number of bits", kMaxGridBits);
    if (!bits.ok()) return bits.error();
    if (*bits == 0) return base::UsageError("an integer grid has at least 1 bit");
    return IntegerGrid(static_cast<int>(*bits));
  }
  if (const auto digits = NumberAfter(name, "uniform")) {
    const auto levels = base::ParseUnsigned(*digits, "number of levels", 1 << kMaxGridBits);
    if (!levels.ok()) return levels.error();
    if (*levels < 2) return base::UsageError("a uniform grid has at least 2 levels");
    return UniformGrid(static_cast<int>(*levels));
  }
  const auto format = formats::ParseFormat(name);
  if (!format.ok()) {
    base::Error error = format.error();
    error.message += "; or int<bits>, uniform<levels>";
    return error;
  }
  if (format->storage_bits() > kMaxGridBits) {
    return base::UsageError(std::string(name) + " has " + std::to_string(format->storage_bits()) +
                            " bits; the analysis takes formats of up to " +
                            std::to_string(kMaxGridBits));
  }
  Grid grid = FormatGrid(*format);
  if (grid.values.size() < 2) return base::UsageError(std::string(name) + " has a single value");
  return grid;
}

}  // namespace ulproof::reference
