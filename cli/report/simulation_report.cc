// SPDX-License-Identifier: Apache-2.0
#include "cli/report/simulation_report.h"

#include <fmt/format.h>

#include <iterator>
#include <set>

#include "cli/report/record.h"
#include "cli/report/terminal_text.h"

namespace ulproof::cli {
namespace {

using gpu::ptx::Dim3;
using gpu::ptx::FormCount;
using gpu::ptx::LintFinding;
using gpu::ptx::MemoryCounts;
using gpu::ptx::RunReport;

constexpr std::uint64_t kSectorBytes = 32;

std::string Sides(const Dim3& size) { return fmt::format("{} x {} x {}", size.x, size.y, size.z); }

double Share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// One line: what it is about, then the text.
void Line(std::string& text, std::string_view title, const std::string& content) {
  fmt::format_to(std::back_inserter(text), "{:<15}{}\n", title, content);
}

std::string GlobalText(const MemoryCounts& memory) {
  std::string text = fmt::format("{} bytes loaded, {} stored", Grouped(memory.global_loaded_bytes),
                                 Grouped(memory.global_stored_bytes));
  if (memory.global_accesses == 0) return text;
  const std::uint64_t moved = memory.global_sectors * kSectorBytes;
  return text +
         fmt::format("; {} accesses of {:.2f} sectors, {:.1f} % of their bytes used",
                     Grouped(memory.global_accesses),
                     Share(memory.global_sectors, memory.global_accesses),
                     100 * Share(memory.global_loaded_bytes + memory.global_stored_bytes, moved));
}

std::string LoadedStored(std::uint64_t loaded, std::uint64_t stored) {
  if (loaded == 0 && stored == 0) return "none";
  return fmt::format("{} bytes loaded, {} stored", Grouped(loaded), Grouped(stored));
}

std::string DifferencesText(const Simulation& simulation, bool of_contraction) {
  std::string text;
  for (const OutputDifference& difference : simulation.differences) {
    if ((difference.run == "contracted") != of_contraction) continue;
    text += fmt::format("\n  {}: {} differs in {} bytes, first in byte {}", difference.run,
                        difference.file, Grouped(difference.bytes_that_differ), difference.byte);
  }
  return text;
}

std::string ContractionText(const SimulationPlan& plan, const Simulation& simulation) {
  const std::string fused = fmt::format("{} additions fused", simulation.fused_when_contracted);
  if (plan.contract == ContractMode::kYes) return fused + ", in this run";
  if (simulation.fused_when_contracted == 0) return "nothing that ptxas could fuse";
  const std::string text = DifferencesText(simulation, true);
  return fused + (text.empty() ? ": all outputs stay the same" : ": OTHER BITS" + text);
}

Json Shape(const Dim3& size) { return {size.x, size.y, size.z}; }

Json Head(const SimulationPlan& plan, std::string_view command, const std::string& invocation) {
  Json json = RecordHead(command, 1, invocation);
  json.update({{"file", plan.module.file}, {"entry", plan.entry}, {"target", plan.module.target}});
  return json;
}

}  // namespace

std::string SimulationText(const SimulationPlan& plan, const Simulation& simulation) {
  const RunReport& report = simulation.report;
  std::string text =
      fmt::format("{} of {} ({})\n", plan.entry, plan.module.file, plan.module.target);
  Line(text, "launch",
       fmt::format("grid {}, block {}, {} bytes of dynamic shared memory", Sides(plan.shape.grid),
                   Sides(plan.shape.block), plan.shape.dynamic_shared_bytes));
  Line(text, "instructions",
       fmt::format("{} of warps, {} of threads", Grouped(report.warp_instructions),
                   Grouped(report.thread_instructions)));
  Line(text, "divergence",
       fmt::format("{} of {} conditional branches ({:.1f} %)", Grouped(report.divergent_branches),
                   Grouped(report.branches),
                   100 * Share(report.divergent_branches, report.branches)));
  Line(text, "tags", gpu::ptx::TagNames(report.tags));
  Line(text, "global memory", GlobalText(report.memory));
  Line(text, "shared memory",
       LoadedStored(report.memory.shared_loaded_bytes, report.memory.shared_stored_bytes));
  Line(text, "local memory",
       LoadedStored(report.memory.local_loaded_bytes, report.memory.local_stored_bytes));
  std::string races = report.races == 0 ? "none" : Grouped(report.races);
  for (const std::string& race : report.first_races) races += "\n  " + race;
  Line(text, "races", races);
  if (plan.contract != ContractMode::kNo) {
    Line(text, "contraction", ContractionText(plan, simulation));
  }
  if (plan.schedules != 0) {
    const std::string differences = DifferencesText(simulation, false);
    Line(text, "schedules",
         fmt::format(
             "{} more{}", plan.schedules,
             differences.empty() ? ": all outputs stay the same" : ": OTHER BITS" + differences));
  }
  if (!report.maybe_uninitialised_registers.empty()) {
    Line(text, "uninitialised",
         fmt::format("{}", fmt::join(report.maybe_uninitialised_registers, " ")));
  }
  for (const Simulation::Unwritten& hole : simulation.unwritten) {
    Line(text, "unwritten", fmt::format("byte {} of {} and maybe more", hole.byte, hole.file));
  }
  fmt::format_to(std::back_inserter(text), "\n{:>15} {:>13}  {:<24} {}\n", "threads", "warps",
                 "form", "tags");
  for (const FormCount& form : report.forms) {
    fmt::format_to(std::back_inserter(text), "{:>15} {:>13}  {:<24} {}\n",
                   Grouped(form.thread_instructions), Grouped(form.warp_instructions), form.form,
                   gpu::ptx::TagNames(form.tags));
  }
  return text;
}

std::string SimulationJson(const SimulationPlan& plan, const Simulation& simulation,
                           const std::string& invocation) {
  const RunReport& report = simulation.report;
  Json json = Head(plan, "simulate", invocation);
  json["grid"] = Shape(plan.shape.grid);
  json["block"] = Shape(plan.shape.block);
  json["dynamic_shared_bytes"] = plan.shape.dynamic_shared_bytes;
  json["ok"] = simulation.ok();
  json["warp_instructions"] = report.warp_instructions;
  json["thread_instructions"] = report.thread_instructions;
  json["branches"] = report.branches;
  json["divergent_branches"] = report.divergent_branches;
  json["tags"] = gpu::ptx::TagNames(report.tags);
  const MemoryCounts& memory = report.memory;
  json["memory"] = {{"global_loaded_bytes", memory.global_loaded_bytes},
                    {"global_stored_bytes", memory.global_stored_bytes},
                    {"global_accesses", memory.global_accesses},
                    {"global_sectors", memory.global_sectors},
                    {"shared_loaded_bytes", memory.shared_loaded_bytes},
                    {"shared_stored_bytes", memory.shared_stored_bytes},
                    {"local_loaded_bytes", memory.local_loaded_bytes},
                    {"local_stored_bytes", memory.local_stored_bytes}};
  json["races"] = report.races;
  json["first_races"] = report.first_races;
  if (plan.contract != ContractMode::kNo) {
    json["fused_when_contracted"] = simulation.fused_when_contracted;
  }
  json["schedules"] = plan.schedules;
  json["differences"] = Json::array();
  for (const OutputDifference& difference : simulation.differences) {
    json["differences"].push_back({{"run", difference.run},
                                   {"file", difference.file},
                                   {"byte", difference.byte},
                                   {"bytes_that_differ", difference.bytes_that_differ}});
  }
  json["unwritten"] = Json::array();
  for (const Simulation::Unwritten& hole : simulation.unwritten) {
    json["unwritten"].push_back({{"file", hole.file}, {"byte", hole.byte}});
  }
  json["maybe_uninitialised_registers"] = report.maybe_uninitialised_registers;
  json["forms"] = Json::array();
  for (const FormCount& form : report.forms) {
    json["forms"].push_back({{"form", form.form},
                             {"tags", gpu::ptx::TagNames(form.tags)},
                             {"warp_instructions", form.warp_instructions},
                             {"thread_instructions", form.thread_instructions}});
  }
  return json.dump(2) + "\n";
}

std::string LintText(const SimulationPlan& plan, const std::vector<LintFinding>& findings) {
  std::string text;
  std::set<gpu::ptx::LintRule> explained;
  for (const LintFinding& finding : findings) {
    const gpu::ptx::LintRuleInfo& rule = InfoOf(finding.rule);
    fmt::format_to(std::back_inserter(text), "{}:{}:{}: {}: {}\n    {}{}\n", plan.module.file,
                   finding.line, finding.column, rule.name, finding.what, finding.instruction,
                   finding.source.empty() ? "" : "    (" + finding.source + ")");
    if (explained.insert(finding.rule).second) {
      fmt::format_to(std::back_inserter(text), "    why: {}\n", rule.why);
    }
  }
  return text + fmt::format("{}: {} finding{}\n", plan.entry, findings.size(),
                            findings.size() == 1 ? "" : "s");
}

std::string LintJson(const SimulationPlan& plan, const std::vector<LintFinding>& findings,
                     const std::string& invocation) {
  Json json = Head(plan, "lint", invocation);
  json["findings"] = Json::array();
  for (const LintFinding& finding : findings) {
    const gpu::ptx::LintRuleInfo& rule = InfoOf(finding.rule);
    json["findings"].push_back({{"rule", rule.name},
                                {"line", finding.line},
                                {"column", finding.column},
                                {"what", finding.what},
                                {"why", rule.why},
                                {"instruction", finding.instruction},
                                {"source", finding.source}});
  }
  return json.dump(2) + "\n";
}

}  // namespace ulproof::cli
