// SPDX-License-Identifier: Apache-2.0
#include "cli/report/conform_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/report/sweep_report.h"

namespace ulproof::cli {
namespace {

using formats::OpKind;
using testing::HasSubstr;
using testing::Not;

ConformRun SmallRun(std::uint64_t mismatches) {
  ConformRun run;
  run.backends = {"cpu-avx2", "cpu-scalar"};
  run.truth = "reference";
  run.level = "quick";
  run.processor = "A & B";
  run.threads = 2;
  reference::CheckRecord good = {.op = OpKind::kCast,
                                 .check = "cast/x",
                                 .backend = "cpu-avx2",
                                 .cases = 3,
                                 .elements = 1234567};
  reference::CheckRecord other = good;
  other.backend = "cpu-scalar";
  other.mismatches = mismatches;
  if (mismatches > 0) {
    other.failures.push_back(
        {"cast from=float32 shape=1x1 | x=1", "y[0,0]: expected <1> & got \"2\"",
         reference::Mismatch{"y", 0, 0, 0, formats::ElementType::CodeOf(formats::kBfloat16), 1, 2,
                             1}});
  }
  reference::CheckRecord skipped = {.op = OpKind::kNoise,
                                    .check = "noise/x",
                                    .backend = "cpu-scalar",
                                    .skipped_cases = 7,
                                    .skipped_why = "no noise"};
  run.report = {.records = {good, other, skipped}, .checks = 2, .seconds = 1.5};
  return run;
}

// Would catch a failure or a skip that the table does not show, or a verdict that contradicts it.
TEST(ConformReportTest, TableShowsVerdictFailuresAndSkips) {
  const std::string pass = ConformTable(SmallRun(0), false);
  EXPECT_THAT(pass, HasSubstr("PASS"));
  EXPECT_THAT(pass, HasSubstr("1,234,567"));
  EXPECT_THAT(pass, HasSubstr("cpu-scalar: noise 7 (no noise)"));
  EXPECT_THAT(pass, Not(HasSubstr("\033[")));
  const std::string fail = ConformTable(SmallRun(5), true);
  EXPECT_THAT(fail, HasSubstr("FAIL"));
  EXPECT_THAT(fail, HasSubstr("ulproof replay 'cast from=float32 shape=1x1 | x=1'"));
  EXPECT_THAT(fail, HasSubstr("\033[1;31m"));
  ConformRun nothing = SmallRun(0);
  nothing.report.records.erase(nothing.report.records.begin(), nothing.report.records.begin() + 2);
  EXPECT_THAT(ConformTable(nothing, false), HasSubstr("nothing was checked"));
}

// The keys that other programs read: would catch one renamed or lost.
TEST(ConformReportTest, JsonHasItsKeys) {
  const auto json = nlohmann::json::parse(ConformJson(SmallRun(5)));
  for (const char* key :
       {"tool", "version", "command", "contract", "level", "shard", "truth", "backends", "weights",
        "machine", "checks", "seconds", "mismatches", "verdict", "records"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["verdict"], "fail");
  EXPECT_EQ(json["mismatches"], 5);
  EXPECT_EQ(json["machine"]["processor"], "A & B");
  const auto& record = json["records"][1];
  for (const char* key : {"operation", "check", "backend", "cases", "elements", "mismatches",
                          "near_boundary", "skipped_cases", "skipped_why", "seconds", "failures"}) {
    EXPECT_TRUE(record.contains(key)) << key;
  }
  const auto& failure = record["failures"][0];
  EXPECT_EQ(failure["expected"], "0001");
  EXPECT_EQ(failure["got"], "0002");
  EXPECT_EQ(failure["ulps"], 1);
  EXPECT_EQ(failure["line"], "cast from=float32 shape=1x1 | x=1");
}

// Would catch characters that break the XML, and counts that CI would misread.
TEST(ConformReportTest, JunitEscapesAndCounts) {
  const std::string xml = ConformJunit(SmallRun(5));
  EXPECT_THAT(xml, HasSubstr("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(xml, HasSubstr("expected &lt;1&gt; &amp; got &quot;2&quot;"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"no noise\"/>"));
  EXPECT_THAT(xml, Not(HasSubstr("<1>")));
}

// Would catch groups of digits in the wrong place.
TEST(ConformReportTest, GroupsDigits) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(4294967296), "4,294,967,296");
}

// Would catch a shard that prints a hash as if it were the whole, and keys renamed or lost.
TEST(SweepReportTest, JsonOfAShardHasNoHash) {
  SweepRun run = {.op = {.kind = OpKind::kCast}, .backend = "cpu", .shard = {1, 2}, .result = {}};
  run.result.end = 10;
  run.result.mismatches = 1;
  run.result.first_mismatches = {{1, 2, 3}};
  auto json = nlohmann::json::parse(SweepJson(run));
  for (const char* key :
       {"operation", "backend", "shard", "begin", "inputs", "nan_inputs", "mismatches",
        "hash_factor", "hash_sum", "hash", "seconds", "verdict", "first_mismatches"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_TRUE(json["hash"].is_null());
  EXPECT_EQ(json["first_mismatches"][0]["expected"], "0002");
  EXPECT_THAT(SweepText(run, false), HasSubstr("factor"));
  run.shard = {};
  json = nlohmann::json::parse(SweepJson(run));
  EXPECT_EQ(json["hash"], "14650fb0739d0383");  // h0: nothing was appended.
  EXPECT_TRUE(formats::ParseCase(json["first_mismatches"][0]["line"].get<std::string>()).ok());
}

}  // namespace
}  // namespace ulproof::cli
