// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/campaign.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace ulproof::reference {
namespace {

std::string ShardText(const Shard& shard) {
  return fmt::format("shard {}/{}", shard.index, shard.count);
}

// "2, 5, 6 and 4 more": a campaign has up to a million shards.
std::string ListText(std::span<const std::uint64_t> indexes) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(indexes.size(), kShown); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", indexes[i]);
  }
  if (indexes.size() > kShown) text += fmt::format(" and {} more", indexes.size() - kShown);
  return text;
}

}  // namespace

base::Result<std::vector<std::size_t>> OrderOfShards(std::span<const NamedShard> parts) {
  if (parts.empty()) return base::UsageError("nothing to merge");
  const std::uint64_t count = parts[0].shard.count;
  std::vector<std::optional<std::size_t>> part_of(count);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const NamedShard& part = parts[i];
    if (part.shard.count != count) {
      return base::UsageError(fmt::format("{} is {}, but {} is {}: not cut alike", parts[0].name,
                                          ShardText(parts[0].shard), part.name,
                                          ShardText(part.shard)));
    }
    if (!part.is_complete) {
      return base::UsageError(fmt::format("{} is not complete: run {} again with its checkpoint",
                                          part.name, ShardText(part.shard)));
    }
    std::optional<std::size_t>& place = part_of[part.shard.index - 1];
    if (place) {
      return base::UsageError(fmt::format("an overlap: {} and {} are both {}", parts[*place].name,
                                          part.name, ShardText(part.shard)));
    }
    place = i;
  }
  std::vector<std::size_t> order;
  std::vector<std::uint64_t> missing;
  for (std::uint64_t index = 0; index < count; ++index) {
    if (part_of[index]) {
      order.push_back(*part_of[index]);
    } else {
      missing.push_back(index + 1);
    }
  }
  if (!missing.empty()) {
    return base::UsageError(fmt::format(
        "a gap: of {} shards, {} missing: {}", count,
        missing.size() == 1 ? "one is" : fmt::format("{} are", missing.size()), ListText(missing)));
  }
  return order;
}

void AppendSweep(SweepResult& whole, const SweepResult& next) {
  ULPROOF_CHECK(next.begin == whole.end);
  whole.end = next.end;
  whole.nan_inputs += next.nan_inputs;
  whole.mismatches += next.mismatches;
  const std::size_t room = SweepResult::kMaxKeptMismatches - whole.first_mismatches.size();
  const auto first = next.first_mismatches.begin();
  const auto kept = static_cast<std::ptrdiff_t>(std::min(room, next.first_mismatches.size()));
  whole.first_mismatches.insert(whole.first_mismatches.end(), first, first + kept);
  whole.hash = whole.hash.Then(next.hash);
  whole.seconds += next.seconds;
}

}  // namespace ulproof::reference
