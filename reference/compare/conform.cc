// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/conform.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <numeric>

#include "base/parallel.h"
#include "base/text.h"
#include "reference/compare/suites/suite.h"

namespace ulproof::reference {
namespace {

constexpr std::array<std::string_view, 2> kLevelNames = {"quick", "full"};

CheckList ChecksOf(const ConformOptions& options) {
  CheckList all;
  if (options.kernel) {
    AddKernelChecks(options, all);
  } else {
    AddKnownAnswerChecks(options, all);
    AddNoiseChecks(options, all);
    AddCastChecks(options, all);
    AddBlockChecks(options, all);
    AddQuantizeChecks(options, all);
    AddRandomChecks(options, all);
    AddCallChecks(options, all);
    AddInvarianceChecks(options, all);
    AddWeightsChecks(options, all);
  }
  CheckList mine;
  std::uint64_t index = 0;
  for (Check& check : all) {
    const bool is_chosen = (options.ops.empty() || std::ranges::count(options.ops, check.op) > 0) &&
                           check.name.find(options.only) != std::string::npos;
    if (is_chosen && options.shard.Owns(index++)) mine.push_back(std::move(check));
  }
  return mine;
}

}  // namespace

std::string_view LevelName(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

base::Result<Level> ParseLevel(std::string_view name) {
  for (const Level level : {Level::kQuick, Level::kFull}) {
    if (name == LevelName(level)) return level;
  }
  return base::UnknownName("level", name, kLevelNames);
}

std::uint64_t ConformReport::mismatches() const {
  return std::accumulate(
      records.begin(), records.end(), std::uint64_t{0},
      [](std::uint64_t sum, const CheckRecord& record) { return sum + record.mismatches; });
}

std::vector<std::string> ConformChecks(const ConformOptions& options) {
  std::vector<std::string> names;
  for (const Check& check : ChecksOf(options)) names.push_back(check.name);
  return names;
}

ConformReport Conform(const ConformOptions& options) {
  ULPROOF_CHECK(options.truth != nullptr && options.truth->why_unavailable().empty());
  const auto start = std::chrono::steady_clock::now();
  const CheckList checks = ChecksOf(options);
  std::vector<std::vector<CheckRecord>> records_of(checks.size());
  ConformProgress progress;
  for (const Check& check : checks) progress.total += check.cost;
  std::mutex mutex;

  const auto run = [&](std::size_t i) {
    const Check& check = checks[i];
    CheckRun check_run(options, check.op, check.name);
    check.body(check_run);
    records_of[i] = check_run.TakeRecords();
    const std::lock_guard lock(mutex);
    progress.done += check.cost;
    progress.check = check.name;
    for (const CheckRecord& record : records_of[i]) progress.mismatches += record.mismatches;
    if (options.progress) options.progress(progress);
  };

  // Many checks at once, the dearest first so that none is left over at the end; then those that
  // want the machine for themselves.
  std::vector<std::size_t> shared;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (!checks[i].is_exclusive) shared.push_back(i);
  }
  std::ranges::stable_sort(shared, std::greater{}, [&](std::size_t i) { return checks[i].cost; });
  base::ParallelFor(shared.size(), 1, [&](std::uint64_t begin, std::uint64_t end) {
    for (std::uint64_t i = begin; i < end; ++i) run(shared[i]);
  });
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (checks[i].is_exclusive) run(i);
  }

  ConformReport report;
  report.checks = checks.size();
  for (std::vector<CheckRecord>& records : records_of) {
    std::ranges::move(records, std::back_inserter(report.records));
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  report.seconds = elapsed.count();
  return report;
}

}  // namespace ulproof::reference
