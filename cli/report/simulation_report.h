// SPDX-License-Identifier: Apache-2.0
// What `ulproof simulate` found, as text for people and as JSON for programs.
#ifndef ULPROOF_CLI_REPORT_SIMULATION_REPORT_H_
#define ULPROOF_CLI_REPORT_SIMULATION_REPORT_H_

#include <string>
#include <vector>

#include "cli/simulation.h"
#include "gpu/ptx/lint.h"

namespace ulproof::cli {

std::string SimulationText(const SimulationPlan& plan, const Simulation& simulation);
// Ends with a newline; docs/simulate.md lists the keys.
std::string SimulationJson(const SimulationPlan& plan, const Simulation& simulation,
                           const std::string& invocation);

// "file:12:3: rule: what" and the line, then one sentence a rule; the number of findings last.
std::string LintText(const SimulationPlan& plan,
                     const std::vector<gpu::ptx::LintFinding>& findings);
std::string LintJson(const SimulationPlan& plan, const std::vector<gpu::ptx::LintFinding>& findings,
                     const std::string& invocation);

}  // namespace ulproof::cli

#endif  // ULPROOF_CLI_REPORT_SIMULATION_REPORT_H_
