// SPDX-License-Identifier: Apache-2.0
#include "cli/observations.h"

#include <functional>

#include "base/hash.h"

namespace ulproof::cli {
namespace {

using formats::Case;
using formats::Tensor;
using reference::Observation;

constexpr std::uint64_t kSmallElements = 600;
constexpr std::uint64_t kMaxElements = 1 << 17;
constexpr std::size_t kMaxSmall = 40;  // Of the wrong and of the right ones.
constexpr std::size_t kMaxLarge = 3;

// Over the spelling and the input elements, then mixed so that the low hashes are no particular
// cases.
std::uint64_t HashOf(const Case& c) {
  base::Fnv1a fnv;
  fnv.Add(OperationName(c.op));
  for (const Tensor& input : c.inputs) {
    for (std::uint64_t i = 0; i < input.count(); ++i) fnv.Add(input.Get(i));
  }
  std::uint64_t hash = fnv.value();
  hash ^= hash >> 33;
  hash *= 0xFF51AFD7ED558CCDu;
  return hash ^ hash >> 33;
}

}  // namespace

void Observations::Keep(Kept& kept, std::size_t limit, std::uint64_t hash, const Case& c,
                        std::span<const Tensor> outputs) {
  if (kept.size() == limit && hash >= kept.rbegin()->first) return;
  kept.try_emplace(hash, Observation{c, {outputs.begin(), outputs.end()}});
  if (kept.size() > limit) kept.erase(std::prev(kept.end()));
}

void Observations::Add(const Case& c, std::span<const Tensor> outputs, bool is_right) {
  const std::uint64_t elements = c.op.shape.count();
  const bool is_small = elements <= kSmallElements;
  if (!is_small && (is_right || elements > kMaxElements)) return;
  const std::uint64_t hash = HashOf(c);
  const std::lock_guard lock(mutex_);
  Kept& kept = is_right ? right_ : is_small ? wrong_ : large_wrong_;
  Keep(kept, is_small ? kMaxSmall : kMaxLarge, hash, c, outputs);
}

std::vector<Observation> Observations::Take() const {
  const std::lock_guard lock(mutex_);
  std::vector<Observation> all;
  const auto take = [&](const Kept& kept) {
    for (const auto& [hash, observation] : kept) all.push_back(observation);
  };
  take(wrong_.empty() ? large_wrong_ : wrong_);
  take(right_);
  return all;
}

}  // namespace ulproof::cli
