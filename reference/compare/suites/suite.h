// SPDX-License-Identifier: Apache-2.0
// What a conformance check is made of. A suite file adds its checks to the list; a check's body
// puts cases to the CheckRun, which runs them on the reference and on every backend, compares,
// shrinks and keeps the books. Internal to reference/compare.
#ifndef ULPROOF_REFERENCE_COMPARE_SUITES_SUITE_H_
#define ULPROOF_REFERENCE_COMPARE_SUITES_SUITE_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "reference/compare/conform.h"
#include "reference/compare/inputs.h"

namespace ulproof::reference {

// One check at work. Used by one thread.
class CheckRun {
 public:
  CheckRun(const ConformOptions& options, formats::OpKind op, std::string_view check);

  // The reference against every backend that supports the case; a first mismatch is shrunk.
  void Judge(const formats::Case& c);
  // Known answers: the reference and every backend against given outputs.
  void Expect(const formats::Case& c, std::span<const formats::Tensor> expected);

  formats::Backend& truth() const { return *options_.truth; }
  Level level() const { return options_.level; }
  // The full level's number, or the quick one's.
  std::uint64_t Pick(std::uint64_t quick, std::uint64_t full) const {
    return level() == Level::kFull ? full : quick;
  }

  // For checks that are not a plain comparison: calls body(backend, record) for every available
  // backend that supports op, and for the reference if `with_truth`; counts skips and time.
  void ForEachBackend(const formats::Operation& op, bool with_truth,
                      const std::function<void(formats::Backend&, CheckRecord&)>& body);
  // Books one failure of a comparison of `c` (shrinking it) or of anything else.
  void AddMismatch(formats::Backend& backend, CheckRecord& record, const formats::Case& c,
                   const Comparison& comparison);
  void AddFailure(CheckRecord& record, Failure failure);

  std::vector<CheckRecord> TakeRecords();

 private:
  CheckRecord& RecordOf(const formats::Backend& backend);
  void CompareOn(formats::Backend& backend, const formats::Case& c,
                 std::span<const formats::Tensor> expected);
  // Books a case that the backend could not run to its end, shrunk to the smallest such case.
  void AddFault(formats::Backend& backend, CheckRecord& record, const formats::Case& c,
                const base::Error& error);

  const ConformOptions& options_;
  const formats::OpKind op_;
  const std::string check_;
  std::vector<CheckRecord> records_;
};

struct Check {
  formats::OpKind op;
  std::string name;        // "cast/exhaustive/bfloat16"
  std::uint64_t cost = 1;  // Estimated time, in milliseconds of one core.
  // Runs alone, on all threads: for long sweeps, and for checks that change the number of threads.
  bool is_exclusive = false;
  std::function<void(CheckRun&)> body;
};

using CheckList = std::vector<Check>;

// Bitwidths (float32): all of 1/64, 2/64 .. 16 with neighbours, those around which 2^(1 - b) becomes
// subnormal, zero or infinite, and what is no bitwidth at all. In blocks.cc.
std::vector<formats::Code> Bitwidths();

void AddKnownAnswerChecks(const ConformOptions& options, CheckList& checks);
void AddNoiseChecks(const ConformOptions& options, CheckList& checks);
void AddCastChecks(const ConformOptions& options, CheckList& checks);
void AddBlockChecks(const ConformOptions& options, CheckList& checks);  // block_max .. backward
void AddQuantizeChecks(const ConformOptions& options, CheckList& checks);
void AddRandomChecks(const ConformOptions& options, CheckList& checks);  // of every operation
void AddCallChecks(const ConformOptions& options, CheckList& checks);  // of options.prototypes
void AddKernelChecks(const ConformOptions& options, CheckList& checks);  // of options.kernel
void AddInvarianceChecks(const ConformOptions& options, CheckList& checks);
void AddWeightsChecks(const ConformOptions& options, CheckList& checks);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_SUITES_SUITE_H_
