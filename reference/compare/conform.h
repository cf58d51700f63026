// SPDX-License-Identifier: Apache-2.0
// The conformance suite: every operation, format and mode of the contract on every given backend
// against the reference. A list of named checks (suites/) runs; what comes out are records, which
// cli/report renders. A failing case is shrunk before it is recorded.
#ifndef ULPROOF_REFERENCE_COMPARE_CONFORM_H_
#define ULPROOF_REFERENCE_COMPARE_CONFORM_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/case.h"
#include "reference/compare/judge.h"
#include "reference/compare/shard.h"

namespace ulproof::reference {

enum class Level { kQuick, kFull };
// "quick", "full".
std::string_view LevelName(Level level);
base::Result<Level> ParseLevel(std::string_view name);

// A user's own matrix, as further input to every operation that takes weights.
struct Weights {
  std::string name;
  formats::Shape shape;
  formats::Tensor codes;  // shape.count() codes of a format that is exact in binary32.
};

struct ConformProgress {
  std::uint64_t done = 0;  // Of `total`, in estimated cost.
  std::uint64_t total = 0;
  std::string_view check;  // The one that has just ended.
  std::uint64_t mismatches = 0;
};

// A kernel under test: one operation, whose formats, modes, law and block are built into it.
struct KernelUnderTest {
  formats::Operation op;
  // The nearest call that the kernel takes: it may lack an argument for the offset, or want whole
  // blocks. What it returns is valid and what every subject supports, or those cases are skipped.
  std::function<formats::Operation(const formats::Operation&)> fit;
};

struct ConformOptions {
  formats::Backend* truth = nullptr;
  std::vector<formats::Backend*>
      subjects;                      // May hold unavailable ones: they are recorded as skipped.
  std::vector<formats::OpKind> ops;  // Empty: all.
  std::string only;                         // Only checks whose name holds this text.
  Level level = Level::kQuick;
  std::vector<Weights> weights;
  // Operations as kernels have them built in: each is also checked on its own, on calls with other
  // shapes, keys and flags (RandomCall).
  std::vector<formats::Operation> prototypes;
  // Instead of the whole suite: this one operation, thoroughly (suites/kernel.cc).
  std::optional<KernelUnderTest> kernel;
  // Called with each answer of a subject to a case of a comparison, right or wrong; from several
  // threads at once.
  std::function<void(const formats::Backend&, const formats::Case&,
                     std::span<const formats::Tensor> outputs, bool is_right)>
      observer;
  Shard shard;  // Of the checks.
  // Called after each check, from any thread but never from two at once.
  std::function<void(const ConformProgress&)> progress;
};

// One thing that went wrong, with the line that shows it again.
struct Failure {
  std::string line;  // The smallest failing case found; for statistics the operation.
  std::string text;  // What differs there.
  // Of that case, if it is a comparison that failed.
  std::optional<Mismatch> mismatch;
};

// What one check found on one backend.
struct CheckRecord {
  formats::OpKind op;
  std::string check;
  std::string backend;
  std::uint64_t cases = 0;
  std::uint64_t elements = 0;
  std::uint64_t mismatches = 0;
  std::uint64_t near_boundary = 0;
  std::uint64_t skipped_cases = 0;
  std::string skipped_why = {};        // The first reason.
  double seconds = 0;                  // In the backend.
  std::vector<Failure> failures = {};  // The first few.
};

struct ConformReport {
  std::vector<CheckRecord> records;  // By check, then backend, in the order of the suite.
  std::uint64_t checks = 0;          // Checks of this shard.
  double seconds = 0;

  std::uint64_t mismatches() const;
};

// Runs the suite. Known answers and invariances are asked of the reference too. Preconditions:
// options.truth is set and available; weights are as described.
ConformReport Conform(const ConformOptions& options);

// The names of all checks that these options select, in order.
std::vector<std::string> ConformChecks(const ConformOptions& options);

}  // namespace ulproof::reference

#endif  // ULPROOF_REFERENCE_COMPARE_CONFORM_H_
