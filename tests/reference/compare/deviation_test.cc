// SPDX-License-Identifier: Apache-2.0
#include "reference/compare/deviation.h"

#include <gtest/gtest.h>

#include <set>

#include "reference/backend_reference.h"
#include "reference/compare/inputs.h"
#include "reference/compare/judge.h"
#include "tests/reference/compare/planted_cases.h"

namespace ulproof::reference {
namespace {

using formats::Case;
using formats::OpKind;

// Would catch a machine that deviates on its own: without a deviation every operation, format, mode
// and law must give the reference's codes.
TEST(DeviationTest, WithoutDeviationTheMachineIsTheReference) {
  const auto reference = MakeReferenceBackend();
  for (const OpKind kind : formats::kOpKinds) {
    Rng rng(static_cast<std::uint64_t>(kind) + 1);
    for (int i = 0; i < 40; ++i) {
      formats::Operation op = RandomOperation(kind, rng);
      // The reference decides these laws with many digits an element.
      if (!formats::HasIntegerNoise(op.law) || op.law == formats::NoiseLaw::kBoxMuller) {
        op.shape.rows = 1 + op.shape.rows % 3;
      }
      if (!HasDeviantMachine(op)) continue;
      const Case c = RandomCase(op, rng);
      const auto expected = formats::RunCase(*reference, c);
      ASSERT_TRUE(expected.ok());
      const Variant variant(op);
      ASSERT_TRUE(CompareOutputs(c, *expected, RunDeviant(c, variant)).ok())
          << formats::CaseLine(c).substr(0, 400);
    }
  }
}

// Would catch rows that cannot be told apart by name, or that nobody can read.
TEST(DeviationTest, RowsAreNamedOnceAndSaySomething) {
  std::set<std::string_view> ids, texts;
  for (const Deviation& deviation : Deviations()) {
    EXPECT_TRUE(ids.insert(deviation.id).second) << deviation.id;
    EXPECT_FALSE(deviation.text.empty()) << deviation.id;
    EXPECT_EQ(FindDeviation(deviation.id), &deviation);
  }
  EXPECT_GE(ids.size(), 60u);
  EXPECT_EQ(FindDeviation("no.such"), nullptr);
}

// Whether a deviation changes an output of one of these cases.
bool Shows(const Deviation& deviation, const std::vector<Case>& cases) {
  const Deviation* row[] = {&deviation};
  for (const Case& c : cases) {
    const auto variant = Deviate(c.op, row);
    if (variant && RunDeviant(c, *variant) != RunDeviant(c, Variant(c.op))) return true;
  }
  return false;
}

// Would catch a row without effect: a knob that nothing obeys, an edit that is undone.
TEST(DeviationTest, EveryRowShowsSomewhere) {
  std::set<std::string_view> hidden;
  for (const Deviation& deviation : Deviations()) hidden.insert(deviation.id);
  for (const OpKind kind : formats::kOpKinds) {
    for (const std::string_view operation : PlantableOperations(kind)) {
      const std::vector<Case> cases = PlantedCases(operation);
      for (const Deviation& deviation : Deviations()) {
        if (hidden.contains(deviation.id) && Shows(deviation, cases)) hidden.erase(deviation.id);
      }
    }
  }
  for (const std::string_view id : hidden) ADD_FAILURE() << id;
}

}  // namespace
}  // namespace ulproof::reference
