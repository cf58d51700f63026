// SPDX-License-Identifier: Apache-2.0
// Every output of one cast as a short list of runs. Rounding is monotone, so along the finite codes
// of either sign the output changes at a few places only; they are found by bisection with the
// exact reference cast, and a comparison of all 2^32 inputs becomes a streaming compare with
// constants.
#ifndef ULPROOF_REFERENCE_COMPARE_INTERVAL_ORACLE_H_
#define ULPROOF_REFERENCE_COMPARE_INTERVAL_ORACLE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "formats/operation.h"

namespace ulproof::reference {

class IntervalOracle {
 public:
  // Source codes from `begin` up to the next run's begin all give `output`.
  struct Run {
    std::uint64_t begin;
    formats::Code output;
    bool input_is_nan;

    friend bool operator==(const Run&, const Run&) = default;
  };

  // Formats with more output codes than this would need too many runs.
  static constexpr int kMaxTargetBits = 20;

  // Bisects the outputs of a cast with a deterministic rounding, or a stochastic one with one r for
  // all (op.random). Uses base::ParallelFor. Errors: a rounding with per-element r, a source of
  // more than 32 bits, a target of more than kMaxTargetBits bits. Precondition: op is a valid cast.
  static base::Result<IntervalOracle> Make(const formats::Operation& op);

  // Sorted by begin; the first begins at 0, the last ends after the largest code; neighbours
  // differ.
  std::span<const Run> runs() const { return runs_; }
  // One past the largest source code.
  std::uint64_t code_count() const { return code_count_; }
  // Precondition: x < code_count().
  formats::Code Expected(formats::Code x) const { return runs_[RunOf(x)].output; }
  // The index of the run that holds x. Precondition: x < code_count().
  std::size_t RunOf(formats::Code x) const;
  std::uint64_t EndOf(std::size_t run) const {
    return run + 1 < runs_.size() ? runs_[run + 1].begin : code_count_;
  }

 private:
  std::vector<Run> runs_;
  std::uint64_t code_count_ = 0;
};

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_INTERVAL_ORACLE_H_
