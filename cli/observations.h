// SPDX-License-Identifier: Apache-2.0
// A bounded, representative set of what a kernel answered, for reference/compare/explain.h. Which
// cases are kept depends on the cases alone, not on the order in which threads report them.
#ifndef ULPROOF_CLI_OBSERVATIONS_H_
#define ULPROOF_CLI_OBSERVATIONS_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "reference/compare/explain.h"

namespace ulproof::cli {

class Observations {
 public:
  // Takes note of one answer. Thread-safe.
  void Add(const formats::Case& c, std::span<const formats::Tensor> outputs, bool is_right);

  // Wrong ones first. Large cases only where there were no small ones.
  std::vector<reference::Observation> Take() const;

 private:
  // The kept ones, by a hash of the case: the lowest stay (a uniform sample).
  using Kept = std::map<std::uint64_t, reference::Observation>;
  static void Keep(Kept& kept, std::size_t limit, std::uint64_t hash, const formats::Case& c,
                   std::span<const formats::Tensor> outputs);

  mutable std::mutex mutex_;
  Kept wrong_, right_, large_wrong_;
};

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_OBSERVATIONS_H_
