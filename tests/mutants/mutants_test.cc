// SPDX-License-Identifier: Apache-2.0
// The mutants of MUTANTS: wrong versions of our kernels, one bug each. Would catch cases in which a
// realistic bug cannot be seen, a simulator that hides it, and an explanation that is wrong: each
// must be found out, and explained as its line in MUTANTS says.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "gpu/kernel_backend.h"
#include "gpu/simulator_machine.h"
#include "reference/compare/deviation.h"
#include "reference/compare/explain.h"
#include "tests/reference/compare/planted_cases.h"

namespace ulproof {
namespace {

const std::string kFolder = std::string(ULPROOF_SOURCE_DIR) + "/tests/mutants/";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Mutant {
  std::string name;
  std::string operation;
  std::vector<std::string> expected;  // Ids, or "pattern" or "fault".

  bool Expects(std::string_view word) const { return std::ranges::count(expected, word) != 0; }
};

std::vector<Mutant> ReadMutants() {
  std::vector<Mutant> mutants;
  std::istringstream lines(ReadFile(kFolder + "MUTANTS"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, word;
    words >> key;
    if (key == "mutant") {
      words >> mutants.emplace_back().name;
    } else if (key == "op") {
      mutants.back().operation = line.substr(3);
    } else if (key == "expect") {
      while (words >> word) mutants.back().expected.push_back(word);
    }
  }
  return mutants;
}

struct Verdict {
  std::string fault;  // Of the simulator, the first.
  reference::ExplainReport report;
};

Verdict Verify(formats::Backend& backend, std::string_view operation) {
  Verdict verdict;
  std::vector<reference::Observation> observations;
  for (const formats::Case& c : reference::PlantedCases(operation)) {
    EXPECT_EQ(backend.why_unsupported(c.op), "") << formats::OperationName(c.op);
    auto outputs = formats::RunCase(backend, c);
    if (outputs.ok()) {
      observations.push_back({c, *std::move(outputs)});
    } else if (verdict.fault.empty()) {
      verdict.fault = outputs.error().ToString();
    }
  }
  if (!observations.empty()) verdict.report = reference::Explain(observations);
  return verdict;
}

// Whether one of the explanations is an expected one.
bool IsExplained(const Mutant& mutant, const reference::ExplainReport& report) {
  return std::ranges::any_of(report.explanations, [&](const reference::Explanation& e) {
    return e.deviations.size() == 1 && mutant.Expects(e.deviations[0]);
  });
}

class MutantsTest : public testing::TestWithParam<Mutant> {};

TEST_P(MutantsTest, IsFoundOutAndExplained) {
  const Mutant& mutant = GetParam();
  const std::string ptx = ReadFile(kFolder + "ptx/" + mutant.name + ".ptx");
  const auto backend = gpu::MakeKernelBackend(
      {.name = mutant.name,
       .machine = gpu::MakeSimulatorMachine(),
       .module_text = [&](std::string_view) { return std::string_view(ptx); }});
  const Verdict verdict = Verify(*backend, mutant.operation);
  const std::string text = verdict.fault + "\n" + reference::ExplainText(verdict.report);
  EXPECT_TRUE(!verdict.fault.empty() || verdict.report.wrong != 0) << "survives";
  if (mutant.Expects("fault")) {
    EXPECT_FALSE(verdict.fault.empty()) << text;
  } else {
    EXPECT_TRUE(verdict.fault.empty()) << text;
    // No explanation is better than a wrong one.
    const bool is_right = mutant.Expects("pattern") ? verdict.report.explanations.empty() &&
                                                          !verdict.report.patterns.empty()
                                                    : IsExplained(mutant, verdict.report);
    EXPECT_TRUE(is_right) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(All, MutantsTest, testing::ValuesIn(ReadMutants()),
                         [](const auto& mutant) { return mutant.param.name; });

// Would catch cases that accuse everybody: the kernels without a bug must pass them.
TEST(MutantListTest, TheKernelsThemselvesPass) {
  std::set<std::string> operations;
  for (const Mutant& mutant : ReadMutants()) operations.insert(mutant.operation);
  const auto backend =
      gpu::MakeKernelBackend({.name = "simulator", .machine = gpu::MakeSimulatorMachine()});
  for (const std::string& operation : operations) {
    const Verdict verdict = Verify(*backend, operation);
    EXPECT_EQ(verdict.fault, "") << operation;
    EXPECT_EQ(verdict.report.wrong, 0u) << operation << reference::ExplainText(verdict.report);
  }
}

// Would catch a list that has lost its mutants, its explanations, or its meaning.
TEST(MutantListTest, HoldsThirtyAndTwentyFiveAreExplained) {
  const std::vector<Mutant> mutants = ReadMutants();
  EXPECT_GE(mutants.size(), 30u);
  std::size_t explained = 0;
  for (const Mutant& mutant : mutants) {
    ASSERT_FALSE(mutant.expected.empty()) << mutant.name;
    const std::string& word = mutant.expected[0];
    if (word == "pattern" || word == "fault") continue;
    ++explained;
    for (const std::string& id : mutant.expected) {
      EXPECT_NE(reference::FindDeviation(id), nullptr) << mutant.name << ": " << id;
    }
  }
  EXPECT_GE(explained, 25u);
}

}  // namespace
}  // namespace ulproof
