// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "reference/compare/deviation.h"
#include "tests/reference/compare/planted_cases.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::OpKind;

#ifdef ULPROOF_ALL_PLANTS
constexpr bool kEverywhere = true;
#else
constexpr bool kEverywhere = false;
#endif

std::vector<Observation> Plant(const std::vector<Case>& cases,
                               std::span<const Deviation* const> deviations) {
  std::vector<Observation> observations;
  for (const Case& c : cases) {
    const auto variant = Deviate(c.op, deviations);
    observations.push_back({c, RunDeviant(c, variant.value_or(Variant(c.op)))});
  }
  return observations;
}

// The place of a deviation among the explanations, or -1.
int RankOf(const ExplainReport& report, const std::vector<std::string>& ids) {
  const auto found = std::ranges::find(report.explanations, ids, &Explanation::deviations);
  return found == report.explanations.end() ? -1
                                            : static_cast<int>(found - report.explanations.begin());
}

std::string Ids(const ExplainReport& report) {
  std::string ids;
  for (const Explanation& e : report.explanations) ids += e.deviations[0] + " ";
  return ids;
}

// Would catch a row that its own plant does not lead back to: pruning that is too eager, a wrong
// pairing of applicability and effect, ranks that bury the answer. By default each row is planted
// in the first operation where it shows, else in all.
TEST(ExplainTest, EveryPlantedDeviationIsFound) {
  std::set<std::string_view> found;
  for (const OpKind kind : formats::kOpKinds) {
    for (const std::string_view operation : PlantableOperations(kind)) {
      const std::vector<Case> cases = PlantedCases(operation);
      for (const Deviation& deviation : Deviations()) {
        const Deviation* row[] = {&deviation};
        if (!kEverywhere && found.contains(deviation.id)) continue;
        if (!Deviate(cases.back().op, row)) continue;
        const ExplainReport report = Explain(Plant(cases, row));
        if (report.wrong == 0) continue;
        EXPECT_GE(RankOf(report, {std::string(deviation.id)}), 0)
            << deviation.id << " in " << operation << ": " << Ids(report);
        EXPECT_FALSE(report.budget_exhausted) << deviation.id << " in " << operation;
        found.insert(deviation.id);
      }
    }
  }
  EXPECT_EQ(found.size(), Deviations().size());
}

// Would catch a search that stops at single rows, or takes a pair where both parts are one aspect.
TEST(ExplainTest, PairsAreFound) {
  const struct {
    std::string_view operation, first, second;
  } kPairs[] = {
      {"sample from=bfloat16 to=bfloat16 law=rg16", "round.rtz", "rg16.high-half-first"},
      {"sample from=float32 to=float8_e4m3fn law=rg32 bits=block overflow=sat", "overflow.ovf",
       "bits.first"},
      {"cast from=float32 to=float8_e4m3fn round=rne overflow=sat", "round.rna", "nan.largest"},
      {"noise law=rg16 pack=nibbles", "offset.ignored", "pack.high-nibble-first"},
      {"quantize from=bfloat16 format=mxfp8_e4m3", "rule.ceil", "element.rtz"},
      {"backward from=float32 law=rgbits block=8x8", "reduce.sequential", "factor.no-ln2"},
  };
  for (const auto& [operation, first, second] : kPairs) {
    const Deviation* rows[] = {FindDeviation(first), FindDeviation(second)};
    const ExplainReport report = Explain(Plant(PlantedCases(operation), rows));
    const bool is_found = RankOf(report, {std::string(first), std::string(second)}) >= 0 ||
                          RankOf(report, {std::string(second), std::string(first)}) >= 0;
    EXPECT_TRUE(is_found) << operation << " " << first << " " << second << "\n"
                          << ExplainText(report);
  }
}

