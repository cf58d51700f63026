// SPDX-License-Identifier: Apache-2.0
// The suite against backends with planted bugs: each is found, and shrunk to a case that a person
// can take in, whose line shows it again.
#include "reference/compare/conform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "reference/backend_reference.h"
#include "reference/compare/replay.h"
#include "tests/support/mutant_backend.h"

namespace ulproof::reference {
namespace {

using formats::OpKind;
using testing::HasSubstr;
using tests::MutantBackend;

class ConformTest : public testing::Test {
 protected:
  ConformReport Run(formats::Backend& subject, const std::string& only) {
    ConformOptions options;
    options.truth = reference_.get();
    options.subjects = {&subject};
    options.only = only;
    return Conform(options);
  }

  // Runs the checks of that name on the mutant; every failure found must be a case of at most
  // `max_elements` input elements that replays. Returns the smallest of them.
  formats::Case Find(MutantBackend mutant, const std::string& only, std::uint64_t max_elements) {
    const ConformReport report = Run(mutant, only);
    EXPECT_GT(report.mismatches(), 0u) << only;
    std::optional<formats::Case> smallest;
    for (const CheckRecord& record : report.records) {
      if (record.mismatches > 0) {
        EXPECT_FALSE(record.failures.empty());
        EXPECT_EQ(record.backend, mutant.name());
      }
      for (const Failure& failure : record.failures) {
        auto c = formats::ParseCase(failure.line);
        EXPECT_TRUE(c.ok()) << failure.line;
        EXPECT_LE(c->op.shape.count(), max_elements) << failure.line;
        EXPECT_THAT(failure.text, HasSubstr("expected"));
        const auto replayed = Replay(*c, *reference_, std::vector<formats::Backend*>{&mutant});
        EXPECT_TRUE(replayed.ok() && !replayed->agree) << failure.line;
        EXPECT_THAT(replayed->text, HasSubstr("DIFFERS"));
        if (!smallest || c->op.shape.count() < smallest->op.shape.count()) smallest = *c;
      }
    }
    EXPECT_TRUE(smallest.has_value());
    return smallest.value_or(formats::Case{});
  }

