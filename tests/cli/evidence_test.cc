// SPDX-License-Identifier: Apache-2.0
// The commands that bring evidence: conform, exhaustive, replay, gen, check.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/run_ulproof.h"

namespace ulproof::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string TemporaryPath(const std::string& name) {
  return testing::TempDir() + "/ulproof_evidence_" + std::to_string(getpid()) + "_" + name;
}

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Catches a conform that does not run, writes no report, or leaves a progress bar in a pipe.
TEST(ConformCommandTest, PassesAndWritesReports) {
  const std::string json_path = TemporaryPath("report.json");
  const std::string junit_path = TemporaryPath("report.xml");
  const CommandResult result = RunUlproof(
      {"conform", "--ops", "dequantize,block_max", "--json", json_path, "--junit", junit_path});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("PASS"));
  EXPECT_EQ(result.err, "");
  const auto json = nlohmann::json::parse(ReadAll(json_path));
  EXPECT_EQ(json["verdict"], "pass");
  EXPECT_GT(json["records"].size(), 20u);
  EXPECT_THAT(ReadAll(junit_path), HasSubstr("</testsuites>"));
  std::filesystem::remove(json_path);
  std::filesystem::remove(junit_path);
}

// Catches bad input that is taken, or reported with the wrong exit code.
TEST(ConformCommandTest, RefusesBadInput) {
  const std::vector<std::vector<std::string>> wrong = {{"--ops", "casts"},
                                                       {"--level", "medium"},
                                                       {"--shard", "3/2"},
                                                       {"--backend", "gpu"},
                                                       {"--weights", "none"},
                                                       {"--weights", "/nonexistent/w.npy"},
                                                       {"stray"}};
  for (std::vector<std::string> arguments : wrong) {
    arguments.insert(arguments.begin(), "conform");
    const CommandResult result = RunUlproof(arguments);
    EXPECT_GE(result.exit_code, 2) << arguments[1];
    EXPECT_NE(result.err, "") << arguments[1];
  }
  const CommandResult full =
      RunUlproof({"conform", "--ops", "block_max", "--json", "/nonexistent/report.json"});
  EXPECT_EQ(full.exit_code, 3);
}

// Catches a hash that depends on the backend or on being computed in shards.
TEST(ExhaustiveCommandTest, SameHashEverywhere) {
  const std::vector<std::string> arguments = {"exhaustive",    "--from",     "bfloat16", "--to",
                                              "float8_e4m3fn", "--overflow", "sat"};
  std::string hash;
  for (const std::string backend : {"reference", "cpu", "cpu-scalar"}) {
    std::vector<std::string> mine = arguments;
    mine.insert(mine.end(), {"--backend", backend});
    const CommandResult result = RunUlproof(mine);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.out, HasSubstr("mismatches  0"));
    const std::string found = result.out.substr(result.out.find("hash"), 28);
    if (hash.empty()) hash = found;
    EXPECT_EQ(found, hash) << backend;
  }
  EXPECT_EQ(RunUlproof({"exhaustive", "--from", "float64", "--to", "float16"}).exit_code, 2);
  EXPECT_EQ(
      RunUlproof({"exhaustive", "--from", "float16", "--to", "float8_e5m2", "--round", "sra4"})
          .exit_code,
      2);
}

// Catches a replay that does not parse what failures print, or stays silent about a bad line's
// place.
TEST(ReplayCommandTest, ShowsACase) {
  const CommandResult result = RunUlproof(
      {"replay",
       "cast from=float32 to=float8_e4m3fn round=rne overflow=ovf shape=1x1 | x=3f880000"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("the midpoint"));
  const CommandResult bad = RunUlproof({"replay", "cast from=float33"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("float32"));
}

// A program that answers right, one that answers wrong, and one that stops: catches a check that
// does not tell them apart by its exit code.
TEST(GenCheckCommandTest, JudgeAProgram) {
  const std::string op = "cast from=float32 to=bfloat16 round=rtz overflow=ovf";
  const CommandResult gen = RunUlproof({"gen", "--op", op, "--seed", "3"});
  ASSERT_EQ(gen.exit_code, 0) << gen.err;
  // Rounding toward zero to bfloat16 is cutting the lower half, but for NaN.
  std::istringstream lines(gen.out);
  std::string right;
  for (std::string line; std::getline(lines, line);) {
    const unsigned long x = std::stoul(line, nullptr, 16);
    const bool is_nan = (x & 0x7FFFFFFF) > 0x7F800000;
    right += line + " " + (is_nan ? "7fc0" : line.substr(0, 4)) + "\n";
  }
  const std::vector<std::string> check = {"check", "--op", op, "--level", "1", "--seed", "3"};
  const CommandResult pass = RunUlproof(check, {.input = right});
  EXPECT_EQ(pass.exit_code, 0) << pass.err << pass.out;
  EXPECT_THAT(pass.out, HasSubstr("0 mismatches"));

  std::string wrong = right;
  wrong.replace(wrong.find(' ') + 1, 4, "0001");
  const CommandResult fail = RunUlproof(check, {.input = wrong});
  EXPECT_EQ(fail.exit_code, 1);
  EXPECT_THAT(fail.out, HasSubstr("line 1:"));
  EXPECT_THAT(fail.out, HasSubstr("ulproof replay 'cast from=float32"));

  const std::string half = right.substr(0, right.find('\n', right.size() / 2) + 1);
  EXPECT_EQ(RunUlproof(check, {.input = half}).exit_code, 2);
  EXPECT_EQ(RunUlproof({"check", "--op", op}, {.input = half}).exit_code, 0);
  const CommandResult cut =
      RunUlproof({"check", "--op", op}, {.input = right.substr(0, right.size() - 3)});
  EXPECT_EQ(cut.exit_code, 2);
  EXPECT_THAT(cut.err, HasSubstr("stdin:"));
}

}  // namespace
}  // namespace ulproof::cli
