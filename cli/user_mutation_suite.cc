// SPDX-License-Identifier: Apache-2.0
#include "cli/user_mutation_suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "reference/compare/conform.h"
#include "reference/compare/judge.h"

namespace ulproof::cli {
namespace {

using formats::Case;
using formats::Tensor;
using gpu::Discovery;
using gpu::Fate;

// For the kernel itself, as `verify` has it.
constexpr std::uint64_t kOwnBudget = std::uint64_t{1} << 25;

// Tells cases of one operation apart, so that their order does not hang on threads.
std::uint64_t InputHash(const Case& c) {
  base::Fnv1a hash;
  for (const Tensor& input : c.inputs) {
    for (std::uint64_t i = 0; i < input.count(); ++i) hash.Add(input.Get(i));
  }
  return hash.value();
}

}  // namespace

base::Result<std::unique_ptr<MutationSuite>> UserKernelSuite::Make(const KernelUnderTest& kernel,
                                                                   formats::Backend& truth) {
  std::unique_ptr<UserKernelSuite> suite(new UserKernelSuite(kernel));
  using Key = std::tuple<std::uint64_t, std::string, std::uint64_t>;
  std::vector<std::pair<Key, KeptCase>> kept;
  std::mutex mutex;  // Of `kept`.
  reference::ConformOptions options;
  options.truth = &truth;
  options.subjects = kernel.subjects();
  options.kernel = kernel.suite();
  options.observer = [&](const formats::Backend&, const Case& c, std::span<const Tensor> outputs,
                         bool is_right) {
    if (!is_right) return;
    Key key = {c.op.shape.count(), OperationName(c.op), InputHash(c)};
    KeptCase one = {c, {outputs.begin(), outputs.end()}};
    const std::lock_guard lock(mutex);
    kept.emplace_back(std::move(key), std::move(one));
  };
  const reference::ConformReport report = reference::Conform(options);
  for (const reference::CheckRecord& record : report.records) {
    if (record.failures.empty()) continue;
    return base::Error{.exit_code = base::ExitCode::kMismatch,
                       .message = "the kernel itself is wrong (ulproof verify says more): " +
                                  record.failures.front().text + " in " +
                                  record.failures.front().line};
  }
  std::ranges::sort(kept, {}, [](const auto& one) -> const Key& { return one.first; });
  for (auto& [key, one] : kept) suite->cases_.push_back(std::move(one));
  std::uint64_t most = 0;
  const Discovery own =
      suite->RunCases(kernel.ptx(), kOwnBudget, [&](std::size_t i, std::uint64_t taken) {
        suite->cases_[i].warp_instructions = taken;
        most = std::max(most, taken);
      });
  if (own.fate != Fate::kSurvived) {
    return base::Error{.exit_code = base::ExitCode::kMismatch,
                       .message = "the kernel gives different bits the second time: " + own.note};
  }
  // A mutant may take longer than the original, but not without end.
  suite->instruction_budget_ = std::min(kOwnBudget, 4 * most + 10'000);
  return base::Result<std::unique_ptr<MutationSuite>>(std::move(suite));
}

std::uint64_t UserKernelSuite::element_count() const {
  std::uint64_t count = 0;
  for (const KeptCase& one : cases_) count += one.c.op.shape.count();
  return count;
}

Discovery UserKernelSuite::Try(std::string_view text, const std::string&) const {
  Discovery slower;
  const Discovery found =
      RunCases(text, instruction_budget_, [&](std::size_t i, std::uint64_t taken) {
        const KeptCase& one = cases_[i];
        if (slower.fate == Fate::kSlower || !IsSlower(taken, one.warp_instructions)) return;
        slower = {.fate = Fate::kSlower,
                  .note = fmt::format("{} instructions of warps instead of {} in {}", taken,
                                      one.warp_instructions, OperationName(one.c.op))};
      });
  return found.fate == Fate::kSurvived ? slower : found;
}

Discovery UserKernelSuite::RunCases(
    std::string_view text, std::uint64_t budget,
    const std::function<void(std::size_t, std::uint64_t)>& sees) const {
  std::atomic<std::uint64_t> taken = 0;  // By the launches of one case.
  const auto backend = kernel_.Simulate(
      std::string(text), budget, [&](const gpu::KernelLaunch&, const gpu::ptx::RunReport& report) {
        taken += CostOf(report);
      });
  if (!backend.ok()) return {.fate = Fate::kFault, .note = backend.error().ToString()};
  for (std::size_t i = 0; i < cases_.size(); ++i) {
    const KeptCase& one = cases_[i];
    taken = 0;
    const auto got = formats::RunCase(**backend, one.c);
    if (!got.ok()) return {.fate = Fate::kFault, .note = got.error().message};
    const reference::Comparison comparison = reference::CompareOutputs(one.c, one.expected, *got);
    if (!comparison.ok()) {
      return {.fate = Fate::kWrongBits,
              .note = MismatchText(*comparison.first) + " in " + OperationName(one.c.op)};
    }
    sees(i, taken);
  }
  return {};
}

}  // namespace ulproof::cli
