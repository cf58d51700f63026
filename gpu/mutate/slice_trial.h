// SPDX-License-Identifier: Apache-2.0
// A straight run of instructions that makes one binary32 register out of another, as the exp2 of
// our kernels: cut out of its kernel and run by itself, it can be tried on every number that its
// input can be. What then is the same everywhere is proved to be the same.
#ifndef ULPROOF_GPU_MUTATE_SLICE_TRIAL_H_
#define ULPROOF_GPU_MUTATE_SLICE_TRIAL_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gpu/mutate/mutation.h"

namespace ulproof::gpu {

// The numbers k 2^exponent for `count` values of k from `first` on, each of at most 24 bits.
// `count` is a multiple of 2^20.
struct NumberRange {
  std::int64_t first;
  std::uint64_t count;
  int exponent;
};

class SliceTrial {
 public:
  // `text` is the module that is mutated.
  SliceTrial(std::string text, std::vector<NumberRange> ranges)
      : text_(std::move(text)), ranges_(std::move(ranges)) {}

  // Whether the change lies in such a run (one that begins with a binary32 number converted to
  // binary64 and ends with one converted back) and gives the same result for all numbers of the
  // ranges. Takes seconds. Thread-safe.
  bool SameOnAll(const Mutation& mutation) const;

  std::uint64_t number_count() const;

 private:
  const std::string text_;
  const std::vector<NumberRange> ranges_;
  mutable std::mutex mutex_;
  // A hash for each 2^20 results of the original, by the kernel that was made of its run.
  mutable std::map<std::string, std::vector<std::uint64_t>> known_;
};

}  // namespace ulproof::gpu

#endif  // ULPROOF_GPU_MUTATE_SLICE_TRIAL_H_
