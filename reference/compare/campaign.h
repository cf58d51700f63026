// SPDX-License-Identifier: Apache-2.0
// Parts of one campaign put together again: which shards make a whole, and what the sweeps of
// consecutive ranges come to. Files and their words are cli/campaign_file.h's business.
#ifndef ULPROOF_REFERENCE_COMPARE_CAMPAIGN_H_
#define ULPROOF_REFERENCE_COMPARE_CAMPAIGN_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "reference/compare/exhaustive.h"
#include "reference/compare/shard.h"

namespace ulproof::reference {

struct NamedShard {
  std::string name;  // In messages: the file.
  Shard shard;
  bool is_complete = true;
};

// The places of the parts in `parts`, shard 1 first. Errors (exit code 2), each naming the files:
// no part at all; a part that is not complete; shards of different counts; a shard twice (an
// overlap); a shard missing (a gap).
base::Result<std::vector<std::size_t>> OrderOfShards(std::span<const NamedShard> parts);

// Adds the sweep of the range that follows: counts, the first mismatches, the hash, the seconds.
// Precondition: next.begin == whole.end.
void AppendSweep(SweepResult& whole, const SweepResult& next);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_CAMPAIGN_H_
