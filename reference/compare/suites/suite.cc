// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/suites/suite.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "reference/compare/shrink.h"

namespace ulproof::reference {
namespace {

using formats::Backend;
using formats::Case;
using formats::Tensor;

// Failures kept of one check on one backend; each is shrunk, which costs up to some thousand cases.
constexpr std::size_t kMaxFailures = 2;
// A case that hangs costs a whole instruction budget a try.
constexpr int kMaxFaultTries = 300;

class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() {
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    seconds_ += elapsed.count();
  }

 private:
  double& seconds_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

CheckRun::CheckRun(const ConformOptions& options, formats::OpKind op, std::string_view check)
    : options_(options), op_(op), check_(check) {
  records_.reserve(options.subjects.size() + 1);  // RecordOf hands out references.
  for (const Backend* subject : options.subjects) {
    CheckRecord& record = RecordOf(*subject);
    record.skipped_why = subject->why_unavailable();
    if (!record.skipped_why.empty()) record.skipped_cases = 1;
  }
}

CheckRecord& CheckRun::RecordOf(const Backend& backend) {
  const auto found = std::ranges::find(records_, backend.name(), &CheckRecord::backend);
  if (found != records_.end()) return *found;
  records_.push_back({.op = op_, .check = check_, .backend = std::string(backend.name())});
  return records_.back();
}

void CheckRun::ForEachBackend(const formats::Operation& op, bool with_truth,
                              const std::function<void(Backend&, CheckRecord&)>& body) {
  const auto visit = [&](Backend& backend) {
    if (!backend.why_unavailable().empty()) return;
    CheckRecord& record = RecordOf(backend);
    if (std::string why = backend.why_unsupported(op); !why.empty()) {
      ++record.skipped_cases;
      if (record.skipped_why.empty()) record.skipped_why = std::move(why);
      return;
    }
    const Stopwatch stopwatch(record.seconds);
    body(backend, record);
  };
  if (with_truth && std::ranges::count(options_.subjects, options_.truth) == 0) visit(truth());
  for (Backend* subject : options_.subjects) visit(*subject);
}

void CheckRun::AddFailure(CheckRecord& record, Failure failure) {
  ++record.mismatches;
  if (record.failures.size() < kMaxFailures) record.failures.push_back(std::move(failure));
}

void CheckRun::AddMismatch(Backend& backend, CheckRecord& record, const Case& c,
                           const Comparison& comparison) {
  record.mismatches += comparison.mismatches;
  if (record.failures.size() >= kMaxFailures) return;
  const auto fails = [&](const Case& candidate) {
    if (!backend.why_unsupported(candidate.op).empty()) return false;
    const auto judged = reference::Judge(truth(), backend, candidate);
    return judged.ok() && !judged->ok();
  };
  // A known answer may be missed by the reference itself: then there is nothing to shrink against.
  if (!fails(c)) {
    record.failures.push_back(
        {formats::CaseLine(c), MismatchText(*comparison.first), comparison.first});
    return;
  }
  const Case smallest = Minimise(c, fails);
  const auto judged = reference::Judge(truth(), backend, smallest);
  const Comparison& shown = judged.ok() && !judged->ok() ? *judged : comparison;
  record.failures.push_back({formats::CaseLine(smallest), MismatchText(*shown.first), shown.first});
}

void CheckRun::AddFault(Backend& backend, CheckRecord& record, const Case& c,
                        const base::Error& error) {
  if (record.failures.size() >= kMaxFailures) {
    ++record.mismatches;
    return;
  }
  const auto faults = [&](const Case& candidate) {
    return backend.why_unsupported(candidate.op).empty() &&
           !formats::RunCase(backend, candidate).ok();
  };
  const Case smallest = faults(c) ? Minimise(c, faults, kMaxFaultTries) : c;
  const auto again = formats::RunCase(backend, smallest);
  AddFailure(record, {formats::CaseLine(smallest),
                      again.ok() ? error.ToString() : again.error().ToString(), std::nullopt});
}

void CheckRun::CompareOn(Backend& backend, const Case& c, std::span<const Tensor> expected) {
  CheckRecord& record = RecordOf(backend);
  ++record.cases;
  std::optional<base::Result<std::vector<Tensor>>> got;
  {
    const Stopwatch stopwatch(record.seconds);
    got = formats::RunCase(backend, c);
  }
  if (!got->ok()) {
    AddFault(backend, record, c, got->error());
    return;
  }
  const Comparison comparison = CompareOutputs(c, expected, **got);
  record.elements += comparison.elements;
  record.near_boundary += comparison.near_boundary;
  if (options_.observer) options_.observer(backend, c, **got, comparison.ok());
  if (!comparison.ok()) AddMismatch(backend, record, c, comparison);
}

void CheckRun::Judge(const Case& c) {
  std::vector<Backend*> able;
  for (Backend* subject : options_.subjects) {
    if (subject == options_.truth || !subject->why_unavailable().empty()) continue;
    if (std::string why = subject->why_unsupported(c.op); !why.empty()) {
      CheckRecord& record = RecordOf(*subject);
      ++record.skipped_cases;
      if (record.skipped_why.empty()) record.skipped_why = std::move(why);
    } else {
      able.push_back(subject);
    }
  }
  if (able.empty()) return;
  const auto expected = formats::RunCase(truth(), c);
  if (!expected.ok()) {
    AddFailure(RecordOf(truth()),
               {formats::CaseLine(c), expected.error().ToString(), std::nullopt});
    return;
  }
  for (Backend* backend : able) CompareOn(*backend, c, *expected);
}

void CheckRun::Expect(const Case& c, std::span<const Tensor> expected) {
  std::vector<Backend*> all;
  if (std::ranges::count(options_.subjects, options_.truth) == 0) all.push_back(options_.truth);
  all.insert(all.end(), options_.subjects.begin(), options_.subjects.end());
  for (Backend* backend : all) {
    if (!backend->why_unavailable().empty()) continue;
    CheckRecord& record = RecordOf(*backend);
    if (std::string why = backend->why_unsupported(c.op); !why.empty()) {
      ++record.skipped_cases;
      if (record.skipped_why.empty()) record.skipped_why = std::move(why);
      continue;
    }
    CompareOn(*backend, c, expected);
  }
}

std::vector<CheckRecord> CheckRun::TakeRecords() { return std::move(records_); }

}  // namespace ulproof::reference