// Would catch a scope that is claimed too widely or too narrowly.
TEST(ExplainTest, APartThatDeviatesIsNamed) {
  const std::vector<Case> cases = PlantedCases("sample from=bfloat16 to=bfloat16 law=rg16");
  const Deviation* row[] = {FindDeviation("rg16.high-half-first")};
  std::vector<Observation> observations = Plant(cases, row);
  const std::vector<Observation> right = Plant(cases, {});
  for (std::size_t k = 0; k < cases.size(); ++k) {
    const formats::Shape& shape = cases[k].op.shape;
    for (std::uint64_t i = 0; i < shape.count(); ++i) {
      const bool whole = i / shape.cols / 32 * 32 + 32 <= shape.rows &&
                         i % shape.cols / 32 * 32 + 32 <= shape.cols;
      if (!whole) observations[k].outputs[0].Set(i, right[k].outputs[0].Get(i));
    }
  }
  const ExplainReport report = Explain(observations);
  ASSERT_FALSE(report.explanations.empty()) << ExplainText(report);
  EXPECT_EQ(report.explanations[0].deviations, std::vector<std::string>{"rg16.high-half-first"});
  EXPECT_EQ(report.explanations[0].scope, "in whole blocks");
  EXPECT_EQ(report.explanations[0].text,
            "identical to the reference with the high half of each word before the low one, in "
            "whole blocks only");
}

// Would catch an explanation of a program that is right, or one that fits only most of the outputs.
TEST(ExplainTest, ARightProgramAndARandomFaultHaveNoExplanation) {
  const std::vector<Case> cases = PlantedCases("cast from=float32 to=bfloat16");
  std::vector<Observation> observations = Plant(cases, {});
  const ExplainReport right = Explain(observations);
  EXPECT_EQ(right.wrong, 0u);
  EXPECT_TRUE(right.explanations.empty() && right.patterns.empty());
  EXPECT_EQ(ExplainText(right), "");

  formats::Tensor& output = observations[3].outputs[0];
  output.Set(17, output.Get(17) ^ 4);
  const ExplainReport wrong = Explain(observations);
  EXPECT_EQ(wrong.wrong, 1u);
  EXPECT_TRUE(wrong.explanations.empty()) << ExplainText(wrong);
  EXPECT_FALSE(wrong.patterns.empty());
}

// Would catch a check of the wrong elements alone: truncation that spares a single element is not
// truncation.
TEST(ExplainTest, AnElementThatIsRightRefutes) {
  const std::vector<Case> cases = PlantedCases("cast from=float32 to=bfloat16");
  const Deviation* row[] = {FindDeviation("round.rtz")};
  std::vector<Observation> observations = Plant(cases, row);
  ASSERT_EQ(RankOf(Explain(observations), {"round.rtz"}), 0);
  const std::vector<Observation> right = Plant(cases, {});
  for (std::size_t k = cases.size(); k-- > 0;) {
    formats::Tensor& output = observations[k].outputs[0];
    for (std::uint64_t i = output.count(); i-- > 0;) {
      if (output.Get(i) == right[k].outputs[0].Get(i)) continue;
      output.Set(i, right[k].outputs[0].Get(i));
      EXPECT_EQ(RankOf(Explain(observations), {"round.rtz"}), -1);
      return;
    }
  }
  FAIL() << "truncation shows nowhere";
}

// Would catch a telling case that tells nothing, or a line that cannot be replayed.
TEST(ExplainTest, TheTellingCaseTellsTheFirstTwoApart) {
  // Without NaN, infinity and -0 a cast cannot show what it does with them.
  std::vector<Case> cases = {
      *formats::ParseCase("cast from=float32 to=float8_e4m3fn round=rne overflow=ovf shape=1x3 | "
                          "x=44000000,1,c4400000")};
  const Deviation* row[] = {FindDeviation("overflow.sat")};
  const ExplainReport report = Explain(Plant(cases, row));
  ASSERT_GE(report.explanations.size(), 2u);
  ASSERT_FALSE(report.telling_case.empty());
  const auto telling = formats::ParseCase(report.telling_case);
  ASSERT_TRUE(telling.ok()) << telling.error().ToString();
  std::vector<std::vector<formats::Tensor>> answers;
  for (int k = 0; k < 2; ++k) {
    const Deviation* one[] = {FindDeviation(report.explanations[k].deviations[0])};
    answers.push_back(
        RunDeviant(*telling, Deviate(telling->op, one).value_or(Variant(telling->op))));
  }
  EXPECT_NE(answers[0], answers[1]);
}

}  // namespace
}  // namespace ulproof::reference
