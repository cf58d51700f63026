// SPDX-License-Identifier: Apache-2.0
#include "cli/report/sweep_report.h"

#include <fmt/format.h>

#include "cli/report/record.h"
#include "cli/report/terminal_text.h"

namespace ulproof::cli {
namespace {

using reference::SweepMismatch;

std::string CodeOf(const formats::FormatSpec& format, formats::Code code) {
  return fmt::format("{:0{}x}", code, formats::ElementType::CodeOf(format).hex_digits());
}

// The case that shows one mismatch again.
std::string ReplayLine(const SweepRun& run, formats::Code input) {
  formats::Operation op = run.op;
  op.shape = {};
  return fmt::format("{} | x={:x}", formats::OperationName(op), input);
}

}  // namespace

std::string SweepName(const SweepRun& run) {
  formats::Operation op = run.op;
  op.shape = {};
  std::string name = formats::OperationName(op);
  constexpr std::string_view kShape = " shape=1x1";
  return name.erase(name.find(kShape), kShape.size());
}

std::string SweepText(const SweepRun& run, bool use_color) {
  const reference::SweepResult& result = run.result;
  std::string text = fmt::format("{} on {}\n", SweepName(run), run.backend);
  text += fmt::format("  inputs      {} codes, {:0{}x}..{:0{}x}\n", Grouped(result.inputs()),
                      result.begin, formats::ElementType::CodeOf(run.op.from).hex_digits(),
                      result.end - 1, formats::ElementType::CodeOf(run.op.from).hex_digits());
  text +=
      run.oracle_runs > 0
          ? fmt::format("  oracle      {} runs of equal outputs, found by bisection in {:.2f} s\n",
                        Grouped(run.oracle_runs), run.oracle_seconds)
          : "  oracle      the reference, code by code\n";
  text += fmt::format(
      "  time        {:.2f} s, {:.2f} ns a code\n", result.seconds,
      1e9 * result.seconds / static_cast<double>(std::max<std::uint64_t>(result.inputs(), 1)));
  if (run.shard.count == 1) {
    text += fmt::format("  hash        {:016x}\n", result.hash.Value());
  } else {
    text += fmt::format("  shard {}/{}   hash map factor {:016x}, sum {:016x}\n", run.shard.index,
                        run.shard.count, result.hash.factor, result.hash.sum);
  }
  const std::string count = Grouped(result.mismatches);
  text += fmt::format(
      "  mismatches  {}\n",
      use_color ? fmt::format("\033[{}m{}\033[0m", result.mismatches == 0 ? "32" : "1;31", count)
                : count);
  for (const SweepMismatch& mismatch : result.first_mismatches) {
    text += fmt::format("    {}: expected {}, got {}\n", CodeOf(run.op.from, mismatch.input),
                        CodeOf(run.op.to, mismatch.expected), CodeOf(run.op.to, mismatch.got));
  }
  if (!result.first_mismatches.empty()) {
    text += fmt::format("  ulproof replay '{}'\n",
                        ReplayLine(run, result.first_mismatches.front().input));
  }
  return text;
}

std::string SweepJson(const SweepRun& run) {
  const reference::SweepResult& result = run.result;
  Json json = RecordHead("exhaustive", 1, run.invocation);
  json.update({{"operation", SweepName(run)},
               {"backend", run.backend},
               {"shard", fmt::format("{}/{}", run.shard.index, run.shard.count)},
               {"begin", CodeOf(run.op.from, result.begin)},
               {"inputs", result.inputs()},
               {"nan_inputs", result.nan_inputs},
               {"mismatches", result.mismatches},
               {"hash_factor", fmt::format("{:016x}", result.hash.factor)},
               {"hash_sum", fmt::format("{:016x}", result.hash.sum)},
               {"hash", run.shard.count == 1 ? Json(fmt::format("{:016x}", result.hash.Value()))
                                             : Json(nullptr)},
               {"oracle_runs", run.oracle_runs},
               {"oracle_seconds", run.oracle_seconds},
               {"seconds", result.seconds},
               {"verdict", result.mismatches == 0 ? "pass" : "fail"},
               {"first_mismatches", Json::array()}});
  for (const SweepMismatch& mismatch : result.first_mismatches) {
    json["first_mismatches"].push_back({{"input", CodeOf(run.op.from, mismatch.input)},
                                        {"expected", CodeOf(run.op.to, mismatch.expected)},
                                        {"got", CodeOf(run.op.to, mismatch.got)},
                                        {"line", ReplayLine(run, mismatch.input)}});
  }
  return json.dump(1) + "\n";
}

}  // namespace ulproof::cli
