// SPDX-License-Identifier: Apache-2.0
// The JSON and JUnit renderings of a verification.
#include <fmt/format.h>

#include "cli/report/check_records.h"
#include "cli/report/record.h"
#include "cli/report/verify_report.h"

namespace ulproof::cli {
namespace {

Json ExplanationJson(const reference::ExplainReport& report) {
  Json json = {
      {"wrong_elements", report.wrong},      {"elements", report.elements},
      {"explanations", Json::array()},       {"patterns", report.patterns},
      {"telling_case", report.telling_case}, {"budget_exhausted", report.budget_exhausted}};
  for (const reference::Explanation& explanation : report.explanations) {
    json["explanations"].push_back({{"deviations", explanation.deviations},
                                    {"scope", explanation.scope},
                                    {"text", explanation.text}});
  }
  return json;
}

}  // namespace

std::string VerifyJson(const VerifyRun& run) {
  const Verdict verdict = VerdictOf(run);
  Json json = RecordHead("verify", 1, run.invocation);
  json["machine"] = {{"processor", run.processor}, {"threads", run.threads}};
  json.update({{"kernel", run.kernel},
               {"description", run.description},
               {"operation", run.operation},
               {"restrictions", run.restrictions},
               {"level", run.level},
               {"backends", run.backends},
               {"checks", run.report.checks},
               {"seconds", run.report.seconds},
               {"mismatches", run.report.mismatches()},
               {"verdict", verdict == Verdict::kPass   ? "pass"
                           : verdict == Verdict::kFail ? "fail"
                                                       : "nothing"}});
  json["smallest"] = nullptr;
  if (run.first) {
    json["smallest"] = {{"check", run.first->check},
                        {"backend", run.first->backend},
                        {"line", run.first->failure.line},
                        {"text", run.first->failure.text},
                        {"replay", VerifyReplay(run, run.first->failure.line)}};
  }
  json["explanation"] = run.explanation ? ExplanationJson(*run.explanation) : Json(nullptr);
  json["simulated"] = nullptr;
  if (run.work) {
    json["simulated"] = {{"launches", run.work->launches},
                         {"thread_instructions", run.work->thread_instructions},
                         {"tags", gpu::ptx::TagNames(run.work->tags)}};
  }
  json["contraction"] = nullptr;
  if (run.contraction) {
    json["contraction"] = {{"cases", run.contraction->cases},
                           {"changed", run.contraction->changed},
                           {"line", run.contraction->line}};
  }
  json["records"] = Json::array();
  for (const reference::CheckRecord& record : run.report.records) {
    json["records"].push_back(RecordJson(record));
  }
  // Paths and messages may hold any bytes.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string VerifyJunit(const VerifyRun& run) {
  return RecordsJunit("ulproof verify " + run.kernel, run.report.records, run.backends,
                      [&](const std::string& line) { return VerifyReplay(run, line); });
}

}  // namespace ulproof::cli
