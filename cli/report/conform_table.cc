// SPDX-License-Identifier: Apache-2.0
// The terminal rendering of a conformance run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cli/report/conform_report.h"
#include "reference/compare/noise_tolerance.h"

namespace ulproof::cli {
namespace {

using formats::OpKind;
using reference::CheckRecord;

constexpr std::size_t kMaxFailuresShown = 5;  // One a check.

// Sums over the checks of one operation on one backend.
struct Cell {
  std::uint64_t cases = 0;
  std::uint64_t elements = 0;
  std::uint64_t mismatches = 0;
  std::uint64_t skipped = 0;

  void Add(const CheckRecord& record) {
    cases += record.cases;
    elements += record.elements;
    mismatches += record.mismatches;
    skipped += record.skipped_cases;
  }
};

// The backends that have records, the reference (asked known answers and invariances) first.
std::vector<std::string> ColumnsOf(const ConformRun& run) {
  std::vector<std::string> columns;
  const auto has_records = [&](const std::string& name) {
    return std::ranges::any_of(run.report.records,
                               [&](const CheckRecord& r) { return r.backend == name; });
  };
  if (has_records(run.truth)) columns.push_back(run.truth);
  for (const std::string& name : run.backends) {
    if (name != run.truth) columns.push_back(name);
  }
  return columns;
}

std::string Table(const ConformRun& run, const Painter& paint) {
  const std::vector<std::string> columns = ColumnsOf(run);
  std::map<OpKind, std::map<std::string, Cell>> cells;
  std::map<std::string, double> seconds;
  for (const CheckRecord& record : run.report.records) {
    cells[record.op][record.backend].Add(record);
    seconds[record.backend] += record.seconds;
  }
  const auto width = [](const std::string& name) {
    return std::max<std::size_t>(name.size(), 9) + 2;
  };
  std::string header = fmt::format("  {:<15}{:>10}{:>16}", "", "cases", "elements");
  for (const std::string& name : columns) header += fmt::format("{:>{}}", name, width(name));
  std::string text = paint.Bold(header) + '\n';
  for (const auto& [op, by_backend] : cells) {
    // Backends may support different cases: the largest set stands for the row.
    Cell largest;
    for (const auto& [name, cell] : by_backend) {
      largest.cases = std::max(largest.cases, cell.cases);
      largest.elements = std::max(largest.elements, cell.elements);
    }
    text += fmt::format("  {:<15}{:>10}{:>16}", formats::OpKindName(op), Grouped(largest.cases),
                        Grouped(largest.elements));
    for (const std::string& name : columns) {
      const auto found = by_backend.find(name);
      const bool ran = found != by_backend.end() && found->second.cases > 0;
      const std::string padded =
          ran ? fmt::format("{:>{}}", Grouped(found->second.mismatches), width(name))
              : fmt::format("{:>{}}", "-", width(name));
      text += !ran                            ? paint.Dim(padded)
              : found->second.mismatches == 0 ? paint.Good(padded)
                                              : paint.Bad(padded);
    }
    text += '\n';
  }
  std::string times = fmt::format("  {:<41}", "time in the backend");
  for (const std::string& name : columns) {
    times += fmt::format("{:>{}}", SecondsText(seconds[name]), width(name));
  }
  text += paint.Dim(times) + '\n';
  if (columns.front() == run.truth && run.truth != run.backends.front()) {
    text += paint.Dim(fmt::format(
                "  ({}: the contract's known answers, and that cuts and threads do not matter)",
                run.truth)) +
            '\n';
  }
  return text;
}

// What was skipped, by reason: the operations and their cases, backends that skip the same
// together.
std::string Skips(const ConformRun& run, const Painter& paint) {
  using Counts = std::map<OpKind, std::uint64_t>;
  std::map<std::pair<std::string, std::string>, Counts> counts_of;  // By reason and backend.
  for (const CheckRecord& record : run.report.records) {
    if (record.skipped_cases == 0) continue;
    // "only these formats, not that one": the table needs no line for each.
    const std::string why = record.skipped_why.substr(0, record.skipped_why.find(", not "));
    counts_of[{why, record.backend}][record.op] += record.skipped_cases;
  }
  std::map<std::pair<std::string, Counts>, std::vector<std::string>> backends_of;
  for (const auto& [key, counts] : counts_of) {
    backends_of[{key.first, counts}].push_back(key.second);
  }
  std::string text;
  for (const auto& [key, backends] : backends_of) {
    std::vector<std::string> cases;
    for (const auto& [op, count] : key.second) {
      cases.push_back(fmt::format("{} {}", formats::OpKindName(op), Grouped(count)));
    }
    const std::string who = backends.size() > 2 ? fmt::format("{} backends", backends.size())
                                                : fmt::format("{}", fmt::join(backends, ", "));
    text += fmt::format("  {}  {}: {} ({})\n", paint.Warning(text.empty() ? "skipped" : "       "),
                        who, fmt::join(cases, ", "), key.first);
  }
  return text;
}

std::string Failures(const ConformRun& run, const Painter& paint) {
  std::string text;
  std::size_t shown = 0;
  std::size_t total = 0;
  for (const CheckRecord& record : run.report.records) {
    for (const reference::Failure& failure : record.failures) {
      ++total;
      if (shown == kMaxFailuresShown || &failure != &record.failures.front()) continue;
      ++shown;
      text += fmt::format("\n  {} {} on {}\n    {}\n    {}\n", paint.Bad("FAILED"), record.check,
                          record.backend, failure.text,
                          paint.Bold(fmt::format("ulproof replay '{}'", failure.line)));
    }
  }
  if (total > shown) {
    text += fmt::format("\n  ... and {} more (--json FILE lists them)\n", total - shown);
  }
  return text;
}

}  // namespace

std::string ConformHeading(const ConformRun& run) {
  std::string text = "ulproof conform: every operation of the numerics contract, bit for bit\n\n";
  text += "  truth    reference: exact numbers (MPFR), rounded where the contract rounds\n";
  text += fmt::format("  checked  {}\n", fmt::join(run.backends, ", "));
  for (const auto& [name, why] : run.unavailable) {
    text += fmt::format("  not here {}: {}\n", name, why);
  }
  text += fmt::format("  machine  {}, {} thread{}\n", run.processor, run.threads,
                      run.threads == 1 ? "" : "s");
  if (!run.weights.empty()) text += fmt::format("  weights  {}\n", fmt::join(run.weights, ", "));
  if (run.shard.count > 1) {
    text += fmt::format("  shard    {} of {}\n", run.shard.index, run.shard.count);
  }
  return text + "\n";
}

std::string ConformTable(const ConformRun& run, bool use_color) {
  const Painter paint(use_color);
  std::string text = Table(run, paint) + '\n';
  std::uint64_t forgiven = 0;
  for (const CheckRecord& record : run.report.records) forgiven += record.near_boundary;
  if (forgiven > 0) {
    text +=
        fmt::format("  {}  {} elements of boxmuller and normal2, within {} ulp of the exact z/2\n",
                    paint.Warning("allowed"), Grouped(forgiven), reference::kNoiseUlps);
  }
  text += Skips(run, paint);
  text += Failures(run, paint);
  std::uint64_t cases = 0;
  std::uint64_t elements = 0;
  for (const CheckRecord& record : run.report.records) {
    cases += record.cases;
    elements += record.elements;
  }
  const std::uint64_t mismatches = run.report.mismatches();
  const std::string work =
      fmt::format("{} checks, {} cases, {} elements in {}, level {}", Grouped(run.report.checks),
                  Grouped(cases), Grouped(elements), SecondsText(run.report.seconds), run.level);
  if (!text.ends_with("\n\n")) text += '\n';
  if (cases == 0)
    return text + fmt::format("  {}  nothing was checked\n", paint.Warning("NOTHING"));
  if (mismatches == 0) {
    return text + fmt::format("  {}  not one bit differs: {}\n", paint.Good("PASS"), work);
  }
  return text +
         fmt::format("  {}  {} mismatches: {}\n", paint.Bad("FAIL"), Grouped(mismatches), work);
}

}  // namespace ulproof::cli