  const std::unique_ptr<formats::Backend> reference_ = MakeReferenceBackend();
};

// A right backend passes, and everything that is reported about it adds up. The reference under
// another name: would catch a suite that fails what is right, or that runs nothing.
TEST_F(ConformTest, PassesTheReferenceItself) {
  MutantBackend same(*reference_, "same", {}, {});
  for (const std::string only : {"known-answers", "random/3", "scale/bitwidths", "pieces"}) {
    const ConformReport report = Run(same, only);
    EXPECT_GT(report.checks, 0u) << only;
    EXPECT_EQ(report.mismatches(), 0u) << only;
    for (const CheckRecord& record : report.records) {
      if (record.backend != "same") continue;
      EXPECT_GT(record.cases, 0u) << record.check;
      EXPECT_GT(record.elements, 0u) << record.check;
      EXPECT_EQ(record.skipped_cases, 0u) << record.check;
    }
  }
}

TEST_F(ConformTest, FindsTiesAway) {
  const formats::Case c = Find(tests::TiesAway(*reference_), "cast/edges/float32/float8_e4m3fn", 1);
  EXPECT_EQ(c.op.shape.count(), 1u);
}

// Two different neighbours are the least that shows a swap, and the swap is of lanes 2 and 3.
TEST_F(ConformTest, FindsSwappedLanes) {
  const formats::Case c = Find(tests::SwapsLanes(*reference_), "cast/random/0", 4);
  EXPECT_EQ(c.op.shape.count(), 4u);
}

TEST_F(ConformTest, FindsFlushedSubnormals) {
  const formats::Case c =
      Find(tests::FlushesSubnormals(*reference_), "cast/exhaustive/bfloat16/float8_e5m2", 1);
  EXPECT_EQ(c.op.shape.count(), 1u);
  Find(tests::FlushesSubnormals(*reference_), "scale/maxima", 1);
}

TEST_F(ConformTest, FindsAnotherNan) {
  Find(tests::WritesOtherNan(*reference_), "cast/exhaustive/float16/bfloat16", 1);
  // Where any NaN will do, it is not an error.
  MutantBackend mutant = tests::WritesOtherNan(*reference_);
  EXPECT_EQ(Run(mutant, "block_max/codes/bfloat16").mismatches(), 0u);
}

TEST_F(ConformTest, FindsAnOffsetOffByOne) {
  Find(tests::OffsetOffByOne(*reference_), "noise/shapes/rg16", 2);
  Find(tests::OffsetOffByOne(*reference_), "sample/codes/bfloat16/rg32", 4);
}

TEST_F(ConformTest, FindsMissingSaturation) {
  const formats::Case c = Find(tests::ForgetsSaturation(*reference_), "cast/random", 1);
  EXPECT_EQ(c.op.overflow, formats::Overflow::kSaturate);
  Find(tests::ForgetsSaturation(*reference_), "sample/modes", 1);
}

// Noise that keeps its law but not its words is no business of the statistics; noise of another law
// is. Would catch statistics that never fail.
TEST_F(ConformTest, StatisticsFindAnotherLaw) {
  MutantBackend other(*reference_, "other-law", {},
                      [](const formats::Operation&, auto, auto outputs) {
                        for (std::uint64_t i = 0; i < outputs[0].count; i += 16)
                          outputs[0].Set(i, 0);
                      });
  const ConformReport report = Run(other, "noise/statistics/rg16");
  EXPECT_GT(report.mismatches(), 0u);
  EXPECT_THAT(report.records.at(0).failures.at(0).text, HasSubstr("chi-square"));
}

// Would catch a cut or a number of threads that matters and goes unseen.
TEST_F(ConformTest, InvarianceFindsAnIgnoredOffset) {
  MutantBackend ignores(*reference_, "ignores-offset",
                        [](formats::Operation& op) { op.key.offset = 0; }, {});
  EXPECT_GT(Run(ignores, "noise/pieces").mismatches(), 0u);
}

class LimitedBackend : public MutantBackend {
 public:
  explicit LimitedBackend(formats::Backend& inner) : MutantBackend(inner, "limited", {}, {}) {}
  std::string why_unsupported(const formats::Operation& op) const override {
    return op.kind == OpKind::kCast ? "no casts today" : "";
  }
};
class MissingBackend : public MutantBackend {
 public:
  explicit MissingBackend(formats::Backend& inner) : MutantBackend(inner, "missing", {}, {}) {}
  std::string why_unavailable() const override { return "no such machine"; }
};

// Would catch skips that count as passes or as failures, or lose their reason.
TEST_F(ConformTest, SkipsAreSkips) {
  LimitedBackend limited(*reference_);
  MissingBackend missing(*reference_);
  ConformOptions options;
  options.truth = reference_.get();
  options.subjects = {&limited, &missing};
  options.only = "random/1";
  options.ops = {OpKind::kCast, OpKind::kScale};
  const ConformReport report = Conform(options);
  EXPECT_EQ(report.mismatches(), 0u);
  ASSERT_EQ(report.records.size(), 4u);
  for (const CheckRecord& record : report.records) {
    if (record.backend == "missing") {
      EXPECT_EQ(record.cases, 0u);
      EXPECT_EQ(record.skipped_why, "no such machine");
    } else if (record.op == OpKind::kCast) {
      EXPECT_EQ(record.cases, 0u);
      EXPECT_GT(record.skipped_cases, 0u);
      EXPECT_EQ(record.skipped_why, "no casts today");
    } else {
      EXPECT_GT(record.cases, 0u);
      EXPECT_EQ(record.skipped_cases, 0u);
    }
  }
}

// Would catch shards that leave checks out or do them twice, and progress that does not end at its
// total.
TEST_F(ConformTest, ShardsDealOutAllChecks) {
  ConformOptions options;
  options.truth = reference_.get();
  const std::vector<std::string> all = ConformChecks(options);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  std::multiset<std::string> dealt;
  for (std::uint64_t index = 1; index <= 5; ++index) {
    options.shard = {index, 5};
    for (const std::string& name : ConformChecks(options)) dealt.insert(name);
  }
  EXPECT_EQ(dealt, std::multiset<std::string>(all.begin(), all.end()));

  options.shard = {};
  options.only = "known-answers";
  ConformProgress last;
  options.progress = [&](const ConformProgress& progress) { last = progress; };
  Conform(options);
  EXPECT_EQ(last.done, last.total);
  EXPECT_GT(last.total, 0u);
}

// A user's tensor is an input: a bug that only its values show is found.
TEST_F(ConformTest, UsesWeights) {
  MutantBackend mutant(*reference_, "dislikes-1234", {},
                       [](const formats::Operation&, auto inputs, auto outputs) {
                         for (std::uint64_t i = 0; i < inputs[0].count; ++i) {
                           if (inputs[0].Get(i) == 0x3F9D0456) outputs[0].Set(i, 0);
                         }
                       });
  ConformOptions options;
  options.truth = reference_.get();
  options.subjects = {&mutant};
  options.only = "cast/weights";
  Weights& weights = options.weights.emplace_back();
  weights.name = "layer.0";
  weights.shape = {.rows = 3, .cols = 4};
  weights.codes = formats::Tensor(formats::ElementType::CodeOf(formats::kFloat32), 12);
  weights.codes.Set(7, 0x3F9D0456);
  const ConformReport report = Conform(options);
  EXPECT_GT(report.mismatches(), 0u);
  ASSERT_FALSE(report.records.empty());
  EXPECT_EQ(report.records[0].check, "cast/weights/layer.0");
}

}  // namespace
}  // namespace ulproof::reference
