// SPDX-License-Identifier: Apache-2.0
#include "formats/block_spec.h"

#include <fmt/format.h>

#include "base/text.h"

namespace ulproof::formats {
namespace {

using base::Result;

constexpr std::uint32_t kMaxBlockSide = 65536;
// Indexed by ScaleRule.
constexpr std::array<std::string_view, 5> kRuleNames = {"floor", "ceil", "even", "rceil", "best"};

}  // namespace

std::string BlockShapeName(const BlockShape& block) {
  return fmt::format("{}x{}", block.rows, block.cols);
}

Result<BlockShape> ParseBlockShape(std::string_view text) {
  const auto sides = base::Split(text, 'x');
  if (sides.size() != 2)
    return base::UsageError(fmt::format("block '{}' is not ROWSxCOLS, as in 32x32", text));
  std::array<std::uint32_t, 2> parsed{};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto side = base::ParseUnsigned(sides[i], "block side", kMaxBlockSide);
    if (!side.ok()) return side.error();
    if (*side == 0) return base::UsageError(fmt::format("block '{}' has a side of 0", text));
    parsed[i] = static_cast<std::uint32_t>(*side);
  }
  return BlockShape{parsed[0], parsed[1]};
}

std::string_view ScaleRuleName(ScaleRule rule) {
  return kRuleNames[static_cast<std::size_t>(rule)];
}

Result<ScaleRule> ParseScaleRule(std::string_view name) {
  for (std::size_t i = 0; i < kRuleNames.size(); ++i) {
    if (name == kRuleNames[i]) return static_cast<ScaleRule>(i);
  }
  return base::UnknownName("scale rule", name, kRuleNames);
}

Result<BlockFormat> ParseBlockFormat(std::string_view name) {
  std::array<std::string_view, kBlockFormats.size()> known;
  for (std::size_t i = 0; i < kBlockFormats.size(); ++i) {
    if (name == kBlockFormats[i].name) return kBlockFormats[i];
    known[i] = kBlockFormats[i].name;
  }
  return base::UnknownName("block format", name, known);
}

}  // namespace ulproof::formats
