// SPDX-License-Identifier: Apache-2.0
// A share of a campaign: part k of n, for runs over several machines.
#ifndef ULPROOF_REFERENCE_COMPARE_SHARD_H_
#define ULPROOF_REFERENCE_COMPARE_SHARD_H_

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace ulproof::reference {

struct Shard {
  std::uint64_t index = 1;  // 1..count
  std::uint64_t count = 1;

  friend bool operator==(const Shard&, const Shard&) = default;
  // This share of [0, total): consecutive shards meet, all of them cover it.
  std::uint64_t Begin(std::uint64_t total) const { return Cut(total, index - 1); }
  std::uint64_t End(std::uint64_t total) const { return Cut(total, index); }
  // Whether item `i` of a list is in this share, dealt in turn.
  bool Owns(std::uint64_t i) const { return i % count == index - 1; }

 private:
  // floor(total * k / count) without overflow for total < 2^44.
  std::uint64_t Cut(std::uint64_t total, std::uint64_t k) const {
    return total / count * k + total % count * k / count;
  }
};

// "2/8". Errors: not k/n, k not in 1..n, n above 2^20.
base::Result<Shard> ParseShard(std::string_view text);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_SHARD_H_
