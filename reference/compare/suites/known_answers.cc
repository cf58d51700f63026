// SPDX-License-Identifier: Apache-2.0
// The contract's worked examples, asked of the reference and of every backend alike.
#include "reference/compare/known_answers.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/compare/suites/suite.h"

namespace ulproof::reference {

void AddKnownAnswerChecks(const ConformOptions&, CheckList& checks) {
  for (const formats::OpKind kind : formats::kOpKinds) {
    const auto& answers = ContractKnownAnswers();
    const auto is_of_kind = [kind](const KnownAnswer& answer) { return answer.c.op.kind == kind; };
    if (std::ranges::none_of(answers, is_of_kind)) continue;
    checks.push_back({kind, fmt::format("{}/known-answers", formats::OpKindName(kind)), 5, false,
                      [=](CheckRun& run) {
                        for (const KnownAnswer& answer : ContractKnownAnswers()) {
                          if (is_of_kind(answer)) run.Expect(answer.c, answer.outputs);
                        }
                      }});
  }
}

}  // namespace ulproof::reference
