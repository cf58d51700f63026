// SPDX-License-Identifier: Apache-2.0
// One cast over every code of a source format of up to 32 bits: a backend against the interval
// oracle, with the count of mismatches, the first of them, and the hash of contract section 11.
#ifndef ULPROOF_REFERENCE_COMPARE_EXHAUSTIVE_H_
#define ULPROOF_REFERENCE_COMPARE_EXHAUSTIVE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "formats/backend.h"
#include "reference/compare/affine_hash.h"
#include "reference/compare/interval_oracle.h"
#include "reference/compare/shard.h"

namespace ulproof::reference {

struct SweepMismatch {
  formats::Code input;
  formats::Code expected;
  formats::Code got;

  friend bool operator==(const SweepMismatch&, const SweepMismatch&) = default;
};

struct SweepResult {
  std::uint64_t begin = 0;  // Source codes [begin, end).
  std::uint64_t end = 0;
  std::uint64_t nan_inputs = 0;  // Compared, but not in the hash.
  std::uint64_t mismatches = 0;
  std::vector<SweepMismatch> first_mismatches;  // In code order, at most kMaxKeptMismatches.
  AffineHash hash;                              // Of what the backend gave.
  double seconds = 0;                           // Without making the oracle.

  static constexpr std::size_t kMaxKeptMismatches = 16;

  std::uint64_t inputs() const { return end - begin; }
};

// Source codes [begin, end).
struct CodeRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;

  friend bool operator==(const CodeRange&, const CodeRange&) = default;
};
// The codes of a shard of all codes of `from`. Precondition: at most 32 bits.
CodeRange RangeOf(const Shard& shard, const formats::FormatSpec& from);

struct SweepOptions {
  Shard shard = {};
  std::optional<CodeRange> range = {};  // Instead of the shard's: a part of it.
  // Called now and then, from any thread, with the number of codes done since the last call.
  std::function<void(std::uint64_t)> progress = {};
};

// Runs the cast on all codes of the shard or range, in chunks over base::ParallelFor. `oracle` is
// that of the same op; without one (a target with too many codes, see IntervalOracle) every chunk
// is computed by `truth` as well, which is slow. Errors: the backends'; a source of more than 32
// bits; a stochastic rounding without op.random. Preconditions: op is a valid cast; both are
// available and support it; the range is within the codes of op.from.
base::Result<SweepResult> Sweep(formats::Backend& subject, formats::Backend& truth,
                                const formats::Operation& op, const IntervalOracle* oracle,
                                const SweepOptions& options = {});

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_EXHAUSTIVE_H_
